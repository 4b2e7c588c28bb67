-- SPDX-License-Identifier: MIT
-- Archiving and deleting many messages. What is archived already is not touched: no other list shows it. What must be
-- acknowledged and was not is passed by.

CREATE OR REPLACE FUNCTION doorbell.archive_ids(user_id text, ids bigint[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'archive', ids, 'some'); END$$;
COMMENT ON FUNCTION doorbell.archive_ids IS
    'Moves up to 1,000 messages to the archive. Those still to be acknowledged or of somebody else are passed by; DB404 if none is the user''s.';

CREATE OR REPLACE FUNCTION doorbell.remove_ids(user_id text, ids bigint[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'remove', ids, 'some'); END$$;
COMMENT ON FUNCTION doorbell.remove_ids IS
    'Deletes up to 1,000 messages from the user''s inbox, for good, archived ones too. Those still to be acknowledged or of somebody '
    'else are passed by; DB404 if none is or was the user''s.';

CREATE OR REPLACE FUNCTION doorbell_internal.put_away(user_id text, action text, "position" text, category text, only_read boolean, max_rows integer,
    group_key text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer, next text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM doorbell_internal.check_part(max_rows), doorbell_internal.check_name('category', put_away.category, 64),
        doorbell_internal.check_text('group_key', group_key, 255);
    RETURN QUERY SELECT * FROM doorbell_internal.mark_part(put_away.user_id, action, put_away."position",
        CASE WHEN only_read THEN '{read}' ELSE '{unread,read}' END::doorbell.inbox_state[],
        doorbell_internal.category_id(put_away.category), max_rows, group_key);
END
$$;

CREATE OR REPLACE FUNCTION doorbell.archive_part(user_id text, "position" text DEFAULT NULL, category text DEFAULT NULL,
    only_read boolean DEFAULT false, max_rows integer DEFAULT 500, group_key text DEFAULT NULL)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer, next text)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM put_away(user_id, 'archive', "position", category, only_read, max_rows, group_key); END$$;
COMMENT ON FUNCTION doorbell.archive_part IS
    'Moves to the archive what the user can see: all of it, or of a category or group, or what was read; with a position only what that list '
    'could show. In parts, as doorbell.mark_read_part(): call it again with next for the position, and the rest as before, until next is null. DB422.';

CREATE OR REPLACE FUNCTION doorbell.remove_part(user_id text, "position" text DEFAULT NULL, category text DEFAULT NULL,
    only_read boolean DEFAULT false, max_rows integer DEFAULT 500, group_key text DEFAULT NULL)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer, next text)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM put_away(user_id, 'remove', "position", category, only_read, max_rows, group_key); END$$;
COMMENT ON FUNCTION doorbell.remove_part IS
    'Deletes from the user''s inbox, for good, what doorbell.archive_part() would archive, and in such parts. DB422.';
