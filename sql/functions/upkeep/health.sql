-- SPDX-License-Identifier: MIT
-- Health.

CREATE OR REPLACE FUNCTION doorbell_internal.sampled_drift() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    percent constant real := (SELECT least(100, 5000 / greatest(c.reltuples, 1)) FROM pg_class c
        WHERE c.oid = 'doorbell.reader'::regclass);
    newest constant bigint := (SELECT doorbell_internal.chunk_of(f.last_pos) FROM doorbell.feed f WHERE f.id = 1);
BEGIN
    RETURN (
        SELECT count(*) FROM (SELECT r.user_id FROM doorbell.reader r TABLESAMPLE SYSTEM (percent) LIMIT 50) s
        JOIN doorbell.unread_count t ON t.user_id = s.user_id AND t.unread <= 1000
        WHERE t.unread <> (SELECT count(*) FROM doorbell.inbox i
            WHERE i.user_id = t.user_id AND i.category = t.category AND i.state = 'unread')
    ) + (
        SELECT count(*) FROM doorbell.chunk c WHERE c.feed_id = 1 AND c.category = 0 AND c.n = newest
            AND bit_count(c.live) <> (SELECT count(*) FROM doorbell.message m
                WHERE m.feed_id = 1 AND m.live AND m.pos >= newest * doorbell_internal.chunk_size()
                AND m.pos < (newest + 1) * doorbell_internal.chunk_size()));
END
$$;
COMMENT ON FUNCTION doorbell_internal.sampled_drift IS
    'Number of wrong counters among about 50 users at random and the newest chunk of ''*''. It is 0; cheap enough to be a metric.';

CREATE OR REPLACE FUNCTION doorbell.health() RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_at constant timestamptz := clock_timestamp();
BEGIN
    RETURN json_build_object(
        'schema', (SELECT max(name) FROM migration WHERE name <> 'functions'),
        'outbox', (SELECT json_build_object('depth', count(*), 'age_s',
            greatest(extract(epoch FROM clock_timestamp() - min(at))::integer, 0)) FROM outbox),
        'overdue', (SELECT count(*) FROM pending WHERE due_at <= now_at),
        'drift', sampled_drift());
END
$$;
COMMENT ON FUNCTION doorbell.health IS
    '{"schema": newest file of sql/schema that was applied, "outbox": {"depth", "age_s"} of rings that wait, "overdue": messages due and not delivered, '
    '"drift": wrong counters in a small sample, always 0: else see doorbell.recount()}.';
