/* SPDX-License-Identifier: MIT */
#include "relay/session/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session/protocol.h"

enum { MANY = 50 };

static const struct protocol spoken = {.id = PROTOCOL_NATIVE};

#define SPEAKING                                                                                   \
    {                                                                                              \
        .protocol = &spoken                                                                        \
    }

static void add(struct hub *h, struct session *s)
{
    s->protocol = &spoken;
    hub_add(h, s);
}

static void users_have_their_sessions_newest_first(void **state)
{
    struct hub *h = hub_new();
    struct session a = SPEAKING, b = SPEAKING, c = SPEAKING;

    (void)state;
    hub_add(h, &a);
    hub_add(h, &b);
    hub_add(h, &c);
    assert_null(hub_find(h, SPAN("42")));
    assert_int_equal(hub_login(h, &a, SPAN("42")), ERR_NONE);
    assert_int_equal(hub_login(h, &b, SPAN("42")), ERR_NONE);
    assert_int_equal(hub_login(h, &c, SPAN("4")), ERR_NONE);
    assert_ptr_equal(hub_find(h, SPAN("42")), &b);
    assert_ptr_equal(b.of_user.next, &a);
    assert_null(a.of_user.next);
    assert_ptr_equal(hub_oldest_of_user(&b), &a);
    assert_int_equal(hub_user_sessions(&a), 2);
    assert_true(span_equal(hub_user_id(&c), SPAN("4")));
    assert_int_equal(hub_users(h), 2);
    assert_int_equal(hub_pages(h), 3);
    hub_remove(h, &b);
    assert_ptr_equal(hub_find(h, SPAN("42")), &a);
    hub_remove(h, &a);
    assert_null(hub_find(h, SPAN("42")));
    assert_int_equal(hub_users(h), 1);
    assert_int_equal(hub_sessions(h), 1);
    hub_remove(h, &c);
    assert_null(hub_first(h));
    hub_free(h);
}

static void closing_sessions_are_out_of_everything_but_their_list(void **state)
{
    struct hub *h = hub_new();
    struct session a = SPEAKING, b = SPEAKING, c = SPEAKING;

    (void)state;
    hub_add(h, &a);
    hub_add(h, &b);
    hub_add(h, &c);
    assert_int_equal(hub_login(h, &a, SPAN("42")), ERR_NONE);
    hub_start_round(h);
    hub_close(h, &a, 4403, "kicked");
    hub_close(h, &a, 1008, "not a second time");
    assert_int_equal(a.end.code, 4403);
    assert_int_equal(hub_pages(h), 0);
    assert_null(hub_find(h, SPAN("42")));
    assert_int_equal(hub_user_id(&a).len, 0);
    assert_int_equal(hub_due(h), 2);
    hub_close(h, &c, 1008, "x");
    assert_ptr_equal(hub_first_closing(h), &a);
    assert_ptr_equal(hub_last_closing(h), &c);
    assert_ptr_equal(hub_next_due(h), &b);
    assert_null(hub_next_due(h));
    hub_remove(h, &a);
    hub_remove(h, &c);
    assert_null(hub_first_closing(h));
    assert_null(hub_last_closing(h));
    hub_remove(h, &b);
    hub_free(h);
}

static void protocols_have_their_shares(void **state)
{
    static const struct protocol one = {.id = PROTOCOL_NATIVE}, two = {.id = PROTOCOL_SSE};
    struct hub *h = hub_new();
    struct session a = {.protocol = &one}, b = {.protocol = &two}, c = {.protocol = &one};
    const struct hub_share *shares = hub_shares(h);

    (void)state;
    assert_null(shares[PROTOCOL_NATIVE].protocol);
    hub_add(h, &a);
    hub_add(h, &b);
    hub_add(h, &c);
    assert_ptr_equal(shares[PROTOCOL_NATIVE].protocol, &one);
    assert_null(shares[PROTOCOL_SOCKETIO].protocol);
    assert_int_equal(shares[PROTOCOL_NATIVE].sessions, 2);
    assert_int_equal(shares[PROTOCOL_SSE].sessions, 1);
    hub_close(h, &a, 1008, "x");
    assert_int_equal(shares[PROTOCOL_NATIVE].sessions, 1);
    hub_remove(h, &a);
    hub_remove(h, &b);
    hub_remove(h, &c);
    assert_int_equal(shares[PROTOCOL_NATIVE].sessions + shares[PROTOCOL_SSE].sessions, 0);
    hub_free(h);
}

