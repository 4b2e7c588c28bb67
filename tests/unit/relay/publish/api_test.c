/* SPDX-License-Identifier: MIT */
#include "relay/publish/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session/protocol.h"

#define KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define BEARER "Authorization: Bearer " KEY "\r\n"

enum { RINGS_MAX = 32 };

/* A relay with one session of user 42, that notes what it is told to ring. */
struct scene {
    struct config config;
    struct secrets secrets;
    struct metrics metrics;
    struct session session;
    struct api api;
    char rung[RINGS_MAX][USER_ID_MAX + 1]; /* "*" for all */
    struct ring rings[RINGS_MAX];
    char text[8192];  /* of the last ring */
    char learnt[256]; /* what the call told: epoch/seq, each time */
    size_t count;
    bool is_full; /* takes no broadcast */
};

static enum err note(struct scene *scene, struct span user, const struct ring *ring, size_t *count)
{
    if (ring->text.len > (size_t)scene->config.relay.socketio_max_pending / CONFIG_TEXTS_SHARE)
        return ERR_TOO_BIG;
    assert_true(scene->count < RINGS_MAX);
    snprintf(scene->rung[scene->count], USER_ID_MAX + 1, "%.*s", SPAN_ARGS(user));
    scene->rings[scene->count++] = *ring;
    snprintf(scene->text, sizeof(scene->text), "%.*s", SPAN_ARGS(ring->text));
    *count = hub_find(scene->api.hub, user) ? 1 : 0;
    return ERR_NONE;
}

static enum err ring_user(void *ctx, struct span user, const struct ring *ring, size_t *count)
{
    return note(ctx, user, ring, count);
}

static enum err ring_all(void *ctx, const struct ring *ring, size_t *count)
{
    struct scene *scene = ctx;
    enum err e;

    if (scene->is_full)
        return ERR_TOO_MANY;
    e = note(ctx, SPAN("*"), ring, count);
    *count = 1;
    return e;
}

static void learn(void *ctx, const struct epoch_name *name, int64_t seq)
{
    struct scene *scene = ctx;
    size_t len = strlen(scene->learnt);

    snprintf(scene->learnt + len, sizeof(scene->learnt) - len, "%.*s/%d ",
             SPAN_ARGS(epoch_name_span(name)), (int)seq);
}

static const struct api_ops ops = {ring_user, ring_all, learn, NULL};

static int set_up(void **state)
{
    static const struct protocol spoken = {.id = PROTOCOL_NATIVE, .name = "native"};
    struct scene *scene = calloc(1, sizeof(*scene));

    if (!scene)
        return -1;
    scene->secrets.publish.keys[0] = SPAN(KEY);
    scene->secrets.publish.count = 1;
    scene->config.auth.token_ttl_max_s = 60;
    scene->config.relay.pace = 1;
    scene->config.relay.check_rate = 10;
    scene->config.relay.socketio_max_pending = 4096;
    scene->config.relay.max_keyless_body = 80;
    scene->api = (struct api){.config = &scene->config,
                              .secrets = &scene->secrets,
                              .hub = hub_new(),
                              .revocations = revocations_new(1),
                              .metrics = &scene->metrics,
                              .ops = &ops,
                              .ctx = scene,
                              .started = {.ms = 1000, .s = 940, .unix_us = 940000000},
                              .now = {.ms = 61000, .s = 1000, .unix_us = 1000000000},
                              .is_local = true};
    session_init(&scene->session, &spoken, (struct instant){.ms = 1000, .s = 940});
    if (ip_parse(SPAN("192.0.2.1"), &scene->session.origin.peer))
        return -1;
    hub_add(scene->api.hub, &scene->session);
    *state = scene;
    return hub_login(scene->api.hub, &scene->session, SPAN("42")) ? -1 : 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    hub_remove(scene->api.hub, &scene->session);
    hub_free(scene->api.hub);
    revocations_free(scene->api.revocations);
    free(scene);
    return 0;
}

