-- SPDX-License-Identifier: MIT
-- Texts that a category gives to its messages, and the language in which a user reads them.

CREATE TABLE doorbell.template (
    category integer CONSTRAINT template_category_fkey REFERENCES doorbell.category,
    language text COLLATE "C",
    title text NOT NULL,
    body text NOT NULL,
    CONSTRAINT template_pkey PRIMARY KEY (category, language)
);
COMMENT ON TABLE doorbell.template IS
    'The texts of a category in a language (BCP 47), for its messages that have none of their own. Written when they are read.';

ALTER TABLE doorbell.category ADD COLUMN strict boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN doorbell.category.strict IS 'A message that lacks what a template of it names is refused.';

ALTER TABLE doorbell.message ALTER COLUMN title DROP NOT NULL, ALTER COLUMN body DROP NOT NULL;
COMMENT ON COLUMN doorbell.message.title IS 'Null: the category''s template gives it.';
COMMENT ON COLUMN doorbell.message.body IS 'Null: the category''s template gives it.';

ALTER TABLE doorbell.reader ADD COLUMN language text COLLATE "C";
COMMENT ON COLUMN doorbell.reader.language IS 'In which the user wants to read, BCP 47; null: not chosen.';