static void the_blocked_are_counted_once_until_they_read_or_go(void **state)
{
    struct hub *h = hub_new();
    struct session a = SPEAKING, b = SPEAKING;

    (void)state;
    hub_add(h, &a);
    hub_add(h, &b);
    hub_set_blocked(h, &a, 0);
    assert_int_equal(hub_blocked(h), 0);
    hub_set_blocked(h, &a, 5);
    hub_set_blocked(h, &a, 6);
    hub_set_blocked(h, &b, 7);
    assert_int_equal(a.blocked_ms, 6);
    assert_int_equal(hub_blocked(h), 2);
    hub_set_blocked(h, &a, 0);
    assert_int_equal(hub_blocked(h), 1);
    hub_close(h, &b, 1008, "does not read");
    assert_int_equal(hub_blocked(h), 0);
    hub_remove(h, &b);
    hub_remove(h, &a);
    assert_int_equal(hub_blocked(h), 0);
    hub_free(h);
}

static void a_round_reaches_each_once_while_sessions_come_and_go(void **state)
{
    struct hub *h = hub_new();
    struct session s[MANY] = {{.protocol = NULL}};
    struct session late = SPEAKING;
    int rung[MANY] = {0};
    struct session *next;
    int count = 0;

    (void)state;
    for (int i = 0; i < MANY; i++)
        add(h, &s[i]);
    hub_start_round(h);
    assert_int_equal(hub_due(h), MANY);
    while ((next = hub_next_due(h))) {
        assert_ptr_not_equal(next, &late);
        rung[next - s]++;
        if (++count == 10) {
            hub_remove(h, &s[3]);         /* has been rung */
            hub_remove(h, &s[10]);        /* at the cursor */
            hub_close(h, &s[20], 1, "x"); /* is still to come */
            hub_add(h, &late);
        }
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(rung[i], i == 10 || i == 20 ? 0 : 1);
    assert_int_equal(hub_due(h), 0);
    for (int i = 0; i < MANY; i++)
        if (i != 3 && i != 10)
            hub_remove(h, &s[i]);
    hub_remove(h, &late);
    hub_free(h);
}

static void an_overlapping_round_reaches_the_not_yet_rung_once(void **state)
{
    struct hub *h = hub_new();
    struct session s[MANY] = {{.protocol = NULL}};
    int rung[MANY] = {0};
    struct session *next;

    (void)state;
    for (int i = 0; i < MANY; i++)
        add(h, &s[i]);
    hub_start_round(h);
    for (int i = 0; i < 20; i++)
        rung[hub_next_due(h) - s]++;
    hub_start_round(h);
    while ((next = hub_next_due(h)))
        rung[next - s]++;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(rung[i], i < 20 ? 2 : 1);
    for (int i = 0; i < MANY; i++)
        hub_remove(h, &s[i]);
    hub_free(h);
}

static void the_sweep_goes_round_and_survives_removals(void **state)
{
    struct hub *h = hub_new();
    struct session a = SPEAKING, b = SPEAKING, c = SPEAKING;

    (void)state;
    assert_null(hub_next_swept(h));
    hub_add(h, &a);
    hub_add(h, &b);
    hub_add(h, &c);
    assert_ptr_equal(hub_next_swept(h), &a);
    hub_remove(h, &b);
    assert_ptr_equal(hub_next_swept(h), &c);
    assert_ptr_equal(hub_next_swept(h), &a);
    hub_remove(h, &c);
    hub_remove(h, &a);
    assert_null(hub_next_swept(h));
    hub_add(h, &b);
    assert_ptr_equal(hub_next_swept(h), &b);
    hub_remove(h, &b);
    hub_free(h);
}

/* Against a model: each session's user, or none. */
static void the_deferred_wait_in_their_order_and_only_once(void **state)
{
    struct hub *h = hub_new();
    struct session s[5] = {{.protocol = NULL}};

    (void)state;
    assert_null(hub_next_listed(h, HUB_DEFERRED));
    for (int i = 0; i < 5; i++) {
        add(h, &s[i]);
        hub_list(h, &s[i], HUB_DEFERRED);
    }
    hub_list(h, &s[0], HUB_DEFERRED);
    assert_int_equal(hub_listed(h, HUB_DEFERRED), 5);
    hub_remove(h, &s[2]);
    hub_close(h, &s[4], 1008, "x");
    assert_int_equal(hub_listed(h, HUB_DEFERRED), 3);
    assert_ptr_equal(hub_next_listed(h, HUB_DEFERRED), &s[0]);
    hub_list(h, &s[0], HUB_DEFERRED);
    assert_ptr_equal(hub_next_listed(h, HUB_DEFERRED), &s[1]);
    assert_ptr_equal(hub_next_listed(h, HUB_DEFERRED), &s[3]);
    hub_remove(h, &s[0]);
    assert_null(hub_next_listed(h, HUB_DEFERRED));
    assert_int_equal(hub_listed(h, HUB_DEFERRED), 0);
    hub_remove(h, &s[1]);
    hub_remove(h, &s[3]);
    hub_remove(h, &s[4]);
    hub_free(h);
}

static void counts_are_right_after_random_histories(void **state)
{
    struct hub *h = hub_new();
    struct session s[MANY];
    int user_of[MANY]; /* -2 absent, -1 not logged in */
    char ids[5][2] = {"a", "b", "c", "d", "e"};

    (void)state;
    srand(7);
    for (int i = 0; i < MANY; i++)
        user_of[i] = -2;
    for (int n = 0; n < 20000; n++) {
        int i = rand() % MANY, pages = 0, users = 0, sessions = 0;

        if (user_of[i] == -2) {
            memset(&s[i], 0, sizeof(s[i]));
            add(h, &s[i]);
            user_of[i] = -1;
        } else if (user_of[i] == -1 && rand() % 3) {
            user_of[i] = rand() % 5;
            assert_int_equal(hub_login(h, &s[i], span_of(ids[user_of[i]])), ERR_NONE);
        } else {
            if (rand() % 2)
                hub_close(h, &s[i], 1, "x");
            hub_remove(h, &s[i]);
            user_of[i] = -2;
        }
        for (int u = 0; u < 5; u++) {
            int of_user = 0;

            for (int k = 0; k < MANY; k++)
                of_user += user_of[k] == u;
            pages += of_user;
            users += of_user > 0;
            assert_int_equal(hub_find(h, span_of(ids[u])) != NULL, of_user > 0);
        }
        for (int k = 0; k < MANY; k++)
            sessions += user_of[k] != -2;
        assert_int_equal(hub_pages(h), pages);
        assert_int_equal(hub_users(h), users);
        assert_int_equal(hub_sessions(h), sessions);
    }
    for (int i = 0; i < MANY; i++)
        if (user_of[i] != -2)
            hub_remove(h, &s[i]);
    hub_free(h);
}

struct watched {
    char told[64];
    bool holds;
};

static bool watch(void *ctx, struct span user, enum hub_user_event event)
{
    struct watched *w = ctx;

    strcat(w->told, event == HUB_USER_CAME ? "+" : event == HUB_USER_WENT ? "-" : "*");
    strncat(w->told, user.p, user.len);
    return w->holds;
}

static void sessions_of_a_user_are_told_as_they_come_and_go(void **state)
{
    struct hub *h = hub_new();
    struct session a = SPEAKING, b = SPEAKING, c = SPEAKING;
    struct watched w = {.holds = false};

    (void)state;
    hub_watch(h, watch, &w);
    add(h, &a);
    add(h, &b);
    add(h, &c);
    assert_int_equal(hub_login(h, &a, SPAN("1")), ERR_NONE);
    assert_int_equal(hub_login(h, &b, SPAN("1")), ERR_NONE);
    assert_int_equal(hub_login(h, &c, SPAN("2")), ERR_NONE);
    hub_remove(h, &a);
    hub_close(h, &b, 1000, "");
    assert_string_equal(w.told, "+1*1+2-1");
    hub_remove(h, &b);
    hub_remove(h, &c);
    assert_string_equal(w.told, "+1*1+2-1-2");
    hub_free(h);
}

static void who_is_held_waits_for_the_release(void **state)
{
    struct hub *h = hub_new();
    struct session s[4] = {SPEAKING, SPEAKING, SPEAKING, SPEAKING};
    struct watched w = {.holds = true};
    static const char *const users[] = {"1", "1", "2", "3"};

    (void)state;
    hub_watch(h, watch, &w);
    for (int i = 0; i < 4; i++) {
        add(h, &s[i]);
        assert_int_equal(hub_login(h, &s[i], span_of(users[i])), ERR_NONE);
        assert_true(hub_is_held(&s[i]));
    }
    assert_int_equal(hub_held(h), 3);
    assert_null(hub_release(h, SPAN("4")));
    assert_ptr_equal(hub_release(h, SPAN("1")), &s[1]);
    assert_false(hub_is_held(&s[0]));
    assert_null(hub_release(h, SPAN("1")));
    hub_remove(h, &s[2]);
    assert_int_equal(hub_held(h), 1);
    assert_ptr_equal(hub_release_next(h), &s[3]);
    assert_null(hub_release_next(h));
    hub_remove(h, &s[0]);
    hub_remove(h, &s[1]);
    hub_remove(h, &s[3]);
    hub_free(h);
}

static void a_walk_over_users_sees_those_who_come_meanwhile(void **state)
{
    struct hub *h = hub_new();
    struct session s[4] = {SPEAKING, SPEAKING, SPEAKING, SPEAKING};
    static const char *const users[] = {"1", "2", "3", "4"};
    struct span user;

    (void)state;
    assert_false(hub_next_user(h, true, &user));
    for (int i = 0; i < 4; i++)
        add(h, &s[i]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hub_login(h, &s[i], span_of(users[i])), ERR_NONE);
    assert_true(hub_next_user(h, true, &user));
    assert_true(span_equal(user, SPAN("1")));
    hub_remove(h, &s[1]);
    assert_true(hub_next_user(h, false, &user));
    assert_true(span_equal(user, SPAN("3")));
    assert_int_equal(hub_login(h, &s[3], SPAN("4")), ERR_NONE);
    assert_true(hub_next_user(h, false, &user));
    assert_true(span_equal(user, SPAN("4")));
    assert_false(hub_next_user(h, false, &user));
    hub_remove(h, &s[0]);
    hub_remove(h, &s[2]);
    hub_remove(h, &s[3]);
    hub_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_of_a_user_are_told_as_they_come_and_go),
        cmocka_unit_test(who_is_held_waits_for_the_release),
        cmocka_unit_test(a_walk_over_users_sees_those_who_come_meanwhile),
        cmocka_unit_test(users_have_their_sessions_newest_first),
        cmocka_unit_test(closing_sessions_are_out_of_everything_but_their_list),
        cmocka_unit_test(protocols_have_their_shares),
        cmocka_unit_test(the_blocked_are_counted_once_until_they_read_or_go),
        cmocka_unit_test(a_round_reaches_each_once_while_sessions_come_and_go),
        cmocka_unit_test(an_overlapping_round_reaches_the_not_yet_rung_once),
        cmocka_unit_test(the_sweep_goes_round_and_survives_removals),
        cmocka_unit_test(the_deferred_wait_in_their_order_and_only_once),
        cmocka_unit_test(counts_are_right_after_random_histories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