/* Makes the call; the body of its answer is in `out`. */
static int call(struct scene *scene, const char *line, const char *headers, const char *body,
                char out[2048])
{
    struct http_request req;
    struct http_response res = {0};
    char head[1024], copy[8192];

    scene->count = 0;
    scene->learnt[0] = '\0';
    snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n", line,
             strlen(body), headers);
    snprintf(copy, sizeof(copy), "%s", body);
    assert_int_equal(http_decode_head(span_of(head), HTTP_LINE_MAX, &req), ERR_NONE);
    req.body = copy;
    buf_init(&res.body, 65536);
    if (!api_refuses(&scene->api, &req, &res))
        api_handle(&scene->api, &req, &res);
    snprintf(out, 2048, "%.*s", SPAN_ARGS(buf_span(&res.body)));
    buf_deinit(&res.body);
    return res.status;
}

static void calls_answer_as_they_should(void **state)
{
    static const struct {
        const char *line, *headers, *body;
        int status;
        const char *answer; /* its beginning */
        size_t rings;
    } rows[] = {
        {"POST /publish", "", "{\"rings\":[{\"all\":true}]}", 401, "{\"error\":{\"code\":\"unauth",
         0},
        {"POST /publish", "Authorization: Bearer wrong\r\n", "", 401, "{\"error\"", 0},
        {"POST /publish", "Authorization: Bearer\r\n", "", 401, "{\"error\"", 0},
        {"GET /publish", BEARER, "", 405, "{\"error\":{\"code\":\"method", 0},
        {"DELETE /online", BEARER, "", 405, "{\"error\":{\"code\":\"method", 0},
        {"POST /metrics", BEARER, "", 405, "{\"error\"", 0},
        {"DELETE /other", BEARER, "", 405, "{\"error\"", 0},
        {"GET /online", "", "", 401, "{\"error\"", 0},
        {"POST /online", "", "{\"users\":[\"42\"]}", 401, "{\"error\"", 0},
        {"GET /online/sessions", "", "", 401, "{\"error\"", 0},
        {"GET /metrics", "", "", 401, "{\"error\"", 0},
        {"POST /kick", "", "{\"user\":\"42\"}", 401, "{\"error\"", 0},
        {"POST /revocations", "", "{\"revocations\":[]}", 401, "{\"error\"", 0},
        {"GET /revocations", BEARER, "", 405, "{\"error\"", 0},
        {"POST /revocations", BEARER, "{\"revocations\":[{}]}", 400, "{\"error\"", 0},
        {"POST /revocations", BEARER, "{\"revocations\":[]}", 200, "{\"instance\":940000000,", 0},
        {"POST /publish", BEARER, "{", 400, "{\"error\":{\"code\":\"malformed", 0},
        {"POST /publish", BEARER, "{\"rings\":[{\"all\":true},{}]}", 400, "{\"error\"", 0},
        {"POST /kick", BEARER, "{}", 400, "{\"error\"", 0},
        {"GET /online?x=1", BEARER, "", 400, "{\"error\"", 0},
        {"GET /online?user=", BEARER, "", 400, "{\"error\"", 0},
        {"GET /online?user=%zz", BEARER, "", 400, "{\"error\"", 0},
        {"POST /online", BEARER, "{\"users\":[\"*\"]}", 400, "{\"error\"", 0},
        {"POST /online/sessions", BEARER, "", 405, "{\"error\"", 0},
        {"GET /online/sessions?limit=0", BEARER, "", 400, "{\"error\"", 0},
        {"GET /online/sessions?limit=1001", BEARER, "", 400, "{\"error\"", 0},
        {"POST /publish", BEARER,
         "{\"rings\":[{\"to\":[\"42\",\"43\"],\"seq\":5},{\"all\":true}],\"report\":true}", 200,
         "{\"sessions\":2,\"offline\":[\"43\"]}", 3},
        {"POST /publish", BEARER, "{\"rings\":[{\"to\":[\"43\"]}]}", 200, "{\"sessions\":0}", 1},
        {"GET /online", BEARER, "", 200, "{\"users\":1,\"pages\":1,\"sessions\":1}", 0},
        {"GET /online?user=42&user=a%22b", BEARER, "", 200, "{\"online\":{\"42\":1,\"a\\\"b\":0}}",
         0},
        {"GET /online?user[]=42", BEARER, "", 200, "{\"online\":{\"42\":1}}", 0},
        {"POST /online", BEARER, "{\"users\":[\"43\",42,\"a\\\"b\"]}", 200, "{\"users\":[\"42\"]}",
         0},
        {"POST /online", BEARER, "{\"users\":[\"43\"]}", 200, "{\"users\":[]}", 0},
        {"GET /online/sessions", BEARER, "", 200,
         "{\"sessions\":[{\"user\":\"42\",\"protocol\":\"native\",\"address\":\"192.0.2.1\","
         "\"age\":60,\"pending\":false}]}",
         0},
        {"GET /online/sessions?user=42&limit=1", BEARER, "", 200, "{\"sessions\":[{\"user\"", 0},
        {"GET /online/sessions?user=43", BEARER, "", 200, "{\"sessions\":[]}", 0},
        {"GET /health", "", "", 200, "{\"ok\":true}", 0},
        {"GET /health", BEARER, "", 200, "{\"ok\":true,\"version\":\"", 0},
        {"GET /metrics", BEARER, "", 200, "# HELP doorbell_relay_accepts_total", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene *scene = *state;
        char out[2048];
        int status = call(scene, rows[i].line, rows[i].headers, rows[i].body, out);

        if (status != rows[i].status || scene->count != rows[i].rings ||
            strncmp(out, rows[i].answer, strlen(rows[i].answer)) != 0)
            fail_msg("%s: %d %s", rows[i].line, status, out);
    }
}

static void what_a_call_tells_of_the_database_is_learnt(void **state)
{
    static const struct {
        const char *line, *body, *learnt;
    } rows[] = {
        {"POST /publish", "{\"rings\":[{}],\"epoch\":\"b\",\"seq\":9}", ""},
        {"POST /publish", "{\"rings\":[],\"epoch\":\"b\",\"seq\":9}", "b/9 "},
        {"POST /publish", "{\"rings\":[]}", "/0 "},
        /* First what the rings say, then what the call says: that is the younger word. Of the
         * rings' numbers only those for all are everybody's. */
        {"POST /publish",
         "{\"epoch\":\"b\",\"rings\":[{\"to\":[\"42\"],\"seq\":7,\"epoch\":\"a\"},"
         "{\"all\":true,\"seq\":8}]}",
         "a/0 b/8 b/0 "},
        {"POST /online", "{\"users\":[\"*\"],\"epoch\":\"b\"}", ""},
        {"POST /online", "{\"users\":[],\"epoch\":\"b\",\"seq\":9}", "b/9 "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene *scene = *state;
        char out[2048];

        call(scene, rows[i].line, BEARER, rows[i].body, out);
        assert_string_equal(scene->learnt, rows[i].learnt);
    }
}

static void a_long_list_spreads_its_questions(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    assert_int_equal(
        call(scene, "POST /publish", BEARER, "{\"rings\":[{\"to\":[\"1\",\"2\"],\"seq\":1}]}", out),
        200);
    assert_int_equal(scene->rings[0].spread_ms, 200);
    assert_int_equal(
        call(scene, "POST /publish", BEARER, "{\"rings\":[{\"to\":[\"1\"],\"seq\":1}]}", out), 200);
    assert_int_equal(scene->rings[0].spread_ms, 0);
}

static void a_kick_closes_and_refuses(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    assert_int_equal(call(scene, "POST /kick", BEARER, "{\"user\":\"42\"}", out), 200);
    assert_string_equal(out, "{\"sessions\":1}");
    assert_int_equal(scene->session.end.code, CLOSE_KICKED);
    assert_int_equal(revocations_count(scene->api.revocations), 1);
    assert_int_equal(call(scene, "POST /kick", BEARER, "{\"user\":\"43\"}", out), 503);
    assert_int_equal(revocations_count(scene->api.revocations), 1);
}

static void a_revocation_closes_what_came_by_older_tokens(void **state)
{
    static const char body[] = "{\"revocations\":[{\"user\":\"42\",\"at\":1000000005}]}";
    struct scene *scene = *state;
    char out[2048];

    scene->session.token_generation = 1000000005;
    assert_int_equal(call(scene, "POST /revocations", BEARER, body, out), 200);
    assert_string_equal(out, "{\"instance\":940000000,\"sessions\":0}");
    assert_int_equal(revocations_count(scene->api.revocations), 1);
    /* Told again it closes nobody, whatever they came by. */
    scene->session.token_generation = 1000000004;
    assert_int_equal(call(scene, "POST /revocations", BEARER, body, out), 200);
    assert_int_equal(scene->session.state, SESSION_OPEN);
    assert_int_equal(call(scene, "POST /revocations", BEARER,
                          "{\"revocations\":[{\"user\":\"42\",\"at\":1000000006}]}", out),
                     200);
    assert_string_equal(out, "{\"instance\":940000000,\"sessions\":1}");
    assert_int_equal(scene->session.end.code, CLOSE_KICKED);
    assert_int_equal(call(scene, "POST /revocations", BEARER,
                          "{\"revocations\":[{\"user\":\"43\",\"at\":1000000006}]}", out),
                     503);
}

static void health_says_when_it_drains(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    scene->api.is_draining = true;
    assert_int_equal(call(scene, "GET /health", "", "", out), 503);
    assert_string_equal(out, "{\"ok\":false}");
}

/* Makes a body longer than max_keyless_body. */
#define PADDED                                                                                     \
    "x=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&"

#define FORM_GBK "Content-Type: application/x-www-form-urlencoded; charset=gbk\r\n"

static void the_old_call_answers_to_the_letter(void **state)
{
    static const struct {
        bool legacy_publish, legacy_get, is_local;
        const char *line, *headers, *body;
        int status;
        const char *answer;
        const char *rung;
    } rows[] = {
        /* Without legacy_publish it takes the key, in the header or the body. */
        {false, false, true, "POST /", "", "type=publish&to=42", 401, "fail", NULL},
        {false, false, true, "POST /", "", "type=publish&to=42&key=wrong", 401, "fail", NULL},
        {false, false, true, "POST /?key=" KEY, "", "type=publish&to=42", 401, "fail", NULL},
        {false, false, true, "POST /?type=publish&to=42&key=" KEY, "", "", 401, "fail", NULL},
        {false, true, true, "GET /?type=publish&to=42", BEARER, "", 405, "{\"error\"", NULL},
        {false, false, true, "POST /", "", "type=publish&to=42&key=" KEY, 200, "ok", "42"},
        {false, false, true, "POST /", "", PADDED "type=publish&to=42&key=" KEY, 413, "{\"error\"",
         NULL},
        {false, false, true, "POST /", BEARER, PADDED "type=publish&to=42", 200, "ok", "42"},
        {false, false, true, "POST /", BEARER, "type=publish&to=42", 200, "ok", "42"},
        {false, false, true, "POST /", BEARER, "type=publish&to=0", 200, "offline", "0"},
        {false, false, true, "POST /", BEARER, "type=publish", 200, "ok", "*"},
        /* With it, but reachable from elsewhere. */
        {true, true, false, "POST /", "", "type=publish&to=42", 401, "fail", NULL},
        {true, true, false, "GET /?type=publish&to=42", BEARER, "", 405, "{\"error\"", NULL},
        {true, true, false, "POST /", "", PADDED "type=publish&to=42", 413, "{\"error\"", NULL},
        /* With it, on a local listener. */
        {true, false, true, "POST /", "", PADDED "type=publish&to=42", 200, "ok", "42"},
        {true, false, true, "GET /?type=publish&to=42", "", "", 405, "{\"error\"", NULL},
        {true, true, true, "GET /?type=publish&to=42", "", "", 200, "ok", "42"},
        {true, true, true, "GET /", "", "", 200, "fail", NULL},
        {true, false, true, "POST /any/path", "", "type=publish&to=42", 200, "ok", "42"},
        {true, false, true, "POST /", "", "type=publish&to=43", 200, "offline", "43"},
        {true, false, true, "POST /", "", "type=publish&to=0", 200, "ok", "*"},
        {true, false, true, "POST /", "", "type=publish&to=", 200, "ok", "*"},
        {true, false, true, "POST /", "", "type=publish&content=x", 200, "ok", "*"},
        {true, false, true, "POST /", "", "type=publish&to[]=42", 200, "fail", NULL},
        {true, false, true, "POST /", "", "type=publish&content[]=x", 200, "fail", NULL},
        {true, false, true, "POST /", "", "type=other&to=42", 200, "fail", NULL},
        {true, false, true, "POST /", "", "", 200, "fail", NULL},
        {true, false, true, "POST /?type=publish&to=42", "", "", 200, "ok", "42"},
        {true, false, true, "POST /?type=publish&to=42", "", "x=1", 200, "fail", NULL},
        {true, false, true, "POST /", "Content-Type: application/json\r\n",
         "{\"type\":\"publish\",\"to\":42}", 200, "ok", "42"},
        {true, false, true, "POST /", "Content-Type: application/json\r\n", "[", 200, "fail", NULL},
        {true, false, true, "POST /?type=publish&to=42", "Content-Type: application/json\r\n", "{}",
         200, "ok", "42"},
        {true, false, true, "POST /?type=publish&to=42", "", "&&", 200, "ok", "42"},
        /* Charsets: what is wrong with one is told only to those who may call. */
        {false, false, true, "POST /", "", "type=publish&to=42&_charset_=utf-7", 401, "fail", NULL},
        {false, false, true, "POST /", "", "type=publish&_charset_=utf-7&key=" KEY, 415, "fail",
         NULL},
        {true, false, true, "POST /", FORM_GBK, "type=publish&to=42&content=%D6", 422, "fail",
         NULL},
        {true, false, true, "POST /", FORM_GBK, "type=publish&to=%D6%D0", 200, "offline", "中"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene *scene = *state;
        char out[2048];
        int status;

        scene->config.relay.legacy_publish = rows[i].legacy_publish;
        scene->config.relay.legacy_get = rows[i].legacy_get;
        scene->api.is_local = rows[i].is_local;
        status = call(scene, rows[i].line, rows[i].headers, rows[i].body, out);
        if (status != rows[i].status || strncmp(out, rows[i].answer, strlen(rows[i].answer)) != 0 ||
            (status == 200 && strlen(out) != strlen(rows[i].answer)))
            fail_msg("%s %s: %d %s", rows[i].line, rows[i].body, status, out);
        assert_int_equal(scene->count, rows[i].rung ? 1 : 0);
        if (rows[i].rung)
            assert_string_equal(scene->rung[0], rows[i].rung);
    }
}

static void the_old_calls_text_goes_along(void **state)
{
    struct scene *scene = *state;
    char body[8192];
    char out[2048];

    scene->config.relay.legacy_publish = true;
    call(scene, "POST /", "", "type=publish&to=42&content=%3Cb%3E", out);
    assert_string_equal(scene->text, "<b>");
    call(scene, "POST /", FORM_GBK, "type=publish&to=42&content=%CF%B5%CD%B3", out);
    assert_string_equal(scene->text, "系统");
    call(scene, "POST /", "", "type=publish", out);
    assert_string_equal(scene->text, "");
    snprintf(body, sizeof(body), "type=publish&content=%0*d",
             (int)scene->config.relay.socketio_max_pending, 0);
    assert_int_equal(call(scene, "POST /", "", body, out), 413);
    assert_string_equal(out, "fail");
    assert_int_equal(scene->count, 0);
    scene->is_full = true;
    assert_int_equal(call(scene, "POST /", "", "type=publish", out), 429);
    assert_string_equal(out, "fail");
}

static void to_zero_is_noted(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    call(scene, "POST /", BEARER, "type=publish&to=0", out);
    assert_false(scene->api.has_seen_zero);
    scene->config.relay.legacy_publish = true;
    call(scene, "POST /", "", "type=publish&to=0", out);
    assert_true(scene->api.has_seen_zero);
}

static void publish_calls_have_a_limit(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    scene->config.relay.max_publishes_per_second = 2;
    /* Without the key none is taken away from those who have it. */
    for (int i = 0; i < 5; i++)
        assert_int_equal(call(scene, "POST /publish", "", "{\"rings\":[]}", out), 401);
    assert_int_equal(call(scene, "POST /publish", BEARER, "{\"rings\":[]}", out), 200);
    assert_int_equal(call(scene, "POST /", BEARER, "{\"type\":\"publish\",\"to\":\"42\"}", out),
                     200);
    assert_int_equal(call(scene, "POST /publish", BEARER, "{\"rings\":[{\"all\":true}]}", out),
                     429);
    assert_int_equal(scene->count, 0);
    assert_int_equal(call(scene, "POST /", BEARER, "{\"type\":\"publish\",\"to\":\"42\"}", out),
                     429);
    assert_int_equal(scene->count, 0);
    assert_int_equal(call(scene, "GET /online", BEARER, "", out), 200);
    scene->api.now.ms += 500;
    assert_int_equal(call(scene, "POST /publish", BEARER, "{\"rings\":[{\"all\":true}]}", out),
                     200);
    assert_int_equal(scene->count, 1);
}

static void calls_without_the_key_have_a_limit_of_their_own(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    scene->config.relay.max_keyless_per_second = 2;
    assert_int_equal(call(scene, "POST /publish", "", "{\"rings\":[]}", out), 401);
    assert_int_equal(call(scene, "POST /", "", "type=publish&to=42&key=" KEY, out), 200);
    assert_int_equal(call(scene, "POST /", "", "type=publish&to=42&key=" KEY, out), 429);
    assert_string_equal(out, "fail");
    assert_int_equal(scene->count, 0);
    assert_int_equal(call(scene, "GET /metrics", "", "", out), 429);
    assert_int_equal(call(scene, "GET /health", "", "", out), 200);
    assert_int_equal(call(scene, "POST /publish", BEARER, "{\"rings\":[]}", out), 200);
    scene->api.now.ms += 500;
    assert_int_equal(call(scene, "GET /metrics", "", "", out), 401);
}

static void the_metrics_know_no_kick_that_is_over(void **state)
{
    struct scene *scene = *state;
    char out[2048];

    assert_int_equal(call(scene, "POST /kick", BEARER, "{\"user\":\"7\"}", out), 200);
    scene->api.now.unix_us += INT64_C(90) * 1000000;
    assert_int_equal(call(scene, "GET /metrics", BEARER, "", out), 200);
    assert_int_equal(revocations_count(scene->api.revocations), 1);
    scene->api.now.unix_us += 1000000;
    assert_int_equal(call(scene, "GET /metrics", BEARER, "", out), 200);
    assert_int_equal(revocations_count(scene->api.revocations), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_answer_as_they_should, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_call_tells_of_the_database_is_learnt, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_list_spreads_its_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kick_closes_and_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revocation_closes_what_came_by_older_tokens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(health_says_when_it_drains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_old_call_answers_to_the_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_old_calls_text_goes_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(to_zero_is_noted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(publish_calls_have_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_metrics_know_no_kick_that_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_without_the_key_have_a_limit_of_their_own, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
