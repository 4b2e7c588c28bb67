-- SPDX-License-Identifier: MIT
-- Whether anybody has messages of a category, which is asked before it is removed.

-- An expression, so that a look-up by user and category goes on taking the key, whatever the planner knows.
CREATE INDEX unread_count_category_idx ON doorbell.unread_count ((category + 0));

-- This takes more than before.
DROP FUNCTION IF EXISTS doorbell.category_remove(text);
