-- SPDX-License-Identifier: MIT
-- Why a user sees a message or does not, for those whom users ask. find_visible() says whether they do, as for the list; a
-- reason is looked for once it has said no, first whether the message is for them, then what became of it, then what they did.

CREATE OR REPLACE FUNCTION doorbell_internal.explanation(reason text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE reason
        WHEN 'unread' THEN 'it is in their list, unread: have them reload the page, and look beyond the first messages'
        WHEN 'read' THEN 'it is in their list, and was read already: have them look among the read messages'
        WHEN 'archived' THEN 'they archived it: have them open the archive, or make it unread again'
        WHEN 'unknown' THEN 'there is no such message, or it was purged: check the id that the send returned'
        WHEN 'not_addressed' THEN 'it is to other users, or was purged from this inbox: check the user id, and send it to them'
        WHEN 'excepted' THEN 'the send left them out, by name, by a group they are in, or by known_before: send it to them'
        WHEN 'not_a_member' THEN 'it is to a group that they are not in: add them to the group, and send it again'
        WHEN 'joined_later' THEN 'it is older than their membership of the group: send it again, or next time with to_new_users'
        WHEN 'no_first_contact' THEN 'no page of this user has ever asked: check the user id in the token that the site makes for them'
        WHEN 'appeared_later' THEN 'it was sent before they appeared, by more than backlog_days: send it again, or next time with to_new_users'
        WHEN 'scheduled' THEN 'it waits for its time of delivery: if that is over, check by GET /health that doorbell-app delivers'
        WHEN 'recalled' THEN 'it was taken back: send a new one if that was a mistake'
        WHEN 'expired' THEN 'its time is over: send it again, with a longer expires_in'
        WHEN 'replaced' THEN 'a newer message about the same subject took its place before they read it: look for that one'
        WHEN 'deleted' THEN 'they deleted it, for good: send it again if they need it'
        WHEN 'muted' THEN 'they muted its category: have them unmute it, or make the category critical'
    END
$$;
COMMENT ON FUNCTION doorbell_internal.explanation IS 'What a reason of doorbell.explain() means, and what to do next.';

CREATE OR REPLACE FUNCTION doorbell_internal.why_hidden(m doorbell.message, user_id text, joined_pos bigint, muted integer[], at timestamptz)
RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT CASE
        WHEN m.id IS NULL THEN 'unknown'
        -- For whom it was went with its row of pending.
        WHEN m.seq IS NULL AND m.recalled_at IS NOT NULL THEN 'recalled'
        WHEN m.feed_id IS NULL AND i.message_id IS NULL AND why_hidden.user_id <> ALL (coalesce(p.users, '{}')) THEN 'not_addressed'
        WHEN why_hidden.user_id = ANY (m.excepted) THEN 'excepted'
        -- Once an audience is dropped its members are unknown, but then all of its messages have expired or been recalled.
        WHEN m.feed_id > 1 AND f.feed_id IS NULL AND (m.live OR m.seq IS NULL OR doorbell_internal.group_name(m.feed_id) IS NOT NULL) THEN CASE WHEN EXISTS (
            SELECT FROM doorbell.audience_base s JOIN doorbell_internal.feeds_of(why_hidden.user_id, 0) x ON x.feed_id = s.base_id
            WHERE s.feed_id = m.feed_id) THEN 'excepted' ELSE 'not_a_member' END
        WHEN m.feed_id > 1 AND m.pos <= f.joined_pos AND NOT m.to_new THEN 'joined_later'
        WHEN why_hidden.joined_pos IS NULL THEN 'no_first_contact'
        WHEN m.feed_id = 1 AND m.pos <= why_hidden.joined_pos AND NOT m.to_new THEN 'appeared_later'
        WHEN m.recalled_at IS NOT NULL THEN 'recalled'
        WHEN m.seq IS NULL THEN 'scheduled'
        WHEN m.expires_at <= at OR (m.feed_id IS NOT NULL AND NOT m.live) THEN 'expired'
        WHEN i.state = 'withdrawn' OR (m.replaced AND NOT b.is_read) THEN 'replaced'
        WHEN i.state = 'gone' OR b.is_gone THEN 'deleted'
        WHEN m.category = ANY (muted) THEN 'muted'
    END
    FROM (VALUES (m.id)) x (id)
    LEFT JOIN doorbell.inbox i ON i.message_id = x.id AND i.user_id = why_hidden.user_id
    LEFT JOIN doorbell.pending p ON p.message_id = x.id
    LEFT JOIN doorbell_internal.feeds_of(why_hidden.user_id, why_hidden.joined_pos) f ON f.feed_id = m.feed_id
    LEFT JOIN doorbell.mark k ON k.user_id = why_hidden.user_id AND k.feed_id = m.feed_id AND k.n = doorbell_internal.chunk_of(m.pos)
    CROSS JOIN LATERAL (
        SELECT coalesce((k.read & doorbell_internal.bit_of(m.pos)) <> 0::doorbell.chunk_bits, false) AS is_read,
            coalesce((k.gone & doorbell_internal.bit_of(m.pos)) <> 0::doorbell.chunk_bits, false) AS is_gone) b);
END
$$;
COMMENT ON FUNCTION doorbell_internal.why_hidden IS
    'The reason why a message that find_visible() does not find is not shown. joined_pos is null before first contact.';

CREATE OR REPLACE FUNCTION doorbell.explain(user_id text, id bigint) RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
    at constant timestamptz := statement_timestamp();
    m doorbell.message;
    me record;
    reason text;
    is_visible boolean;
    moment timestamptz;
BEGIN
    PERFORM check_user(explain.user_id);
    SELECT * INTO m FROM message x WHERE x.id = explain.id;
    SELECT * INTO me FROM user_state(explain.user_id);
    SELECT l.state INTO reason FROM find_visible(explain.user_id, ARRAY[explain.id], me.joined_pos, me.muted, at) l;
    is_visible := FOUND;
    IF NOT is_visible THEN
        reason := why_hidden(m, explain.user_id, me.joined_pos, me.muted, at);
    END IF;
    moment := CASE reason WHEN 'recalled' THEN m.recalled_at WHEN 'expired' THEN m.expires_at
        WHEN 'scheduled' THEN (SELECT nullif(p.due_at, '-infinity') FROM pending p WHERE p.message_id = explain.id)
        ELSE m.sent_at END;
    RETURN json_build_object('visible', is_visible, 'reason', reason, 'message', explanation(reason),
        'category', (SELECT c.name FROM category c WHERE c.id = m.category),
        'group', group_name(m.feed_id),
        'at', floor(extract(epoch FROM moment))::bigint);
END
$$;
COMMENT ON FUNCTION doorbell.explain IS
    'Why this user sees this message or does not: {"visible", "reason", "message": what to do next, "category", "group", "at"}. '
    'reason is unread, read or archived for one that doorbell.list() shows; else unknown, not_addressed, not_a_member, joined_later, '
    'no_first_contact, appeared_later, excepted, scheduled, recalled, expired, replaced, deleted or muted, the first that is so. '
    'at, in unix seconds, is when it was delivered, recalled or expired, or is due. One snapshot, no write, no lock. DB422.';
