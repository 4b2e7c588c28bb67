/* SPDX-License-Identifier: MIT */
#include "relay/cluster/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the cluster wanted, in the order in which it did. */
struct scene {
    struct cluster cluster;
    size_t published, received, finished, lost;
    char last[512]; /* envelope */
    enum cluster_to to;
    char name[32];
    bool is_full, was_partial;
    int64_t sessions;
};

static const struct hello own = {.users = 1, .pages = 2, .sessions = 3};

static bool publish(void *link, enum cluster_to to, struct span name, struct span payload,
                    uint32_t question)
{
    struct scene *s = link;

    (void)question;
    if (s->is_full)
        return false;
    s->published++;
    s->to = to;
    memcpy(s->name, name.p ? name.p : "", name.len);
    s->name[name.len] = '\0';
    memcpy(s->last, payload.p, payload.len);
    s->last[payload.len] = '\0';
    return true;
}

static bool count_subscribers(void *link, const struct question *one)
{
    (void)one;
    return !((struct scene *)link)->is_full;
}

static void receive(void *here, struct span user, const struct envelope *e)
{
    (void)user;
    (void)e;
    ((struct scene *)here)->received++;
}

static void finish(void *here, const struct question *one, bool is_partial)
{
    struct scene *s = here;

    s->finished++;
    s->was_partial = is_partial;
    s->sessions = one->sessions;
}

static void lose(void *here)
{
    ((struct scene *)here)->lost++;
}

static const struct cluster_ops ops = {publish, count_subscribers, receive, finish, lose};

static void begin(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    cluster_init(&s->cluster, &ops, 7, 1000);
    s->cluster.link = s->cluster.here = s;
}

static void hear(struct scene *s, const char *payload, int64_t now_ms)
{
    cluster_on_message(&s->cluster, SPAN(""), span_of(payload), &own, now_ms);
}

#define HELLO(id) "doorbell1 hello " id " 0\n{\"life\":1,\"users\":1,\"pages\":1,\"sessions\":1}"

static void a_new_relay_is_told_who_is_here(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    assert_false(cluster_on_linked(&s.cluster, 5, &own, 0));
    assert_string_equal(s.last,
                        "doorbell1 hello 7 0\n{\"life\":5,\"users\":1,\"pages\":2,\"sessions\":3}");
    hear(&s, HELLO("8"), 10);
    assert_int_equal(s.published, 2);
    hear(&s, HELLO("8"), 20);
    assert_int_equal(s.published, 2);
    assert_true(cluster_tick(&s.cluster, &own, 30));
    assert_int_equal(cluster_share(&s.cluster, 1001), 500);
    assert_int_equal(cluster_share(&s.cluster, 1), 1);
    assert_int_equal(cluster_share(&s.cluster, 0), 0);
    hear(&s, "doorbell1 rings 8 0\n{}", 40);
    hear(&s, "doorbell1 rings 7 0\n{}", 40); /* its own */
    hear(&s, "doorbell1 what 8 0\n{}", 40);
    assert_int_equal(s.received, 1);
    cluster_deinit(&s.cluster);
}

static void rates_are_shared_by_those_who_may_still_be_there(void **state)
{
    struct scene s;
    int64_t late = PEERS_SILENT_MS + 100;

    (void)state;
    begin(&s);
    (void)cluster_on_linked(&s.cluster, 5, &own, 0);
    hear(&s, HELLO("8"), 10);
    assert_true(cluster_tick(&s.cluster, &own, 20));
    cluster_on_cut(&s.cluster);
    assert_false(cluster_tick(&s.cluster, &own, late));
    assert_int_equal(s.cluster.peers.count, 0);
    assert_int_equal(s.cluster.relays, 2);
    assert_true(cluster_on_linked(&s.cluster, 6, &own, late));
    assert_false(cluster_tick(&s.cluster, &own, late + PEERS_SILENT_MS - 1));
    assert_true(cluster_tick(&s.cluster, &own, late + PEERS_SILENT_MS));
    assert_int_equal(s.cluster.relays, 1);
    cluster_deinit(&s.cluster);
}

