/* SPDX-License-Identifier: MIT */
#include "relay/publish/rings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>

#include <cmocka.h>

#define STEP "{\"all\":true,\"from\":94,\"seq\":95,\"add\":1,\"id\":901"
#define RING(text) "{\"rings\":[" text "]}"

static void one_bad_ring_spoils_the_call(void **state)
{
    static const struct {
        const char *body;
        enum err e;
    } rows[] = {
        {"", ERR_MALFORMED},
        {"{", ERR_MALFORMED},
        {"[]", ERR_INVALID},
        {"{}", ERR_INVALID},
        {"{\"rings\":{}}", ERR_INVALID},
        {"{\"rings\":null}", ERR_INVALID},
        {RING("1"), ERR_INVALID},
        {RING("{}"), ERR_INVALID},
        {RING("{\"seq\":1}"), ERR_INVALID},
        {RING("{\"to\":[]}"), ERR_INVALID},
        {RING("{\"to\":\"42\"}"), ERR_INVALID},
        {RING("{\"to\":null}"), ERR_INVALID},
        {RING("{\"to\":[\"\"]}"), ERR_INVALID},
        {RING("{\"to\":[\"*\"]}"), ERR_INVALID},
        {RING("{\"to\":[null]}"), ERR_INVALID},
        {RING("{\"to\":[[\"42\"]]}"), ERR_INVALID},
        {RING("{\"to\":[1.5]}"), ERR_INVALID},
        {RING("{\"to\":[\"a\\n\"]}"), ERR_INVALID},
        {RING("{\"to\":[\"42\"],\"all\":true}"), ERR_INVALID},
        {RING("{\"all\":false}"), ERR_INVALID},
        {RING("{\"all\":1}"), ERR_INVALID},
        {RING("{\"all\":true,\"version\":1,\"seq\":1,\"num\":1}"), ERR_INVALID},
        {RING("{\"all\":true,\"num\":1}"), ERR_INVALID},
        {RING("{\"all\":true,\"hit\":1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\",\"2\"],\"version\":1,\"seq\":1,\"num\":1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"version\":1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"version\":1,\"seq\":1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"seq\":1,\"num\":1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"seq\":-1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"seq\":\"1\"}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"seq\":1.0}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"seq\":null}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"id\":\"x\"}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"version\":1,\"seq\":1,\"num\":1,\"hit\":2}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"version\":1,\"seq\":1,\"num\":1,\"hit\":true}"), ERR_INVALID},
        {RING("{\"all\":true,\"seq\":1},{\"to\":[]}"), ERR_INVALID},
        {"{\"rings\":[],\"report\":1}", ERR_INVALID},
        {"{\"rings\":[],\"rings\":[]}", ERR_MALFORMED},
        {RING("{\"all\":true,\"all\":true}"), ERR_MALFORMED},
        {RING("{\"a\\u006cl\":true,\"all\":true}"), ERR_MALFORMED},
        {RING("{\"to\":[true]}"), ERR_INVALID},
        {RING("{\"to\":[{}]}"), ERR_INVALID},
        {RING("{\"to\":[1e3]}"), ERR_INVALID},
        {RING("{\"to\":[\"a\\u0000\"]}"), ERR_INVALID},
        {RING("[]"), ERR_INVALID},
        {RING("\"all\""), ERR_INVALID},
        {"{\"rings\":[],\"epoch\":\"\"}", ERR_INVALID},
        {"{\"rings\":[],\"epoch\":null}", ERR_INVALID},
        {"{\"rings\":[],\"epoch\":7}", ERR_INVALID},
        {"{\"rings\":[],\"epoch\":\"\\u00fc\"}", ERR_INVALID},
        {"{\"rings\":[],\"epoch\":\"a\\n\"}", ERR_INVALID},
        {"{\"rings\":[],\"epoch\":\"a\",\"epoch\":\"a\"}", ERR_MALFORMED},
        {"{\"rings\":[],\"seq\":-1}", ERR_INVALID},
        {"{\"rings\":[],\"seq\":null}", ERR_INVALID},
        {"{\"rings\":[],\"seq\":\"1\"}", ERR_INVALID},
        {RING("{\"all\":true,\"epoch\":\"\"}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"epoch\":[]}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"scope\":-1}"), ERR_INVALID},
        {RING("{\"to\":[\"1\"],\"from\":94,\"seq\":95,\"add\":1,\"id\":7}"), ERR_INVALID},
        {RING("{\"all\":true,\"from\":94,\"add\":1,\"id\":7}"), ERR_INVALID},
        {RING("{\"all\":true,\"from\":94,\"seq\":95,\"id\":7}"), ERR_INVALID},
        {RING("{\"all\":true,\"from\":94,\"seq\":95,\"add\":0,\"id\":7}"), ERR_INVALID},
        {RING("{\"all\":true,\"from\":94,\"seq\":95,\"add\":-1,\"id\":7}"), ERR_INVALID},
        {RING("{\"all\":true,\"from\":94,\"seq\":95,\"add\":1}"), ERR_INVALID},
        {RING("{\"all\":true,\"from\":null,\"seq\":95,\"add\":1,\"id\":7}"), ERR_INVALID},
        {RING(STEP ",\"category\":7}"), ERR_INVALID},
        {RING(STEP ",\"critical\":1}"), ERR_INVALID},
        {RING(STEP ",\"young\":\"true\"}"), ERR_INVALID},
        {RING(STEP ",\"c\":null}"), ERR_INVALID},
        {RING(STEP "}"), ERR_NONE},
        {RING(STEP ",\"category\":null,\"critical\":false,\"young\":true,\"c\":\"x\"}"), ERR_NONE},
        {"{\"rings\":[]}", ERR_NONE},
        {"{\"rings\":[],\"epoch\":\"k3x\",\"seq\":94}", ERR_NONE},
        {RING("{\"all\":true}"), ERR_NONE},
        {RING("{\"to\":[\"1\"],\"unknown\":[]}"), ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rings p = {0};
        const char *why = NULL;
        enum err e = rings_decode(span_of(rows[i].body), &p, &why);

        if (e != rows[i].e)
            fail_msg("%s: %s", rows[i].body, err_text(e));
        assert_non_null(why);
        assert_int_equal(p.rings != NULL, e == ERR_NONE);
        rings_deinit(&p);
    }
}

static void assert_user(const struct published_ring *ring, size_t n, struct span id)
{
    struct rings_users users = rings_users(ring);
    struct span user;

    for (size_t i = 0; i <= n; i++)
        assert_true(rings_next_user(&users, &user));
    assert_true(span_equal(user, id));
    assert_int_equal(rings_next_user(&users, &user), n + 1 < ring->user_count);
}

static void ids_are_what_they_say_and_not_how_they_are_written(void **state)
{
    struct rings p;
    const char *why;
    struct span body = SPAN(" {\"report\" : false, \"rings\" : [ {\"to\" : [ \"a\\\"b\" , "
                            "-7,\"\\u4e2d\\ud83d\\ude00]\" ] } ] } ");

    (void)state;
    assert_int_equal(rings_decode(body, &p, &why), ERR_NONE);
    assert_int_equal(p.ring_count, 1);
    assert_int_equal(p.rings[0].user_count, 3);
    assert_user(&p.rings[0], 0, SPAN("a\"b"));
    assert_user(&p.rings[0], 1, SPAN("-7"));
    assert_user(&p.rings[0], 2, SPAN("\xe4\xb8\xad\xf0\x9f\x98\x80]"));
    rings_deinit(&p);
}

static void rings_are_of_their_kind(void **state)
{
    struct rings p;
    const char *why;
    struct span body = SPAN(
        RING("{\"to\":[42],\"version\":57,\"seq\":94,\"num\":4,\"hit\":1,\"id\":813},"
             "{\"to\":[\"42\",\"43\"],\"seq\":95},{\"to\":[\"44\"]},{\"all\":true,\"seq\":96}"));

    (void)state;
    assert_int_equal(rings_decode(body, &p, &why), ERR_NONE);
    assert_int_equal(p.ring_count, 4);
    assert_false(p.wants_report);
    assert_int_equal(p.rings[0].ring.type, RING_PERSONAL);
    assert_int_equal(p.rings[0].ring.version, 57);
    assert_int_equal(p.rings[0].ring.seq, 94);
    assert_int_equal(p.rings[0].ring.num, 4);
    assert_int_equal(p.rings[0].ring.hit, 1);
    assert_int_equal(p.rings[0].ring.id, 813);
    assert_user(&p.rings[0], 0, SPAN("42"));
    assert_int_equal(p.rings[1].ring.type, RING_MANY);
    assert_int_equal(p.rings[1].user_count, 2);
    assert_user(&p.rings[1], 1, SPAN("43"));
    assert_int_equal(p.rings[2].ring.type, RING_ASK);
    assert_null(p.rings[3].to.p);
    assert_false(rings_next_user(&(struct rings_users){p.rings[3].to, ""}, &body));
    assert_int_equal(p.rings[3].ring.seq, 96);
    rings_deinit(&p);
}

static void a_step_is_taken_as_it_is_written(void **state)
{
    struct rings p;
    const char *why;
    struct span body = SPAN(RING(STEP ",\"category\":\"n\\\"s\",\"critical\":true,\"c\":\"k-_\"}"));
    const struct step *step;

    (void)state;
    assert_int_equal(rings_decode(body, &p, &why), ERR_NONE);
    step = &p.rings[0].ring.step;
    assert_int_equal(p.rings[0].ring.type, RING_MANY);
    assert_int_equal(step->from, 94);
    assert_int_equal(step->add, 1);
    assert_true(step->is_critical);
    assert_false(step->is_young);
    assert_true(span_equal(step->category, SPAN("\"n\\\"s\"")));
    assert_true(span_equal(step->capability, SPAN("\"k-_\"")));
    rings_deinit(&p);
}

static void the_texts_of_a_step_have_their_limits(void **state)
{
    static const struct {
        const char *name;
        size_t max;
    } rows[] = {{"category", STEP_CATEGORY_MAX}, {"c", STEP_CAPABILITY_MAX}};
    char body[600], text[STEP_CATEGORY_MAX];
    struct rings p = {0};
    const char *why;

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int longest = (int)rows[i].max - 2;

        for (int len = longest; len <= longest + 1; len++) {
            (void)snprintf(body, sizeof(body), RING(STEP ",\"%s\":\"%.*s\"}"), rows[i].name, len,
                           text);
            assert_int_equal(rings_decode(span_of(body), &p, &why),
                             len == longest ? ERR_NONE : ERR_INVALID);
            rings_deinit(&p);
        }
    }
}

