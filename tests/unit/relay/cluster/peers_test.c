/* SPDX-License-Identifier: MIT */
#include "relay/cluster/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void relays_come_and_go(void **state)
{
    struct peers p = {0};
    const struct hello hello = {1, 2, 3, 4};
    struct hello sum;

    (void)state;
    assert_false(peers_hear(&p, 0, &hello, 0));
    assert_true(peers_hear(&p, 7, &hello, 0));
    assert_false(peers_hear(&p, 7, &hello, 100));
    assert_true(peers_hear(&p, 8, &hello, 100));
    assert_true(peers_hear(&p, 7, &(struct hello){2, 2, 3, 4}, 100)); /* another life */
    sum = peers_totals(&p);
    assert_int_equal(p.count, 2);
    assert_int_equal(sum.users, 4);
    assert_int_equal(sum.pages, 6);
    assert_int_equal(sum.sessions, 8);
    assert_int_equal(peers_mask(&p), 3);
    peers_leave(&p, 0);
    peers_leave(&p, 9);
    peers_leave(&p, 7);
    assert_int_equal(p.count, 1);
    assert_int_equal(peers_place(&p, 8), 1);
    assert_int_equal(peers_place(&p, 7), PEERS_MAX);
}

static void one_that_is_silent_is_forgotten(void **state)
{
    struct peers p = {0};
    const struct hello hello = {1, 2, 3, 4};

    (void)state;
    assert_true(peers_hear(&p, 7, &hello, 1000));
    assert_true(peers_hear(&p, 8, &hello, 2000));
    assert_false(peers_expire(&p, 1000 + PEERS_SILENT_MS - 1));
    assert_true(peers_expire(&p, 1000 + PEERS_SILENT_MS));
    assert_int_equal(p.count, 1);
    assert_int_equal(peers_totals(&p).pages, 3);
}

static void there_is_room_for_so_many(void **state)
{
    struct peers p = {0};
    const struct hello hello = {1, 1, 1, 1};

    (void)state;
    for (int64_t id = 1; id <= PEERS_MAX; id++)
        assert_true(peers_hear(&p, id, &hello, 0));
    assert_false(peers_hear(&p, PEERS_MAX + 1, &hello, 0));
    assert_int_equal(p.count, PEERS_MAX);
    assert_true(peers_mask(&p) == UINT64_MAX);
    peers_leave(&p, 5);
    assert_true(peers_hear(&p, PEERS_MAX + 1, &hello, 0));
}

static void the_instance_is_that_of_all_relays(void **state)
{
    struct peers a = {0}, b = {0}, c = {0};
    const struct hello one = {.life = 1}, two = {.life = 2}, three = {.life = 3};
    int64_t alone = peers_instance(&a, 11, 1), all;

    (void)state;
    assert_true(alone > 0);
    (void)peers_hear(&a, 22, &two, 0);
    (void)peers_hear(&a, 33, &three, 0);
    (void)peers_hear(&b, 33, &three, 0);
    (void)peers_hear(&b, 11, &one, 0);
    (void)peers_hear(&c, 11, &one, 0);
    (void)peers_hear(&c, 22, &two, 0);
    all = peers_instance(&a, 11, 1);
    assert_true(all != alone && all > 0);
    assert_true(peers_instance(&b, 22, 2) == all);
    assert_true(peers_instance(&c, 33, 3) == all);
    (void)peers_hear(&a, 33, &(struct hello){.life = 4}, 0);
    assert_true(peers_instance(&a, 11, 1) != all);
    assert_true(peers_instance(&c, 33, 4) == peers_instance(&a, 11, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relays_come_and_go),
        cmocka_unit_test(one_that_is_silent_is_forgotten),
        cmocka_unit_test(there_is_room_for_so_many),
        cmocka_unit_test(the_instance_is_that_of_all_relays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
