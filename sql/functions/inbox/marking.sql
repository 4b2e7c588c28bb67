-- SPDX-License-Identifier: MIT
-- Marking: what a user does with messages. Every call locks the user's reader row first, looks in the
-- next statement, changes inbox rows with their unread_count and bits in mark, takes a new version if anything
-- changed, and rings the user's other pages. marking_all.sql has those that may change a long history.

CREATE OR REPLACE FUNCTION doorbell.mark_read(user_id text, id bigint)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'read', ARRAY[id], 'one'); END$$;
COMMENT ON FUNCTION doorbell.mark_read IS
    'Marks one message read. Like all functions of this kind it returns num, version and seq after it, and changed. '
    'DB404 if the user has no such message, DB409 if it must be acknowledged.';

CREATE OR REPLACE FUNCTION doorbell.mark_unread(user_id text, id bigint)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'unread', ARRAY[id], 'one'); END$$;
COMMENT ON FUNCTION doorbell.mark_unread IS
    'Makes one message unread again, back from the archive too. DB404; DB409 if it was acknowledged or superseded.';

CREATE OR REPLACE FUNCTION doorbell.archive(user_id text, id bigint)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'archive', ARRAY[id], 'one'); END$$;
COMMENT ON FUNCTION doorbell.archive IS
    'Moves one message to the archive; that reads it. DB404; DB409 if it is still to be acknowledged.';

CREATE OR REPLACE FUNCTION doorbell.acknowledge(user_id text, id bigint)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'ack', ARRAY[id], 'one'); END$$;
COMMENT ON FUNCTION doorbell.acknowledge IS
    'Acknowledges one message that was sent with ack; that reads it. Again: changes nothing. '
    'DB404; DB409 if it is not to be acknowledged.';

CREATE OR REPLACE FUNCTION doorbell.remove(user_id text, id bigint)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'remove', ARRAY[id], 'one'); END$$;
COMMENT ON FUNCTION doorbell.remove IS
    'Deletes one message from the user''s inbox, for good. Again: changes nothing, unless the message was recalled or has expired '
    'meanwhile. DB404; DB409 if it is still to be acknowledged.';