static void what_others_missed_they_ask_for(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    assert_false(cluster_tell(&s.cluster, CLUSTER_USER, SPAN("42"), ENVELOPE_RINGS, SPAN("{}")));
    assert_int_equal(s.cluster.counts[CLUSTER_LOST], 1);
    (void)cluster_on_linked(&s.cluster, 5, &own, 0);
    assert_string_equal(s.last, "doorbell1 rings 7 0\n{\"rings\":[{\"all\":true}]}");
    cluster_on_receivers(&s.cluster, CLUSTER_TOLD, 1);
    cluster_on_cut(&s.cluster);
    (void)cluster_on_linked(&s.cluster, 6, &own, 0);
    assert_int_equal(s.published, 3); /* but not again */
    assert_true(cluster_tell(&s.cluster, CLUSTER_USER, SPAN("42"), ENVELOPE_RINGS, SPAN("{}")));
    assert_int_equal(s.to, CLUSTER_USER);
    assert_string_equal(s.name, "42");
    cluster_on_receivers(&s.cluster, CLUSTER_TOLD, 1);
    assert_false(s.cluster.owes_question);
    (void)cluster_tell(&s.cluster, CLUSTER_USER, SPAN("42"), ENVELOPE_RINGS, SPAN("{}"));
    cluster_on_cut(&s.cluster); /* it was on its way */
    assert_true(s.cluster.owes_question);
    cluster_deinit(&s.cluster);
}

static void one_that_goes_without_a_word_may_have_lost_something(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    (void)cluster_on_linked(&s.cluster, 1, &own, 0);
    hear(&s, HELLO("8"), 0);
    hear(&s, HELLO("9"), 0);
    hear(&s, "doorbell1 bye 8 0\n{}", 1);
    (void)cluster_tick(&s.cluster, &own, PEERS_SILENT_MS - 1);
    assert_int_equal(s.lost, 0);
    (void)cluster_tick(&s.cluster, &own, PEERS_SILENT_MS);
    assert_int_equal(s.lost, 1);
    (void)cluster_tick(&s.cluster, &own, 2 * PEERS_SILENT_MS);
    assert_int_equal(s.lost, 1);

    /* Cut off, it hears nobody, and its pages ask once it is back. */
    hear(&s, HELLO("8"), 2 * PEERS_SILENT_MS);
    cluster_on_cut(&s.cluster);
    (void)cluster_tick(&s.cluster, &own, 3 * PEERS_SILENT_MS);
    assert_int_equal(s.lost, 1);
    cluster_deinit(&s.cluster);
}

static void who_owes_a_question_goes_without_a_word(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    (void)cluster_on_linked(&s.cluster, 1, &own, 0);
    assert_true(cluster_tell(&s.cluster, CLUSTER_USER, SPAN("42"), ENVELOPE_RINGS, SPAN("{}")));
    cluster_on_receivers(&s.cluster, CLUSTER_TOLD, -1);
    s.published = 0;
    cluster_leave(&s.cluster);
    assert_int_equal(s.published, 0);
    cluster_deinit(&s.cluster);
}

static void begin_beside_8(struct scene *s)
{
    begin(s);
    (void)cluster_on_linked(&s->cluster, 5, &own, 0);
    hear(s, HELLO("8"), 0);
}

static struct question *ask(struct scene *s, int64_t now_ms)
{
    struct question *one;

    assert_int_equal(cluster_ask(&s->cluster, QUESTION_REPORT, ENVELOPE_ASK, SPAN("\"1\""), 1,
                                 SPAN("{}"), now_ms, &one),
                     ERR_NONE);
    return one;
}

static void a_question_ends_when_all_have_answered(void **state)
{
    struct scene s;
    uint32_t id;

    (void)state;
    begin_beside_8(&s);
    id = ask(&s, 0)->id;
    assert_int_equal(id, 1);
    hear(&s, "doorbell1 answer 8 1\n{\"sessions\":[4]}", 10);
    assert_int_equal(s.finished, 0);
    cluster_on_receivers(&s.cluster, id, 2);
    assert_int_equal(s.finished, 1);
    assert_false(s.was_partial);
    assert_int_equal(s.sessions, 4);
    hear(&s, "doorbell1 answer 8 1\n{\"sessions\":[4]}", 10); /* late */
    assert_int_equal(s.finished, 1);
    cluster_deinit(&s.cluster);
}

