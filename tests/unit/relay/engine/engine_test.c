/* SPDX-License-Identifier: MIT */
/* The engine under a clock of its own, with a protocol that writes down what it is asked for. */
#include "relay/engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/engine/ringer.h"
#include "relay/engine/sweep.h"
#include "relay/session/protocol.h"

enum { MANY = 600 };

struct told {
    struct session base;
    int delivered, flushed, ended, checked;
    int64_t seq; /* of the last ring */
};

struct scene {
    struct engine engine;
    struct config config;
    struct secrets secrets;
    struct told *sessions[MANY];
    size_t count;
    int freed;
    bool is_full;    /* refuses broadcasts */
    bool is_pinging; /* a check is a ping */
};

static struct scene *the_scene;
static int encoded;

static struct told *told_of(struct session *s)
{
    return (struct told *)s;
}

static enum err start(struct engine *e, void **state)
{
    (void)e;
    *state = NULL;
    return ERR_NONE;
}

static void stop(struct engine *e, void *state)
{
    (void)e;
    (void)state;
}

static enum err encode(const struct engine *e, const struct event *event, struct buf *out)
{
    (void)e;
    encoded++;
    if (event->as.ring.text.len > 10)
        return ERR_TOO_BIG;
    return buf_append(out, SPAN("x"));
}

static enum err announce(struct engine *e, struct frames *frames)
{
    (void)e;
    (void)frames;
    return the_scene->is_full ? ERR_TOO_MANY : ERR_NONE;
}

static bool deliver(struct engine *e, struct session *s, struct frames *frames)
{
    const struct frame *frame;

    assert_int_equal(frames_get(frames, e, s->protocol, &frame), ERR_NONE);
    assert_true(span_equal(frame_span(frame), SPAN("x")));
    told_of(s)->delivered++;
    told_of(s)->seq =
        frames->event.type == EVENT_PING ? frames->event.as.seq : frames->event.as.ring.seq;
    return true;
}

static void flush(struct engine *e, struct session *s)
{
    (void)e;
    told_of(s)->flushed++;
}

static bool check(struct engine *e, struct session *s)
{
    told_of(s)->checked++;
    return the_scene->is_pinging && engine_deliver(e, s, &e->pings);
}

static void end(struct engine *e, struct session *s)
{
    (void)e;
    told_of(s)->ended++;
    s->is_end_told = true;
}

static void free_session(struct engine *e, struct session *s)
{
    (void)e;
    (void)s;
    the_scene->freed++;
}

static const struct protocol spoken = {.id = PROTOCOL_NATIVE,
                                       .name = "spoken",
                                       .start = start,
                                       .stop = stop,
                                       .encode = encode,
                                       .announce = announce,
                                       .deliver = deliver,
                                       .flush = flush,
                                       .check = check,
                                       .end = end,
                                       .free = free_session};

static void log_nothing(const struct session *s, const char *what)
{
    (void)s;
    (void)what;
}

static enum err no_chance(void *out, size_t len)
{
    memset(out, 7, len);
    return ERR_NONE;
}

static int64_t no_time(void)
{
    return 0;
}

static const struct engine_ops ops = {log_nothing, NULL, no_chance, no_time};

static int set_up(void **state)
{
    static const struct protocol *const protocols[PROTOCOL_COUNT] = {&spoken, &spoken, &spoken};
    struct scene *scene = calloc(1, sizeof(*scene));

    if (!scene)
        return -1;
    scene->engine.now = (struct instant){.ms = 1000, .s = 500, .us = 1000000};
    scene->config.relay.drain_window_ms = 100;
    scene->config.relay.max_sessions = 3;
    encoded = 0;
    the_scene = *state = scene;
    return (int)engine_init(&scene->engine, &ops, protocols, &scene->config, &scene->secrets);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    engine_end_sessions(&scene->engine);
    assert_int_equal(scene->freed, scene->count);
    engine_deinit(&scene->engine);
    for (size_t i = 0; i < scene->count; i++)
        free(scene->sessions[i]);
    free(scene);
    return 0;
}

static struct told *add(struct scene *scene, const char *user)
{
    static const struct ip nowhere;
    struct told *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    session_init(&t->base, &spoken, scene->engine.now);
    assert_int_equal(engine_add(&scene->engine, &t->base, &nowhere, NULL), ERR_NONE);
    if (user)
        assert_int_equal(hub_login(scene->engine.hub, &t->base, span_of(user)), ERR_NONE);
    scene->sessions[scene->count++] = t;
    return t;
}