static void a_ring_without_an_epoch_is_of_that_of_its_call(void **state)
{
    struct rings p;
    const char *why;
    struct span body = SPAN("{\"rings\":[{\"all\":true},{\"all\":true,\"epoch\":\"\\u0061\"}],"
                            "\"seq\":94,\"epoch\":\"b\"}");

    (void)state;
    assert_int_equal(rings_decode(body, &p, &why), ERR_NONE);
    assert_int_equal(p.told.seq, 94);
    assert_true(span_equal(epoch_name_span(&p.told.epoch), SPAN("b")));
    assert_true(span_equal(epoch_name_span(&p.rings[0].epoch), SPAN("b")));
    assert_true(span_equal(epoch_name_span(&p.rings[1].epoch), SPAN("a")));
    rings_deinit(&p);
}

/* {"rings":[ring,ring,…],"report":true}; owned by the caller. */
static char *call_of(const char *ring, size_t count)
{
    size_t len = strlen(ring);
    char *body = malloc(count * (len + 1) + 64), *at = body;

    assert_non_null(body);
    at = stpcpy(at, "{\"report\":true,\"rings\":[");
    for (size_t i = 0; i < count; i++)
        at = stpcpy(stpcpy(at, i ? "," : ""), ring);
    strcpy(at, "]}");
    return body;
}

