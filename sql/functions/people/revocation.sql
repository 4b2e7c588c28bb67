-- SPDX-License-Identifier: MIT
-- Tokens that count no more. A token that doorbell-app makes has the generation of its user: the moment of their last
-- revocation, in unix microseconds, 0 without one. It is void once there is a later one; no clock has a say in that. Of a
-- token that a site signs itself the generation is the moment before it was issued.

CREATE OR REPLACE VIEW doorbell.token_state (user_id, generation) AS
    SELECT r.user_id, (extract(epoch FROM r.at) * 1000000)::bigint FROM doorbell.revocation r;
COMMENT ON VIEW doorbell.token_state IS
    'Of each user whose tokens were revoked, the generation below which a token is void. Look users up by user_id.';

CREATE OR REPLACE FUNCTION doorbell.revoke(user_id text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    PERFORM check_user(revoke.user_id);
    -- One at a time, to the commit: order of seq is order of commit. Readers go on.
    LOCK TABLE revocation IN EXCLUSIVE MODE;
    INSERT INTO revocation (user_id, seq, at)
    VALUES (revoke.user_id, nextval('doorbell.seq'), clock_timestamp())
    ON CONFLICT ON CONSTRAINT revocation_pkey DO UPDATE SET seq = EXCLUDED.seq,
        at = greatest(EXCLUDED.at, revocation.at + interval '1 microsecond');
END
$$;
COMMENT ON FUNCTION doorbell.revoke IS
    'Makes void the user''s tokens that were issued until now, for good: doorbell-app refuses them from the commit on, and '
    'tells the relay, which closes the sessions that came by them. The user need not be known. Holds a lock that other '
    'revocations wait for: call it last in a transaction.';

CREATE OR REPLACE FUNCTION doorbell.token_generation(user_id text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT t.generation FROM token_state t WHERE t.user_id = token_generation.user_id), 0);
END
$$;
COMMENT ON FUNCTION doorbell.token_generation IS 'For a new token of the user: what its claim "gen" is.';

CREATE OR REPLACE FUNCTION doorbell.check_token(user_id text, generation bigint) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF generation < (SELECT t.generation FROM token_state t WHERE t.user_id = check_token.user_id) THEN
        RAISE EXCEPTION 'the user''s tokens were revoked after this one was issued: log in again' USING ERRCODE = 'DB401';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell.check_token IS
    'Raises DB401 if a token of that generation is void. In front of a statement of the same transaction it keeps that from running.';

CREATE OR REPLACE FUNCTION doorbell.revocations(after bigint, max_age_s integer, max_rows integer)
RETURNS TABLE (seq bigint, revocation json)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    oldest constant timestamptz := statement_timestamp() - make_interval(secs => max_age_s);
BEGIN
    RETURN QUERY
    SELECT r.seq, json_build_object('user', r.user_id, 'at', (extract(epoch FROM r.at) * 1000000)::bigint)
    FROM revocation r WHERE r.seq > after AND r.at > oldest ORDER BY r.seq LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION doorbell.revocations IS
    'Up to max_rows revocations after that number, in their order, not older than max_age_s: elements of the relay''s "revocations".';
