/* SPDX-License-Identifier: MIT */
#include "common/bytes/invariant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes/arena.h"
#include "common/bytes/buf.h"
#include "common/bytes/span.h"

enum { THREADS = 4, ROUNDS = 1000 };

static atomic_int told;
static char last_place[256];

static void note(const char *place)
{
    atomic_fetch_add(&told, 1);
    strncpy(last_place, place, sizeof(last_place) - 1);
}

static int listen_and_forget(void **state)
{
    (void)state;
    atomic_store(&told, 0);
    invariant_listen(note);
    return 0;
}

static int listen_no_more(void **state)
{
    (void)state;
    invariant_listen(NULL);
    return 0;
}

static void breaking_one_without_a_listener_aborts_and_says_where(void **state)
{
    char said[256] = "";
    int status, ends[2];
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        (void)INVARIANT(1 > 2);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(said, "invariant_test.c:"));
    assert_non_null(strstr(said, "1 > 2"));
}

static void one_that_holds_costs_no_count(void **state)
{
    uint64_t before = invariant_count();

    (void)state;
    assert_true(INVARIANT(2 > 1));
    assert_int_equal(invariant_count(), before);
    assert_int_equal(told, 0);
}

static void a_broken_one_is_counted_each_time_and_told_of_once(void **state)
{
    uint64_t before = invariant_count();

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_false(INVARIANT(i > 5));
    assert_int_equal(invariant_count(), before + 3);
    assert_int_equal(told, 1);
    assert_non_null(strstr(last_place, "invariant_test.c:"));
    assert_non_null(strstr(last_place, "i > 5"));
    assert_false(INVARIANT(1 > 5));
    assert_int_equal(told, 2);
}

static void *break_some(void *context)
{
    for (int i = 0; i < ROUNDS; i++)
        (void)INVARIANT(context != NULL);
    return NULL;
}

static void threads_lose_no_count_and_tell_once(void **state)
{
    uint64_t before = invariant_count();
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, break_some, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(invariant_count(), before + THREADS * ROUNDS);
    assert_int_equal(told, 1);
}

static void a_buf_over_its_capacity_takes_nothing_more(void **state)
{
    char bytes[8] = "";
    struct buf b = {.data = bytes, .len = 8, .cap = 4, .max = 100};

    (void)state;
    assert_int_equal(buf_append(&b, SPAN("x")), ERR_TOO_BIG);
    assert_int_equal(buf_printf(&b, "x"), ERR_TOO_BIG);
    assert_int_equal(told, 1);
}

static void an_arena_over_its_ceiling_gives_nothing_more(void **state)
{
    struct arena a = {.used = 8, .max = 4};

    (void)state;
    assert_null(arena_alloc(&a, 1));
    assert_int_equal(told, 1);
}

static void a_span_of_nowhere_is_cut_to_nothing(void **state)
{
    struct span rest = {NULL, 5};

    (void)state;
    assert_int_equal(span_cut(&rest, ',').len, 0);
    assert_int_equal(rest.len, 0);
    assert_int_equal(told, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaking_one_without_a_listener_aborts_and_says_where),
#define SURVIVED(test) cmocka_unit_test_setup_teardown(test, listen_and_forget, listen_no_more)
        SURVIVED(one_that_holds_costs_no_count),
        SURVIVED(a_broken_one_is_counted_each_time_and_told_of_once),
        SURVIVED(threads_lose_no_count_and_tell_once),
        SURVIVED(a_buf_over_its_capacity_takes_nothing_more),
        SURVIVED(an_arena_over_its_ceiling_gives_nothing_more),
        SURVIVED(a_span_of_nowhere_is_cut_to_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