static void the_limits_hold(void **state)
{
    static const struct {
        const char *ring;
        size_t count;
        enum err e;
    } rows[] = {
        {"{\"to\":[\"1\"]}", RINGS_REPORT_MAX, ERR_NONE},
        {"{\"to\":[\"1\"]}", RINGS_REPORT_MAX + 1, ERR_INVALID},
        {"{\"all\":true}", RINGS_MAX, ERR_NONE},
        {"{\"all\":true}", RINGS_MAX + 1, ERR_TOO_BIG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *body = call_of(rows[i].ring, rows[i].count);
        struct rings p = {0};
        const char *why;

        assert_int_equal(rings_decode(span_of(body), &p, &why), rows[i].e);
        assert_int_equal(p.wants_report, rows[i].e == ERR_NONE);
        rings_deinit(&p);
        free(body);
    }
}

static void a_kick_names_a_user(void **state)
{
    static const struct {
        const char *body;
        enum err e;
        const char *user;
    } rows[] = {
        {"", ERR_MALFORMED, NULL},
        {"[]", ERR_INVALID, NULL},
        {"{}", ERR_INVALID, NULL},
        {"{\"user\":\"\"}", ERR_INVALID, NULL},
        {"{\"user\":\"*\"}", ERR_INVALID, NULL},
        {"{\"user\":[\"1\"]}", ERR_INVALID, NULL},
        {"{\"user\":\"42\"}", ERR_NONE, "42"},
        {"{\"user\":42}", ERR_NONE, "42"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_object *root = NULL;
        struct span user = {NULL, 0};
        const char *why;

        assert_int_equal(rings_decode_user(span_of(rows[i].body), &root, &user, &why), rows[i].e);
        assert_true(span_equal(user, span_of(rows[i].user)));
        json_object_put(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_ring_spoils_the_call),
        cmocka_unit_test(ids_are_what_they_say_and_not_how_they_are_written),
        cmocka_unit_test(rings_are_of_their_kind),
        cmocka_unit_test(a_step_is_taken_as_it_is_written),
        cmocka_unit_test(the_texts_of_a_step_have_their_limits),
        cmocka_unit_test(a_ring_without_an_epoch_is_of_that_of_its_call),
        cmocka_unit_test(the_limits_hold),
        cmocka_unit_test(a_kick_names_a_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
