/* SPDX-License-Identifier: MIT */
/* A test is a script of steps, with a letter for each request:
 *   a:read:bob@5     request a, a read of bob's, enters at 5 ms; the result is that of entering
 *   +a               request a leaves
 *   >                the next one runs: its letter, or '-'
 *   b!broadcast@7    request b turns out to be a broadcast
 * with the expected result after an '='. */
#include "fcgi-app/admission/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum { CONNECTIONS = 4 };

static const struct share_limits defaults = {
    .user_reads = 2, .user_writes = 1, .user_queue = 3, .user_rate = 20, .user_burst = 60};

struct script {
    struct shares *shares;
    struct share_ticket tickets[26];
};

static enum share_kind kind_of(const char *name)
{
    static const char *const names[SHARE_KINDS] = {"public", "text",  "check",   "first",
                                                   "read",   "write", "service", "broadcast"};

    for (int i = 0; i < SHARE_KINDS; i++)
        if (strcmp(names[i], name) == 0)
            return (enum share_kind)i;
    fail_msg("no kind: %s", name);
    return SHARE_KINDS;
}

static char letter_of(const struct script *s, const struct share_ticket *t)
{
    return (char)(t ? 'a' + (t - s->tickets) : '-');
}

/* "ok", "full after N s", or the letter of what runs. */
static void step(struct script *s, const char *text, char result[static 32])
{
    char kind[16] = "", user[16] = "";
    int at = 0, retry_after_s = 0;
    struct share_ticket *t = text[0] >= 'a' ? &s->tickets[text[0] - 'a'] : NULL;
    enum err e = ERR_NONE;

    (void)snprintf(result, 32, "ok");
    if (text[0] == '>') {
        (void)snprintf(result, 32, "%c", letter_of(s, shares_next(s->shares)));
    } else if (text[0] == '+') {
        shares_leave(s->shares, &s->tickets[text[1] - 'a'], 0);
    } else if (sscanf(text + 1, "!%15[a-z]@%d", kind, &at) == 2) {
        shares_change(s->shares, t, kind_of(kind), at);
    } else if (sscanf(text + 1, ":%15[a-z]:%15[a-z-]@%d", kind, user, &at) == 3) {
        struct span id = {user, strlen(user)};

        e = shares_enter(s->shares, t, kind_of(kind), id, at, &retry_after_s);
    } else {
        fail_msg("no step: %s", text);
    }
    if (e == ERR_TOO_MANY)
        (void)snprintf(result, 32, "full after %d s", retry_after_s);
}