static void a_ring_is_encoded_once_for_all_sessions_of_a_user(void **state)
{
    struct scene *scene = *state;
    struct ring ring = {.type = RING_PERSONAL, .version = 1, .seq = 5};
    size_t count;

    for (int i = 0; i < 4; i++)
        add(scene, "42");
    add(scene, "43");
    assert_int_equal(ringer_ring_user(&scene->engine, SPAN("42"), &ring, &count), ERR_NONE);
    assert_int_equal(count, 4);
    assert_int_equal(encoded, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(scene->sessions[i]->seq, 5);
    assert_int_equal(scene->sessions[4]->delivered, 0);
}

static void a_text_that_is_too_long_rings_nobody(void **state)
{
    struct scene *scene = *state;
    struct ring ring = {.type = RING_ASK, .text = SPAN("longer than ten")};
    size_t count;

    add(scene, "42");
    assert_int_equal(ringer_ring_user(&scene->engine, SPAN("42"), &ring, &count), ERR_TOO_BIG);
    assert_int_equal(ringer_ring_all(&scene->engine, &ring, &count), ERR_TOO_BIG);
    assert_int_equal(hub_due(scene->engine.hub), 0);
    assert_int_equal(scene->sessions[0]->delivered, 0);
}

static void a_long_list_waits_for_later_turns(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct ring ring = {.type = RING_MANY, .seq = 1};
    size_t count, flushed = 0;
    int turns = 0;

    for (int i = 0; i < MANY; i++)
        add(scene, "42");
    assert_int_equal(ringer_ring_user(e, SPAN("42"), &ring, &count), ERR_NONE);
    assert_int_equal(hub_listed(e->hub, HUB_DEFERRED), MANY - PACE_TURN_MAX);
    for (; ringer_wait_ms(e) == 0; turns++) {
        ringer_walk(e);
        engine_turn(e);
    }
    for (int i = 0; i < MANY; i++)
        flushed += (size_t)scene->sessions[i]->flushed;
    assert_int_equal(flushed, MANY - PACE_TURN_MAX);
    assert_int_equal(turns, 2);
}

static void a_broadcast_goes_round_at_its_pace_and_merges(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct ring ring = {.type = RING_MANY, .seq = 1};
    size_t count;

    scene->config.relay.pace = 1000;
    for (int i = 0; i < 100; i++)
        add(scene, "42");
    assert_int_equal(ringer_ring_all(e, &ring, &count), ERR_NONE);
    assert_int_equal(count, 100);
    assert_int_equal(ringer_wait_ms(e), PACE_TICK_MS);
    e->now.ms += 5;
    ringer_walk(e);
    assert_int_equal(hub_due(e->hub), 90);
    ring.seq = 2;
    assert_int_equal(ringer_ring_all(e, &ring, &count), ERR_NONE);
    while (ringer_wait_ms(e) >= 0) {
        e->now.ms += PACE_TICK_MS;
        ringer_walk(e);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(scene->sessions[i]->seq, 2);
    assert_int_equal(scene->sessions[99]->delivered, 1);
    scene->is_full = true;
    assert_int_equal(ringer_ring_all(e, &ring, &count), ERR_TOO_MANY);
    assert_int_equal(hub_due(e->hub), 0);
}

static void a_fast_pace_is_kept_too(void **state)
{
    static const int64_t paces[] = {1000, 50000, 60000, 100000, 256000};
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct ring ring = {.type = RING_MANY, .seq = 1};
    size_t count;

    for (int i = 0; i < MANY; i++)
        add(scene, "42");
    for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
        int64_t ends_ms = e->now.ms + 1000, rung = 0;

        scene->config.relay.pace = paces[i];
        while (e->now.ms < ends_ms) {
            if (hub_due(e->hub) < PACE_TURN_MAX)
                assert_int_equal(ringer_ring_all(e, &ring, &count), ERR_NONE);
            rung += (int64_t)hub_due(e->hub);
            e->now.ms += ringer_wait_ms(e);
            ringer_walk(e);
            rung -= (int64_t)hub_due(e->hub);
        }
        assert_in_range(rung, paces[i] * 98 / 100, paces[i] * 102 / 100);
    }
}

static struct epoch_name named(const char *text)
{
    struct epoch_name name;

    assert_int_equal(epoch_name_set(&name, span_of(text)), ERR_NONE);
    return name;
}

static void another_epoch_makes_everybody_ask_at_the_pace(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct epoch_name a = named("a"), b = named("b");

    scene->config.relay.pace = 1000;
    for (int i = 0; i < 100; i++)
        add(scene, "42");
    assert_false(ringer_learn(e, &a, 7));
    assert_false(ringer_learn(e, &a, 8));
    assert_int_equal(hub_due(e->hub), 0);
    assert_true(ringer_learn(e, &b, 3));
    assert_int_equal(e->broadcaster.pace.ring.type, RING_ASK);
    e->now.ms += 5;
    ringer_walk(e);
    assert_int_equal(hub_due(e->hub), 90);
    scene->is_full = true;
    assert_true(ringer_learn(e, &a, 0)); /* the pings tell of it */
}

static void a_ping_is_encoded_once_and_tells_what_went_round(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct epoch_name none = {0};
    struct ring ring = {.type = RING_MANY, .seq = 8};
    size_t count;

    scene->is_pinging = true;
    for (int i = 0; i < 5 * SWEEP_TICKS; i++)
        add(scene, "42");
    assert_false(ringer_learn(e, &none, 7));
    (void)sweep_tick(e);
    assert_int_equal(scene->sessions[0]->seq, 7);
    assert_int_equal(scene->sessions[4]->seq, 7);
    assert_int_equal(encoded, 1);
    assert_false(ringer_learn(e, &none, 8));
    assert_int_equal(ringer_ring_all(e, &ring, &count), ERR_NONE);
    (void)sweep_tick(e);
    assert_int_equal(scene->sessions[5]->seq, 7);
    while (ringer_wait_ms(e) >= 0)
        ringer_walk(e);
    (void)sweep_tick(e);
    assert_int_equal(scene->sessions[10]->seq, 8);
}

static void what_is_marked_is_flushed_once_a_turn(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct told *t = add(scene, NULL);

    engine_mark_dirty(e, &t->base);
    engine_mark_dirty(e, &t->base);
    hub_list(e->hub, &t->base, HUB_DEFERRED);
    assert_int_equal(t->flushed, 0);
    engine_turn(e);
    engine_turn(e);
    assert_int_equal(t->flushed, 1);
}

static void a_session_that_fails_is_told_at_the_end_of_the_turn_and_forgotten_in_time(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    struct event event = {.type = EVENT_PING};
    struct told *t = add(scene, "42");

    engine_close(e, &t->base, CLOSE_POLICY, "failed");
    engine_close(e, &t->base, CLOSE_KICKED, "the first reason stays");
    engine_tell(e, &t->base, &event);
    assert_int_equal(t->delivered + t->ended, 0);
    engine_turn(e);
    engine_turn(e);
    assert_int_equal(t->ended, 1);
    assert_int_equal(t->base.end.code, CLOSE_POLICY);
    e->now.ms += 4999;
    (void)sweep_tick(e);
    assert_int_equal(scene->freed, 0);
    e->now.ms += 1;
    (void)sweep_tick(e);
    assert_int_equal(scene->freed, 1);
}

static void each_session_is_checked_once_a_second(void **state)
{
    struct scene *scene = *state;
    int seconds = 0;

    for (int i = 0; i < 57; i++)
        add(scene, NULL);
    for (int i = 0; i < SWEEP_TICKS; i++)
        seconds += sweep_tick(&scene->engine);
    assert_int_equal(seconds, 1);
    for (int i = 0; i < 57; i++)
        assert_int_equal(scene->sessions[i]->checked, 1);
}

static void a_drain_tells_all_and_lets_nobody_in(void **state)
{
    struct scene *scene = *state;
    struct engine *e = &scene->engine;
    static const struct newcomer nowhere;
    struct told *t = add(scene, "42");
    const char *why;

    assert_int_equal(engine_check_room(e, &nowhere, &why), 0);
    engine_drain(e, false);
    assert_int_equal(t->delivered, 1);
    assert_true(t->base.deadline_ms >= e->now.ms && t->base.deadline_ms < e->now.ms + 100);
    assert_int_equal(engine_check_room(e, &nowhere, &why), 503);
    assert_false(engine_is_drained(e));
    e->now.ms += 100 + 5000;
    assert_true(engine_is_drained(e));
}

static void room_has_an_end(void **state)
{
    struct scene *scene = *state;
    static const struct newcomer nowhere;
    const char *why;

    scene->config.relay.max_anonymous_share = 100;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(engine_check_room(&scene->engine, &nowhere, &why), 0);
        add(scene, NULL);
    }
    assert_int_equal(engine_check_room(&scene->engine, &nowhere, &why), 503);
    assert_string_equal(why, "too many sessions");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ring_is_encoded_once_for_all_sessions_of_a_user),
        TEST(a_text_that_is_too_long_rings_nobody),
        TEST(a_long_list_waits_for_later_turns),
        TEST(a_broadcast_goes_round_at_its_pace_and_merges),
        TEST(a_fast_pace_is_kept_too),
        TEST(another_epoch_makes_everybody_ask_at_the_pace),
        TEST(a_ping_is_encoded_once_and_tells_what_went_round),
        TEST(what_is_marked_is_flushed_once_a_turn),
        TEST(a_session_that_fails_is_told_at_the_end_of_the_turn_and_forgotten_in_time),
        TEST(each_session_is_checked_once_a_second),
        TEST(a_drain_tells_all_and_lets_nobody_in),
        TEST(room_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
