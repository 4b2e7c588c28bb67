-- SPDX-License-Identifier: MIT
-- First contact: from when on a user sees what was sent to everybody.

CREATE OR REPLACE FUNCTION doorbell.register(user_id text, since timestamptz DEFAULT NULL, backlog_days integer DEFAULT 7)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    oldest timestamptz := coalesce(since, clock_timestamp() - make_interval(days => backlog_days));
BEGIN
    PERFORM FROM first_seen WHERE user_id = register.user_id;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM check_user(register.user_id);
    INSERT INTO first_seen (user_id, joined_pos, joined_seq, since)
    SELECT register.user_id, coalesce((SELECT x.pos FROM first_broadcast_too_old(oldest) x), -1),
        coalesce((SELECT x.seq FROM first_message_too_old(oldest) x), 0), register.since
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION doorbell.register IS
    'Registers a user at first contact. Settles, once, how far back they see messages to everybody: those sent '
    'after since (when they registered with the site), or without it those of the last backlog_days. '
    'Later calls change nothing. Waits for no sender.';
