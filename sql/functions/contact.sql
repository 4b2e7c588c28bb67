-- SPDX-License-Identifier: MIT
-- First contact.

CREATE OR REPLACE FUNCTION doorbell.contact(user_id text, since timestamptz DEFAULT NULL, backlog_days integer DEFAULT 7)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    oldest timestamptz := coalesce(since, clock_timestamp() - make_interval(days => backlog_days));
BEGIN
    PERFORM FROM arrival WHERE user_id = contact.user_id;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM check_user(contact.user_id);
    INSERT INTO arrival (user_id, floor)
    SELECT contact.user_id, coalesce((
        SELECT x.pos FROM first_broadcast_too_old(oldest) x), -1)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION doorbell.contact IS
    'First contact of a user. Fixes, once, how far back he sees messages to everybody: those sent '
    'after since (when he registered), or without it those of the last backlog_days. '
    'Later calls change nothing. Waits for no sender.';
