/* SPDX-License-Identifier: MIT */
#include "relay/publish/elsewhere.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TOLD_MAX = 2048 };

/* A relay of two, with what it told the other one, and what it rang here. */
struct scene {
    struct config config;
    struct metrics metrics;
    struct cluster cluster;
    struct api api;
    struct http_response res;
    char told[TOLD_MAX]; /* lines of channel and envelope */
    char rung[TOLD_MAX];
    char answered[TOLD_MAX];
    bool is_full;
};

static bool publish(void *link, enum cluster_to to, struct span name, struct span payload,
                    uint32_t question)
{
    static const char *const kinds[] = {"all", "relay:", "user:"};
    struct scene *s = link;
    size_t len = strlen(s->told);

    (void)question;
    if (s->is_full)
        return false;
    (void)snprintf(s->told + len, sizeof(s->told) - len, "%s%.*s %.*s|", kinds[to], SPAN_ARGS(name),
                   SPAN_ARGS(payload));
    return true;
}

static bool count_subscribers(void *link, const struct question *one)
{
    (void)one;
    return !((struct scene *)link)->is_full;
}

static void receive(void *here, struct span user, const struct envelope *e)
{
    elsewhere_receive(&((struct scene *)here)->api, user, e);
}

static void finish(void *here, const struct question *one, bool is_partial)
{
    elsewhere_finish(&((struct scene *)here)->api, one, is_partial);
}

static void lose(void *here)
{
    (void)here;
}

static const struct cluster_ops cluster_ops = {publish, count_subscribers, receive, finish, lose};

static void note_ring(struct scene *s, struct span user, const struct ring *ring)
{
    size_t len = strlen(s->rung);

    (void)snprintf(s->rung + len, sizeof(s->rung) - len, "%.*s:%d:%.*s|", SPAN_ARGS(user),
                   (int)ring->seq, SPAN_ARGS(ring->text));
}

static enum err ring_user(void *ctx, struct span user, const struct ring *ring, size_t *count)
{
    note_ring(ctx, user, ring);
    *count = 0;
    return ERR_NONE;
}

static enum err ring_all(void *ctx, const struct ring *ring, size_t *count)
{
    note_ring(ctx, SPAN("all"), ring);
    *count = 0;
    return ERR_NONE;
}

static void learn(void *ctx, const struct epoch_name *name, int64_t seq)
{
    (void)ctx;
    (void)name;
    (void)seq;
}

static struct scene scene; /* whose address the answer needs */

static void answer(struct http_conn *parked, struct http_response *res)
{
    (void)parked;
    (void)snprintf(scene.answered, sizeof(scene.answered), "%d %.*s", res->status,
                   SPAN_ARGS(buf_span(&res->body)));
}

static const struct api_ops ops = {ring_user, ring_all, learn, answer};

static int set_up(void **state)
{
    static const struct hello own = {.users = 0};
    struct scene *s = &scene;

    memset(s, 0, sizeof(*s));
    s->config.relay.cluster_max_pending = 100000;
    s->config.auth.token_ttl_max_s = 1000;
    cluster_init(&s->cluster, &cluster_ops, 7, 100000);
    s->cluster.link = s->cluster.here = s;
    s->api = (struct api){.config = &s->config,
                          .hub = hub_new(),
                          .revocations = revocations_new(10),
                          .metrics = &s->metrics,
                          .ops = &ops,
                          .ctx = s,
                          .cluster = &s->cluster};
    (void)cluster_on_linked(&s->cluster, 1, &own, 0);
    s->told[0] = '\0';
    buf_init(&s->res.body, 100000);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;

    buf_deinit(&s->res.body);
    cluster_deinit(&s->cluster);
    revocations_free(s->api.revocations);
    hub_free(s->api.hub);
    return 0;
}

static void publish_call(struct scene *s, const char *body)
{
    struct http_request req = {.conn = (struct http_conn *)s};
    struct rings p;
    const char *why;

    buf_reset(&s->res.body);
    s->told[0] = '\0';
    assert_int_equal(rings_decode(span_of(body), &p, &why), ERR_NONE);
    assert_int_equal(elsewhere_publish(&s->api, &p, 2, &req, &s->res), ERR_NONE);
    rings_deinit(&p);
}

static void assert_body(const struct scene *s, const char *body)
{
    assert_true(span_equal(buf_span(&s->res.body), span_of(body)));
}

static void rings_go_where_their_users_are(void **state)
{
    struct scene *s = *state;

    publish_call(s, "{\"rings\":[{\"to\":[\"42\",43],\"seq\":1}],\"epoch\":\"e\"}");
    assert_string_equal(s->told, "all doorbell1 rings 7 0\n{\"rings\":[],\"epoch\":\"e\"}|"
                                 "user:42 doorbell1 rings 7 0\n"
                                 "{\"rings\":[{\"to\":[\"42\",43],\"seq\":1}],\"epoch\":\"e\"}|"
                                 "user:43 doorbell1 rings 7 0\n"
                                 "{\"rings\":[{\"to\":[\"42\",43],\"seq\":1}],\"epoch\":\"e\"}|");
    assert_body(s, "{\"sessions\":2}");
    publish_call(s, "{\"rings\":[{\"all\":true,\"seq\":2},{\"all\":true}],\"epoch\":\"e\"}");
    assert_string_equal(s->told, "all doorbell1 rings 7 0\n"
                                 "{\"rings\":[{\"all\":true,\"seq\":2},{\"all\":true}],"
                                 "\"epoch\":\"e\"}|");
    publish_call(s, "{\"rings\":[],\"epoch\":\"e\"}");
    assert_string_equal(s->told, "");
}

