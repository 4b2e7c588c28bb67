/* SPDX-License-Identifier: MIT */
#include "common/bytes/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void nothing_is_given_out_over_the_ceiling(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 64);
    assert_null(arena_alloc(&a, 65));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_non_null(arena_alloc(&a, 64));
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_text(&a, SPAN("a")));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 64));
    arena_deinit(&a);
}

static void memory_is_zeroed_and_aligned_also_after_a_reset(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1000000);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 37) {
            unsigned char *p = arena_alloc(&a, size);

            assert_non_null(p);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xee, size);
        }
        arena_reset(&a);
    }
    arena_deinit(&a);
}

static void a_reset_keeps_one_block_and_frees_big_ones(void **state)
{
    struct arena a;
    void *first;

    (void)state;
    arena_init(&a, 10 * 1024 * 1024);
    first = arena_alloc(&a, 10);
    assert_non_null(arena_alloc(&a, 5 * 1024 * 1024));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_ptr_equal(arena_alloc(&a, 10), first);
    arena_deinit(&a);
}

static void texts_end_in_nul(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1000);
    assert_string_equal(arena_text(&a, (struct span){"abcdef", 3}), "abc");
    assert_string_equal(arena_text(&a, (struct span){NULL, 0}), "");
    arena_deinit(&a);
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_given_out_over_the_ceiling),
        cmocka_unit_test(memory_is_zeroed_and_aligned_also_after_a_reset),
        cmocka_unit_test(a_reset_keeps_one_block_and_frees_big_ones),
        cmocka_unit_test(texts_end_in_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
