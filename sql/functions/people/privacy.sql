-- SPDX-License-Identifier: MIT
-- One user's data.

CREATE OR REPLACE FUNCTION doorbell.erase(user_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    waiting bigint[];
    rung bigint[];
    called bigint[];
    is_known boolean;
BEGIN
    SELECT array_agg(l.id) INTO waiting FROM (
        SELECT m.id FROM message m WHERE m.seq IS NULL AND m.id IN (
            SELECT p.message_id FROM pending p WHERE erase.user_id = ANY (p.users))
        ORDER BY m.id FOR NO KEY UPDATE) l;
    UPDATE pending SET users = array_remove(users, erase.user_id) WHERE message_id = ANY (waiting);

    is_known := waiting IS NOT NULL OR EXISTS (SELECT FROM reader r WHERE r.user_id = erase.user_id);
    -- One without a row may have marks, and get a row at this moment.
    PERFORM lock_readers(ARRAY[erase.user_id]);
    PERFORM FROM reader WHERE user_id = erase.user_id FOR UPDATE;
    DELETE FROM inbox WHERE user_id = erase.user_id;
    DELETE FROM unread_count WHERE user_id = erase.user_id;
    PERFORM keep_exceptions(erase.user_id);
    DELETE FROM subscription WHERE user_id = erase.user_id;
    DELETE FROM unmute WHERE user_id = erase.user_id;
    -- In one order: another user of the same list may be erased at this moment.
    SELECT array_agg(l.id) INTO rung FROM (
        SELECT o.id FROM outbox o WHERE erase.user_id = ANY (o.user_ids) AND cardinality(o.user_ids) > 1 ORDER BY o.id FOR UPDATE) l;
    UPDATE outbox SET user_ids = array_remove(user_ids, erase.user_id) WHERE id = ANY (rung);
    SELECT array_agg(l.id) INTO called FROM (
        SELECT w.id FROM webhook_call w WHERE erase.user_id = ANY (w.user_ids) ORDER BY w.id FOR UPDATE) l;
    UPDATE webhook_call SET user_ids = array_remove(user_ids, erase.user_id) WHERE id = ANY (called);
    DELETE FROM first_seen WHERE user_id = erase.user_id;
    is_known := is_known OR FOUND;
    DELETE FROM reader WHERE user_id = erase.user_id;
    IF is_known THEN
        PERFORM ring_users(ARRAY[erase.user_id], nextval('doorbell.seq'));
    END IF;
    RETURN is_known;
END
$$;
COMMENT ON FUNCTION doorbell.erase IS
    'Deletes everything that is stored about a user, scheduled messages to them too. The messages themselves stay for '
    'their other users; that a message excepts this user stays with it, so that it is not shown to them if they return. '
    'False for an unknown user. A user who returns later is a new one. Their open pages are rung, so '
    'the user id waits in doorbell.outbox until the relay has been called.';

CREATE OR REPLACE FUNCTION doorbell.export(user_id text) RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    me record;
    ids bigint[];
BEGIN
    SELECT coalesce(r.version, 0) AS version, a.at, a.joined_pos, coalesce(r.seen_personal, 0) AS seen_personal,
        coalesce(r.seen_broadcast, 0) AS seen_broadcast INTO me
    FROM (VALUES (export.user_id)) u (id)
    LEFT JOIN first_seen a ON a.user_id = u.id LEFT JOIN reader r ON r.user_id = u.id
    WHERE a.user_id IS NOT NULL OR r.user_id IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such user' USING ERRCODE = 'DB404';
    END IF;
    SELECT array_agg(x.id) INTO ids FROM (
        SELECT i.message_id AS id FROM inbox i WHERE i.user_id = export.user_id AND i.state < 'gone'
        UNION ALL
        SELECT m.id FROM visible_bitmaps(export.user_id, me.joined_pos, '{}', 0, statement_timestamp()) v
        JOIN message m ON m.feed_id = v.feed_id AND chunk_of(m.pos) = v.n AND m.live
        WHERE (v.visible & bit_of(m.pos)) <> 0::chunk_bits) x;
    RETURN json_build_object('user', export.user_id, 'version', me.version,
        'first_contact', floor(extract(epoch FROM me.at))::bigint,
        'muted', preferences(export.user_id)->'muted',
        'lang', preferences(export.user_id)->'lang',
        'quiet_hours', preferences(export.user_id)->'quiet_hours',
        'groups', ARRAY(SELECT f.name FROM subscription s JOIN feed f ON f.id = s.feed_id
            WHERE s.user_id = export.user_id ORDER BY f.name),
        'messages', coalesce((
            SELECT json_agg(message_json(CASE WHEN lacks_texts(m) THEN with_texts(m, export.user_id, NULL, '{}') ELSE m END, c.name,
                m.seq <= CASE WHEN m.feed_id IS NULL THEN me.seen_personal ELSE me.seen_broadcast END,
                l.state <> 'unread', l.state = 'archived') ORDER BY m.seq)
            FROM find_visible(export.user_id, ids, me.joined_pos, '{}', statement_timestamp()) l
            JOIN message m ON m.id = l.id LEFT JOIN category c ON c.id = m.category), '[]'));
END
$$;
COMMENT ON FUNCTION doorbell.export IS
    'Everything about a user as JSON: user, version, first_contact, muted, lang, quiet_hours, groups, and their messages as in '
    'doorbell.list(), oldest first, muted ones too. DB404.';