CREATE OR REPLACE FUNCTION doorbell.mark_read_ids(user_id text, ids bigint[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'read', ids, 'some'); END$$;
COMMENT ON FUNCTION doorbell.mark_read_ids IS
    'Marks up to 1,000 messages read. Those that must be acknowledged or belong to somebody else are skipped; DB404 if none is the user''s.';

CREATE OR REPLACE FUNCTION doorbell.mark_unread_ids(user_id text, ids bigint[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM mark(user_id, 'unread', ids, 'some'); END$$;
COMMENT ON FUNCTION doorbell.mark_unread_ids IS
    'Makes up to 1,000 messages unread again. Acknowledged and superseded ones are passed by; DB404 if none is the user''s.';

CREATE OR REPLACE FUNCTION doorbell_internal.mark(user_id text, action text, ids bigint[], mode text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    me doorbell_internal.user_state;
BEGIN
    IF mode = 'some' AND (ids IS NULL OR cardinality(ids) NOT BETWEEN 1 AND 1000) THEN
        RAISE EXCEPTION 'ids is a list of 1 to 1000 message ids' USING ERRCODE = 'DB422';
    END IF;
    me := doorbell_internal.begin_change(user_id);
    RETURN QUERY SELECT * FROM doorbell_internal.end_change(user_id,
        doorbell_internal.change_ids(user_id, action, me, ids, mode));
END
$$;

CREATE OR REPLACE FUNCTION doorbell.mark_read_subject(user_id text, subject_type text, subject_id text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    about text;
    me user_state;
    ids bigint[];
BEGIN
    IF subject_type IS NULL OR subject_id IS NULL THEN
        RAISE EXCEPTION 'subject_type and subject_id go together' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_text('subject_type', subject_type, 64), check_text('subject_id', subject_id, 255);
    about := subject_of(subject_type, subject_id);
    me := begin_change(mark_read_subject.user_id);
    SELECT array_agg(x.id) INTO ids FROM (
        SELECT i.message_id AS id FROM inbox i
        WHERE i.user_id = mark_read_subject.user_id AND i.state = 'unread' AND i.subject = about
        UNION ALL
        SELECT m.id
        FROM feeds_of(mark_read_subject.user_id, me.joined_pos) f
        CROSS JOIN LATERAL broadcasts_about(f.feed_id, about) m
    ) x;
    RETURN QUERY SELECT * FROM end_change(mark_read_subject.user_id,
        change_ids(mark_read_subject.user_id, 'read', me, ids, 'any'));
END
$$;
COMMENT ON FUNCTION doorbell.mark_read_subject IS
    'Marks read all messages about a subject, as when the user opens that order or thread. None: changed is 0. DB422.';

CREATE OR REPLACE FUNCTION doorbell.mark_read_oldest(user_id text, count integer)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    me user_state;
    ids bigint[];
BEGIN
    IF mark_read_oldest.count IS NULL OR mark_read_oldest.count NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'oldest is 1 to 1000' USING ERRCODE = 'DB422';
    END IF;
    me := begin_change(mark_read_oldest.user_id);
    WITH map AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.visible & ~ m.read & ~ m.ack AS bits
        FROM visible_bitmaps(mark_read_oldest.user_id, me.joined_pos, me.muted, 0, me.at) m
    ), unread AS (
        (SELECT i.message_id AS id, i.seq FROM inbox i
        WHERE i.user_id = mark_read_oldest.user_id AND i.state = 'unread' AND NOT i.must_ack
            AND i.category <> ALL (me.muted) AND (i.expires_at IS NULL OR i.expires_at > me.at)
        ORDER BY i.seq LIMIT mark_read_oldest.count)
        UNION ALL
        SELECT m.id, m.seq
        FROM map CROSS JOIN LATERAL (
            SELECT pos_of(map.n, place) AS pos FROM generate_series(chunk_size(), 1, -1) place
            WHERE get_bit(map.bits, place - 1) = 1 ORDER BY place DESC LIMIT mark_read_oldest.count) p
        CROSS JOIN LATERAL message_at(map.feed_id, p.pos) m
        WHERE map.bits <> 0::chunk_bits
    )
    SELECT array_agg(x.id) INTO ids
    FROM (SELECT u.id FROM unread u ORDER BY u.seq LIMIT mark_read_oldest.count) x;
    RETURN QUERY SELECT * FROM end_change(mark_read_oldest.user_id,
        change_ids(mark_read_oldest.user_id, 'read', me, ids, 'any'));
END
$$;
COMMENT ON FUNCTION doorbell.mark_read_oldest IS
    'Marks the oldest unread messages read, 1 to 1,000 of them. Those to be acknowledged are passed by. DB422.';

CREATE OR REPLACE FUNCTION doorbell.mark_seen(user_id text, "position" text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    p record;
    me user_state;
    newest bigint;
    moved integer;
BEGIN
    SELECT * INTO p FROM read_position(mark_seen.user_id, mark_seen."position");
    me := begin_change(mark_seen.user_id);
    SELECT last_value INTO newest FROM doorbell.seq;
    UPDATE reader SET seen_personal = greatest(seen_personal, least(p.version, newest)), seen_broadcast = greatest(seen_broadcast, least(p.seq, newest))
    WHERE user_id = mark_seen.user_id AND (seen_personal < least(p.version, newest) OR seen_broadcast < least(p.seq, newest));
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN QUERY SELECT * FROM end_change(mark_seen.user_id, moved);
END
$$;
COMMENT ON FUNCTION doorbell.mark_seen IS
    'The user has seen the badge: everything that the list with this position held is seen, read or not. '
    'An older position changes nothing. DB422.';