static void a_long_list_goes_to_all_once(void **state)
{
    struct scene *s = *state;
    char body[512] = "{\"rings\":[{\"to\":[0";

    for (int i = 1; i <= ELSEWHERE_USERS_MAX; i++)
        (void)snprintf(body + strlen(body), sizeof(body) - strlen(body), ",%d", i);
    strcat(body, "]}]}");
    publish_call(s, body);
    assert_int_equal(strncmp(s->told, "all doorbell1 rings", 19), 0);
    assert_null(strstr(s->told, "|user:"));
}

static void much_for_many_goes_to_all_once(void **state)
{
    struct scene *s = *state;
    const char *body =
        "{\"rings\":[{\"to\":[\"42\",\"43\"],\"seq\":1},{\"to\":[\"42\"],\"seq\":2}]}";

    s->config.relay.cluster_max_pending = 2000;
    publish_call(s, body);
    assert_non_null(strstr(s->told, "|user:43"));
    s->config.relay.cluster_max_pending = 1000;
    publish_call(s, body);
    assert_string_equal(s->told, "all doorbell1 rings 7 0\n{\"rings\":[{\"to\":[\"42\",\"43\"],"
                                 "\"seq\":1},{\"to\":[\"42\"],\"seq\":2}]}|");
}

static void hear(struct scene *s, struct span user, enum envelope_kind kind, const char *body)
{
    struct envelope e = {kind, 8, 5, span_of(body)};

    s->rung[0] = s->told[0] = '\0';
    elsewhere_receive(&s->api, user, &e);
}

static void what_others_say_is_rung_here(void **state)
{
    struct scene *s = *state;
    static const char call[] = "{\"rings\":[{\"to\":[\"42\",\"43\"],\"seq\":1}]}";

    hear(s, SPAN(""), ENVELOPE_RINGS, call);
    assert_string_equal(s->rung, "42:1:|43:1:|");
    hear(s, SPAN("42"), ENVELOPE_RINGS, call);
    assert_string_equal(s->rung, "42:1:|");
    hear(s, SPAN(""), ENVELOPE_RINGS, "{\"rings\":[{\"all\":true,\"seq\":3}]}");
    assert_string_equal(s->rung, "all:3:|");
    hear(s, SPAN("42"), ENVELOPE_TEXT, "{\"text\":\"a\\u00fcb\"}");
    assert_string_equal(s->rung, "42:0:a\xc3\xbc"
                                 "b|");
    hear(s, SPAN(""), ENVELOPE_TEXT, "{\"text\":\"\"}");
    assert_string_equal(s->rung, "all:0:|");
    hear(s, SPAN(""), ENVELOPE_RINGS, "{\"rings\":[{}]}");
    assert_string_equal(s->rung, "");
    assert_string_equal(s->told, "");
}

static void questions_of_others_are_answered(void **state)
{
    struct scene *s = *state;

    hear(s, SPAN(""), ENVELOPE_ASK, "{\"users\":[\"42\",43]}");
    assert_string_equal(s->told, "relay:8 doorbell1 answer 7 5\n{\"sessions\":[0,0]}|");
    hear(s, SPAN(""), ENVELOPE_KICK, "{\"revocations\":[{\"user\":\"42\",\"at\":1}]}");
    assert_string_equal(s->told, "relay:8 doorbell1 answer 7 5\n{\"sessions\":[0]}|");
    assert_int_equal(revocations_count(s->api.revocations), 1);
    hear(s, SPAN(""), ENVELOPE_ASK, "{\"users\":[\"*\"]}");
    assert_string_equal(s->told, "");
}

static void a_report_waits_for_the_others(void **state)
{
    struct scene *s = *state;

    publish_call(s, "{\"rings\":[{\"to\":[\"42\",\"43\"]}],\"report\":true}");
    assert_true(s->api.is_parked);
    assert_body(s, "");
    cluster_on_receivers(&s->cluster, 1, 2);
    cluster_on_message(&s->cluster, SPAN(""), SPAN("doorbell1 answer 8 1\n{\"sessions\":[0,3]}"),
                       &(struct hello){0}, 0);
    assert_string_equal(s->answered, "200 {\"sessions\":5,\"offline\":[\"42\"]}");
}

static void one_that_cannot_be_asked_for_is_partial(void **state)
{
    struct scene *s = *state;

    s->is_full = true;
    publish_call(s, "{\"rings\":[{\"to\":[\"42\"]}],\"report\":true}");
    assert_false(s->api.is_parked);
    assert_body(s, "{\"sessions\":2,\"offline\":[\"42\"],\"partial\":true}");
    assert_true(s->cluster.owes_question);
}

static void ask_online(struct scene *s)
{
    static const struct told nothing;
    struct http_request req = {.conn = (struct http_conn *)s};

    buf_reset(&s->res.body);
    s->api.is_parked = false;
    assert_int_equal(elsewhere_ask_online(&s->api, SPAN("\"42\""), &nothing, &req, &s->res),
                     ERR_NONE);
}

/* What is owed is paid when the link is back, and until then a stop looks like a death. */
static void one_too_many_owes_nothing_while_the_link_is_good(void **state)
{
    struct scene *s = *state;

    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        ask_online(s);
    assert_true(s->api.is_parked);
    ask_online(s);
    assert_false(s->api.is_parked);
    assert_body(s, "{\"users\":[],\"partial\":true}");
    assert_false(s->cluster.owes_question);
    cluster_on_cut(&s->cluster);
    ask_online(s);
    assert_true(s->cluster.owes_question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rings_go_where_their_users_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_list_goes_to_all_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_say_is_rung_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(questions_of_others_are_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_report_waits_for_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(much_for_many_goes_to_all_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_cannot_be_asked_for_is_partial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_too_many_owes_nothing_while_the_link_is_good, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
