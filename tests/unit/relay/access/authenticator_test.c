/* SPDX-License-Identifier: MIT */
#include "relay/access/authenticator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/common/keys.h"

enum { NOW = 1700000000 };

#define NOW_US (NOW * INT64_C(1000000))

static const struct protocol spoken = {.name = "spoken"};

struct scene {
    struct token_keys *keys;
    struct authenticator authenticator;
    uint64_t untimely;
};

static int set_up(void **state)
{
    static struct scene scene;

    if (keys_token(TOKEN_HS256, "0123456789abcdef0123456789abcdef\n", "", &scene.keys))
        return -1;
    scene.authenticator = (struct authenticator){.hub = hub_new(),
                                                 .revocations = revocations_new(10),
                                                 .keys = scene.keys,
                                                 .untimely = &scene.untimely,
                                                 .sessions_per_user_max = 2};
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    hub_free(scene->authenticator.hub);
    revocations_free(scene->authenticator.revocations);
    token_keys_free(scene->keys);
    return 0;
}

/* A token of ours for an hour. */
static void sign(struct scene *scene, const char *user, int64_t now_us, int64_t generation,
                 struct buf *out)
{
    const struct token_grant grant = {span_of(user), now_us, 3600, generation, false};

    assert_int_equal(token_sign(scene->keys, &grant, out), ERR_NONE);
}

static enum login_result show(struct scene *scene, struct session *s, struct span token)
{
    struct verdict v;

    authenticator_check(&scene->authenticator, token, (struct instant){.ms = 5000, .s = NOW}, &v);
    assert_int_equal(verdict_user(&v).len > 0, v.code == 0);
    return authenticator_log_in(&scene->authenticator, s, &v);
}

/* Logs in by one that was issued then, before any revocation. */
static enum login_result log_in(struct scene *scene, struct session *s, const char *user,
                                int64_t issued_at)
{
    enum login_result result;
    struct buf token;

    buf_init(&token, TOKEN_MAX);
    sign(scene, user, issued_at * 1000000, 0, &token);
    result = show(scene, s, buf_span(&token));
    buf_deinit(&token);
    return result;
}

static void add(struct scene *scene, struct session *s)
{
    session_init(s, &spoken, (struct instant){.s = NOW});
    hub_add(scene->authenticator.hub, s);
}

static void a_good_token_makes_a_user(void **state)
{
    struct scene *scene = *state;
    struct session s;

    add(scene, &s);
    assert_int_equal(log_in(scene, &s, "42", NOW), LOGIN_DONE);
    assert_int_equal(s.state, SESSION_OPEN);
    assert_int_equal(s.token_expires_at, NOW + 3600);
    assert_true(span_equal(hub_user_id(&s), SPAN("42")));
    hub_remove(scene->authenticator.hub, &s);
}

static void a_session_that_logs_in_amid_a_drain_still_has_to_go(void **state)
{
    struct scene *scene = *state;
    struct session s;

    add(scene, &s);
    s.deadline_ms = 7000;
    assert_int_equal(log_in(scene, &s, "42", NOW), LOGIN_DONE);
    assert_int_equal(s.deadline_ms, 7000);
    hub_remove(scene->authenticator.hub, &s);
}

static void a_bad_token_closes(void **state)
{
    struct scene *scene = *state;
    struct session s;

    add(scene, &s);
    assert_int_equal(show(scene, &s, SPAN("a.b.c")), LOGIN_REFUSED);
    assert_int_equal(s.end.code, CLOSE_TOKEN);
    hub_remove(scene->authenticator.hub, &s);
    add(scene, &s);
    assert_int_equal(log_in(scene, &s, "42", NOW - 7200), LOGIN_REFUSED);
    assert_int_equal(s.end.code, CLOSE_TOKEN);
    hub_remove(scene->authenticator.hub, &s);
}

static void the_same_user_extends_and_another_is_closed(void **state)
{
    struct scene *scene = *state;
    struct session s;

    add(scene, &s);
    assert_int_equal(log_in(scene, &s, "42", NOW), LOGIN_DONE);
    assert_int_equal(log_in(scene, &s, "42", NOW + 10), LOGIN_EXTENDED);
    assert_int_equal(s.token_expires_at, NOW + 3610);
    assert_int_equal(log_in(scene, &s, "42", NOW - 10), LOGIN_EXTENDED);
    assert_int_equal(s.token_expires_at, NOW + 3610);
    assert_int_equal(hub_user_sessions(&s), 1);
    assert_int_equal(log_in(scene, &s, "43", NOW), LOGIN_REFUSED);
    assert_int_equal(s.end.code, CLOSE_KICKED);
    hub_remove(scene->authenticator.hub, &s);
}

static void a_kicked_users_old_tokens_are_refused(void **state)
{
    struct scene *scene = *state;
    struct session s;

    assert_int_equal(revocations_kick(scene->authenticator.revocations, SPAN("42"), NOW_US, 86400),
                     ERR_NONE);
    add(scene, &s);
    assert_int_equal(log_in(scene, &s, "42", NOW), LOGIN_REFUSED);
    assert_int_equal(s.end.code, CLOSE_KICKED);
    hub_remove(scene->authenticator.hub, &s);
    add(scene, &s);
    assert_int_equal(log_in(scene, &s, "42", NOW + 1), LOGIN_DONE);
    hub_remove(scene->authenticator.hub, &s);
}