static void one_that_is_not_answered_ends_in_part(void **state)
{
    struct scene s;
    uint32_t id;

    (void)state;
    begin_beside_8(&s);
    id = ask(&s, 0)->id;
    cluster_on_receivers(&s.cluster, id, 1); /* 8 is there, but Redis has not reached it */
    assert_int_equal(s.finished, 1);
    assert_true(s.was_partial);
    id = ask(&s, 0)->id;
    cluster_on_receivers(&s.cluster, id, 2);
    (void)cluster_tick(&s.cluster, &own, QUESTION_MS);
    assert_int_equal(s.finished, 2);
    assert_true(s.was_partial);
    id = ask(&s, 0)->id;
    cluster_on_receivers(&s.cluster, id, -1);
    assert_int_equal(s.finished, 3);
    (void)ask(&s, 0);
    cluster_on_cut(&s.cluster);
    assert_int_equal(s.finished, 4);
    assert_true(s.was_partial);
    cluster_deinit(&s.cluster);
}

static void without_a_link_nobody_is_asked(void **state)
{
    struct scene s;
    struct question *one;

    (void)state;
    begin(&s);
    assert_int_equal(
        cluster_ask(&s.cluster, QUESTION_REPORT, ENVELOPE_ASK, SPAN(""), 0, SPAN("{}"), 0, &one),
        ERR_UNAVAILABLE);
    (void)cluster_on_linked(&s.cluster, 5, &own, 0);
    s.is_full = true;
    assert_int_equal(
        cluster_ask(&s.cluster, QUESTION_REPORT, ENVELOPE_ASK, SPAN(""), 0, SPAN("{}"), 0, &one),
        ERR_UNAVAILABLE);
    assert_int_equal(cluster_ask_online(&s.cluster, QUESTION_ONLINE, SPAN("\"1\""), 1, 0, &one),
                     ERR_UNAVAILABLE);
    s.is_full = false;
    assert_int_equal(cluster_ask_online(&s.cluster, QUESTION_ONLINE, SPAN("\"1\""), 1, 0, &one),
                     ERR_NONE);
    cluster_on_subscribers(&s.cluster, one->id, 0, 2);
    cluster_on_subscribers(&s.cluster, one->id, 1, 2);
    cluster_on_all_subscribers(&s.cluster, one->id, false);
    assert_int_equal(s.finished, 1);
    assert_int_equal(s.sessions, 1);
    cluster_deinit(&s.cluster);
}

static void a_link_on_which_nothing_comes_back_is_deaf(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    assert_false(cluster_is_deaf(&s.cluster, CLUSTER_DEAF_MS));
    (void)cluster_on_linked(&s.cluster, 5, &own, 0);
    /* The process was stopped: what has come is not read yet. */
    assert_false(cluster_is_deaf(&s.cluster, CLUSTER_DEAF_MS));
    (void)cluster_tick(&s.cluster, &own, CLUSTER_DEAF_MS);
    assert_true(cluster_is_deaf(&s.cluster, CLUSTER_DEAF_MS + 100));
    hear(&s, HELLO("7"), CLUSTER_DEAF_MS + 100);
    assert_false(cluster_is_deaf(&s.cluster, CLUSTER_DEAF_MS + 100));
    cluster_deinit(&s.cluster);
}

static void another_redis_than_before_is_counted(void **state)
{
    static const struct address one = {.type = ADDRESS_TCP, .host = "::1", .port = 6379},
                                other = {.type = ADDRESS_TCP, .host = "::1", .port = 6380};
    struct scene s;

    (void)state;
    begin(&s);
    assert_false(cluster_on_redis(&s.cluster, &one));
    assert_false(cluster_on_redis(&s.cluster, &one));
    assert_true(cluster_on_redis(&s.cluster, &other));
    assert_string_equal(s.cluster.redis, "[::1]:6380");
    assert_int_equal(s.cluster.counts[CLUSTER_MOVES], 1);
    cluster_deinit(&s.cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_relay_is_told_who_is_here),
        cmocka_unit_test(rates_are_shared_by_those_who_may_still_be_there),
        cmocka_unit_test(what_others_missed_they_ask_for),
        cmocka_unit_test(one_that_goes_without_a_word_may_have_lost_something),
        cmocka_unit_test(who_owes_a_question_goes_without_a_word),
        cmocka_unit_test(a_question_ends_when_all_have_answered),
        cmocka_unit_test(one_that_is_not_answered_ends_in_part),
        cmocka_unit_test(without_a_link_nobody_is_asked),
        cmocka_unit_test(a_link_on_which_nothing_comes_back_is_deaf),
        cmocka_unit_test(another_redis_than_before_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
