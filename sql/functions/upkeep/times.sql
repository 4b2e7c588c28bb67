-- SPDX-License-Identifier: MIT
-- What a wrong clock left. Numbers say in which order things were, so each message belongs between its neighbours.

CREATE OR REPLACE FUNCTION doorbell_internal.wrong_times(now_at timestamptz) RETURNS TABLE (id bigint, feed_id integer, late interval)
LANGUAGE sql STABLE AS $$
    WITH not_later AS (
        -- An imported message, whose id is its number, was sent by another system, at any time.
        SELECT m.id, m.feed_id, m.seq, m.sent_at, CASE WHEN m.sent_at <= $1 THEN m.sent_at
            ELSE least($1, min(m.sent_at) OVER (ORDER BY m.seq ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) END AS at
        FROM doorbell.message m WHERE m.seq <> m.id
    ), not_earlier AS (
        SELECT n.*, max(n.at) OVER (ORDER BY n.seq) AS true_at FROM not_later n
    )
    SELECT n.id, n.feed_id, n.sent_at - n.true_at FROM not_earlier n
    WHERE abs(extract(epoch FROM n.sent_at - n.true_at)) > 60
$$;
COMMENT ON FUNCTION doorbell_internal.wrong_times IS
    'Messages from the future, which are from before the next one, and from before their predecessor. A minute is forgiven: '
    'transactions at the same time do not take number and time in one order.';

CREATE OR REPLACE FUNCTION doorbell_internal.repair_expiry(ids bigint[], users text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE doorbell.inbox i SET expires_at = m.expires_at
    FROM doorbell_internal.messages(ids) m WHERE i.message_id = m.id AND i.expires_at <> m.expires_at;
    PERFORM doorbell_internal.touch_readers(users, nextval('doorbell.seq'));
    UPDATE doorbell.reader r SET stale_before = r.version WHERE r.user_id = ANY (users);
    PERFORM doorbell_internal.change_feeds(ids, true);
    UPDATE doorbell.feed f SET stale_before = f.version WHERE f.id IN (SELECT m.feed_id FROM doorbell_internal.messages(ids) m);
END
$$;
COMMENT ON FUNCTION doorbell_internal.repair_expiry IS 'Lets all that follows from the expiry of these messages be so, and rings.';

CREATE OR REPLACE FUNCTION doorbell.repair_times() RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_at constant timestamptz := clock_timestamp();
    ids bigint[];
    users text[];
BEGIN
    PERFORM lock_broadcasts();
    WITH repaired AS (
        UPDATE message m SET sent_at = m.sent_at - w.late, expires_at = m.expires_at - w.late
        FROM wrong_times(now_at) w WHERE m.id = w.id
        RETURNING m.id
    )
    SELECT coalesce(array_agg(r.id), '{}') INTO ids FROM repaired r;
    users := lock_known_readers(ARRAY(SELECT DISTINCT i.user_id FROM inbox i WHERE i.message_id = ANY (ids)));
    PERFORM repair_expiry(ids, users);
    UPDATE message m SET recalled_at = now_at WHERE m.recalled_at > now_at;
    UPDATE send_key k SET at = now_at WHERE k.at > now_at;
    UPDATE first_seen a SET at = now_at WHERE a.at > now_at;
    RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION doorbell.repair_times IS
    'Once the clock is right again: gives messages that were sent meanwhile a time between those of their neighbours, with their '
    'expiry, and what else is from the future the time of now. Returns how many messages. What a clock that was ahead let expire, '
    'or delivered too early, stays so, and what is scheduled stays scheduled. In one transaction, which senders wait for.';