static void run(const char *what, const struct share_limits *limits, size_t connections,
                const char *text)
{
    struct script s = {.shares = shares_new()};
    char *copy = strdup(text), *rest = copy;

    assert_non_null(s.shares);
    assert_non_null(copy);
    shares_set_limits(s.shares, limits);
    shares_set_connections(s.shares, connections);
    for (char *one = strtok_r(rest, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
        char result[32], *expected = strchr(one, '=');

        one += strspn(one, " ");
        if (expected)
            *expected++ = '\0';
        step(&s, one, result);
        if (strcmp(result, expected ? expected : "ok") != 0)
            fail_msg("%s: \"%s\": %s, expected %s", what, one, result, expected ? expected : "ok");
    }
    shares_free(s.shares);
    free(copy);
}

static void requests_run_when_it_is_their_turn(void **state)
{
    static const struct {
        const char *what, *script;
    } rows[] = {
        {"one", "a:read:bob@1; >=a; >=-; +a; >=-"},
        {"a user's reads are so many at a time",
         "a:read:bob@1; b:read:bob@1; c:read:bob@1; >=a; >=b; >=-; +a; >=c"},
        {"another user's are not concerned",
         "a:read:bob@1; b:read:bob@1; c:read:bob@1; d:read:eve@2; >=a; >=b; >=d; >=-"},
        {"reads do not hold up writes",
         "a:read:bob@1; b:read:bob@1; c:read:bob@1; d:write:bob@2; >=a; >=b; >=d"},
        {"one write at a time", "a:write:bob@1; b:write:bob@1; >=a; >=-; +a; >=b"},
        {"the queue is short", "a:write:bob@1; b:write:bob@1; c:write:bob@1; d:write:bob@1; "
                               "e:write:bob@1=full after 1 s; "
                               ">=a; +a; e:write:bob@2"},
        {"reads and writes share the queue",
         "a:write:bob@1; b:write:bob@1; c:write:bob@1; d:write:bob@1; e:read:bob@1; f:read:bob@1; "
         "g:read:bob@1=full after 1 s"},
        {"half of the connections are kept for reads",
         "a:write:bob@1; b:write:eve@1; c:write:joe@1; d:service:-@1; e:read:joe@9; >=a; >=b; >=e; "
         ">=-; +a; >=c; +b; >=d"},
        {"the longest wait first", "a:service:-@3; b:read:bob@2; c:write:eve@1; >=c; >=b; >=a"},
        {"one broadcast at a time, and others pass it",
         "a:service:-@1; b:service:-@1; >=a; a!broadcast@2; >=b; b!broadcast@3; >=a; >=-; "
         "c:service:-@4; >=c; +c; +a; >=b"},
        {"the public one at a time", "a:public:-@1; b:public:-@1; >=a; >=-; +a; >=b"},
        {"texts of broadcasts too, apart from the public",
         "a:text:-@1; b:text:-@1; c:public:-@2; >=a; >=c; >=-; +a; >=b"},
        {"what gives up while it waits makes room",
         "a:write:bob@1; b:write:bob@1; c:write:bob@1; d:write:bob@1; +c; e:write:bob@1; >=a; +a; "
         ">=b; +b; >=d; +d; >=e"},
        {"what gives up while it is ready makes room", "a:write:bob@1; b:write:bob@1; +a; >=b"},
        {"leaving twice is leaving", "a:write:bob@1; >=a; +a; +a; b:write:bob@2; >=b"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        run(rows[i].what, &defaults, CONNECTIONS, rows[i].script);
}

static void the_reserve_leaves_writes_one_connection(void **state)
{
    static const struct {
        int64_t reserve;
        size_t connections;
        const char *script;
    } rows[] = {
        {0, 1, "a:write:bob@1; b:write:eve@1; >=a; >=-"},
        {0, 2, "a:write:bob@1; b:write:eve@1; >=a; >=-"},
        {0, 3, "a:write:bob@1; b:write:eve@1; c:write:joe@1; >=a; >=b; >=-"},
        {3, 4, "a:write:bob@1; b:write:eve@1; >=a; >=-"},
        {9, 4, "a:write:bob@1; b:write:eve@1; >=a; >=-"},
        {0, 2, "a:read:bob@1; b:read:bob@1; c:read:eve@1; >=a; >=c; >=-; +a; >=b"},
        {1, 4, "a:write:bob@1; b:write:eve@1; c:service:-@1; d:service:-@1; >=a; >=b; >=c; >=-"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct share_limits limits = defaults;

        limits.reserve = rows[i].reserve;
        run(rows[i].script, &limits, rows[i].connections, rows[i].script);
    }
}

static void zero_is_without_limit(void **state)
{
    static const struct share_limits none = {.user_reads = 0};

    (void)state;
    run("reads", &none, CONNECTIONS,
        "a:read:bob@1; b:read:bob@1; c:read:bob@1; d:read:bob@1; e:read:bob@1; >=a; >=b; >=c; >=d; "
        ">=e");
    run("half of the connections is not a limit then", &none, 1,
        "a:read:bob@1; b:read:bob@1; >=a; >=b");
    run("writes", &none, 8, "a:write:bob@1; b:write:bob@1; >=a; >=b");
}

static void a_rate_holds_for_all_that_a_user_asks(void **state)
{
    struct shares *s = shares_new();
    struct share_ticket t;
    int retry_after_s = 0;

    (void)state;
    assert_non_null(s);
    shares_set_limits(s, &defaults);
    shares_set_connections(s, CONNECTIONS);
    for (int i = 0; i < 60; i++) {
        enum share_kind kind = i % 3 == 0 ? SHARE_CHECK : i % 3 == 1 ? SHARE_READ : SHARE_WRITE;

        assert_int_equal(shares_enter(s, &t, kind, SPAN("bob"), 1, &retry_after_s), ERR_NONE);
        shares_leave(s, &t, 1);
    }
    assert_int_equal(shares_enter(s, &t, SHARE_CHECK, SPAN("bob"), 1, &retry_after_s),
                     ERR_TOO_MANY);
    assert_int_equal(retry_after_s, 1);
    assert_int_equal(shares_enter(s, &t, SHARE_CHECK, SPAN("eve"), 1, &retry_after_s), ERR_NONE);
    assert_int_equal(shares_enter(s, &t, SHARE_CHECK, SPAN("bob"), 51, &retry_after_s), ERR_NONE);
    assert_int_equal(shares_waiting(s), 0);
    shares_free(s);
}

static void users_are_forgotten_when_their_bucket_is_full(void **state)
{
    struct shares *s = shares_new();
    struct share_ticket t;
    int retry_after_s;
    char id[16];

    (void)state;
    assert_non_null(s);
    shares_set_limits(s, &defaults);
    shares_set_connections(s, CONNECTIONS);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(id, sizeof(id), "u%d", i);
        assert_int_equal(shares_enter(s, &t, SHARE_CHECK, span_of(id), 1, &retry_after_s),
                         ERR_NONE);
    }
    assert_int_equal(shares_users(s), 100);
    for (int i = 0; i < 40; i++)
        assert_int_equal(shares_enter(s, &t, SHARE_CHECK, SPAN("bob"), 1000 + i, &retry_after_s),
                         ERR_NONE);
    assert_int_equal(shares_users(s), 1);
    shares_free(s);
}

static void the_longest_wait_is_found(void **state)
{
    struct shares *s = shares_new();
    struct share_ticket a, b;
    int retry_after_s;

    (void)state;
    assert_non_null(s);
    shares_set_limits(s, &defaults);
    shares_set_connections(s, CONNECTIONS);
    assert_int_equal(shares_enter(s, &a, SHARE_WRITE, SPAN("bob"), 10, &retry_after_s), ERR_NONE);
    assert_int_equal(shares_enter(s, &b, SHARE_WRITE, SPAN("bob"), 20, &retry_after_s), ERR_NONE);
    assert_null(shares_overdue(s, 9));
    assert_ptr_equal(shares_overdue(s, 10), &a);
    assert_ptr_equal(shares_next(s), &a);
    assert_null(shares_overdue(s, 19));
    assert_ptr_equal(shares_overdue(s, 20), &b);
    shares_leave(s, &b, 30);
    assert_null(shares_overdue(s, 100));
    shares_leave(s, &a, 30);
    shares_free(s);
}

/* Whatever comes in whatever order: nobody is over their limits, and everybody comes to the end. */
static void any_order_keeps_the_limits(void **state)
{
    enum { TICKETS = 64, USERS = 5, STEPS = 200000 };
    static struct share_ticket tickets[TICKETS];
    static const char *const ids[USERS] = {"a", "b", "c", "d", "e"};
    struct shares *s = shares_new();
    unsigned seed = 1;
    int owner[TICKETS], retry_after_s;
    size_t inside = 0;

    (void)state;
    assert_non_null(s);
    memset(tickets, 0, sizeof(tickets));
    shares_set_limits(s, &defaults);
    shares_set_connections(s, CONNECTIONS);
    for (int64_t now = 1; now < STEPS; now++) {
        size_t i, running[USERS][SHARE_KINDS] = {{0}}, broadcasts = 0;

        seed = seed * 1103515245U + 12345U;
        i = (seed >> 16) % TICKETS;
        if (tickets[i].state == SHARE_GONE) {
            owner[i] = (int)((seed >> 8) % USERS);
            if (!shares_enter(s, &tickets[i], (enum share_kind)((seed >> 5) % SHARE_KINDS),
                              span_of(ids[owner[i]]), now * 10, &retry_after_s))
                inside += tickets[i].state != SHARE_GONE;
        } else if (seed & 0x400000) {
            shares_leave(s, &tickets[i], now * 10);
            inside--;
        } else {
            (void)shares_next(s);
        }
        for (size_t j = 0; j < TICKETS; j++) {
            if (tickets[j].state == SHARE_RUNNING) {
                running[owner[j]][tickets[j].kind]++;
                broadcasts += tickets[j].kind == SHARE_BROADCAST;
            }
        }
        for (int u = 0; u < USERS; u++) {
            assert_true(running[u][SHARE_READ] <= 2);
            assert_true(running[u][SHARE_WRITE] <= 1);
        }
        assert_true(broadcasts <= 1);
        assert_true(shares_waiting(s) <= inside);
    }
    for (size_t j = 0; j < TICKETS; j++)
        shares_leave(s, &tickets[j], STEPS * 10);
    assert_int_equal(shares_waiting(s), 0);
    assert_null(shares_next(s));
    shares_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_run_when_it_is_their_turn),
        cmocka_unit_test(the_reserve_leaves_writes_one_connection),
        cmocka_unit_test(zero_is_without_limit),
        cmocka_unit_test(a_rate_holds_for_all_that_a_user_asks),
        cmocka_unit_test(users_are_forgotten_when_their_bucket_is_full),
        cmocka_unit_test(the_longest_wait_is_found),
        cmocka_unit_test(any_order_keeps_the_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