static void the_generation_decides_on_revoked_tokens(void **state)
{
    const struct {
        int64_t generation;
        enum login_result result;
    } rows[] = {{0, LOGIN_REFUSED}, {NOW_US - 1, LOGIN_REFUSED}, {NOW_US, LOGIN_DONE}};
    struct scene *scene = *state;

    assert_int_equal(
        revocations_add(scene->authenticator.revocations, SPAN("42"), NOW_US, NOW_US, 86400),
        ERR_NONE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct session s;
        struct buf token;

        buf_init(&token, TOKEN_MAX);
        sign(scene, "42", NOW_US + 5000000, rows[i].generation, &token);
        add(scene, &s);
        assert_int_equal(show(scene, &s, buf_span(&token)), rows[i].result);
        if (rows[i].result == LOGIN_DONE)
            assert_int_equal(s.token_generation, rows[i].generation);
        else
            assert_int_equal(s.end.code, CLOSE_KICKED);
        hub_remove(scene->authenticator.hub, &s);
        buf_deinit(&token);
    }
}

static void a_session_has_the_generation_of_its_newest_token(void **state)
{
    struct scene *scene = *state;
    const int64_t generations[] = {5, 9, 7}, newest[] = {5, 9, 9};
    struct session s;

    add(scene, &s);
    for (size_t i = 0; i < 3; i++) {
        struct buf token;

        buf_init(&token, TOKEN_MAX);
        sign(scene, "42", NOW_US, generations[i], &token);
        assert_int_equal(show(scene, &s, buf_span(&token)), i == 0 ? LOGIN_DONE : LOGIN_EXTENDED);
        assert_int_equal(s.token_generation, newest[i]);
        buf_deinit(&token);
    }
    hub_remove(scene->authenticator.hub, &s);
}

static void more_sessions_than_allowed_close_the_oldest(void **state)
{
    struct scene *scene = *state;
    struct session s[4];

    for (int i = 0; i < 4; i++) {
        if (i == 3)
            scene->authenticator.sessions_per_user_max = 0;
        add(scene, &s[i]);
        assert_int_equal(log_in(scene, &s[i], "42", NOW), LOGIN_DONE);
    }
    assert_int_equal(s[0].end.code, CLOSE_TOO_MANY);
    for (int i = 1; i < 4; i++)
        assert_int_equal(s[i].state, SESSION_OPEN);
    for (int i = 0; i < 4; i++)
        hub_remove(scene->authenticator.hub, &s[i]);
}

static void a_refused_proof_leaves_the_session(void **state)
{
    static const char *const proofs[] = {"", "42", "a.b.c"};
    struct scene *scene = *state;
    struct instant now = {.ms = 5000, .s = NOW};
    struct session s;

    add(scene, &s);
    for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
        assert_int_equal(
            authenticator_log_in_by_proof(&scene->authenticator, &s, span_of(proofs[i]), now),
            LOGIN_REFUSED);
        assert_int_equal(s.state, SESSION_NEW);
    }
    hub_remove(scene->authenticator.hub, &s);
}

static void bare_ids_count_where_they_are_taken(void **state)
{
    struct scene *scene = *state;
    struct instant now = {.ms = 5000, .s = NOW};
    struct session s[3];

    scene->authenticator.takes_bare_ids = true;
    for (int i = 0; i < 3; i++)
        add(scene, &s[i]);
    assert_int_equal(authenticator_log_in_by_proof(&scene->authenticator, &s[0], SPAN("*"), now),
                     LOGIN_REFUSED);
    assert_int_equal(authenticator_log_in_by_proof(&scene->authenticator, &s[0], SPAN(""), now),
                     LOGIN_REFUSED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            authenticator_log_in_by_proof(&scene->authenticator, &s[i], SPAN("42"), now),
            LOGIN_DONE);
        assert_true(s[i].token_expires_at > NOW + (int64_t)100 * 366 * 86400);
    }
    assert_int_equal(s[0].end.code, CLOSE_TOO_MANY);
    assert_int_equal(hub_user_sessions(&s[2]), 2);
    for (int i = 0; i < 3; i++)
        hub_remove(scene->authenticator.hub, &s[i]);
}

static void a_proof_that_is_a_token_is_one(void **state)
{
    struct scene *scene = *state;
    struct instant now = {.ms = 5000, .s = NOW};
    struct buf token;
    struct session s;

    scene->authenticator.takes_bare_ids = true;
    buf_init(&token, TOKEN_MAX);
    sign(scene, "42", NOW_US, 0, &token);
    add(scene, &s);
    assert_int_equal(
        authenticator_log_in_by_proof(&scene->authenticator, &s, buf_span(&token), now),
        LOGIN_DONE);
    assert_true(span_equal(hub_user_id(&s), SPAN("42")));
    assert_int_equal(s.token_expires_at, NOW + 3600);
    hub_remove(scene->authenticator.hub, &s);
    assert_int_equal(revocations_kick(scene->authenticator.revocations, SPAN("42"), NOW_US, 86400),
                     ERR_NONE);
    add(scene, &s);
    assert_int_equal(
        authenticator_log_in_by_proof(&scene->authenticator, &s, buf_span(&token), now),
        LOGIN_REFUSED);
    hub_remove(scene->authenticator.hub, &s);
    buf_deinit(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_token_makes_a_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_that_logs_in_amid_a_drain_still_has_to_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bad_token_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_user_extends_and_another_is_closed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_kicked_users_old_tokens_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_generation_decides_on_revoked_tokens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_session_has_the_generation_of_its_newest_token, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refused_proof_leaves_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bare_ids_count_where_they_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_proof_that_is_a_token_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_sessions_than_allowed_close_the_oldest, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
