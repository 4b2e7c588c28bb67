/* SPDX-License-Identifier: MIT */
#include "relay/access/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session/protocol.h"

enum { SESSIONS = 20 };

struct scene {
    struct admission admission;
    struct config_relay relay;
    struct hub *hub;
    struct session sessions[SESSIONS];
    size_t count;
    int64_t now_ms;
    const char *why;
};

static int set_up(void **state)
{
    static struct scene scene;

    memset(&scene, 0, sizeof(scene));
    scene.relay.max_sessions = 20;
    scene.relay.max_anonymous_share = 10;
    scene.now_ms = 1000;
    scene.hub = hub_new();
    *state = &scene;
    return !scene.hub || admission_init(&scene.admission) ? -1 : 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    while (scene->count > 0)
        hub_remove(scene->hub, &scene->sessions[--scene->count]);
    hub_free(scene->hub);
    admission_deinit(&scene->admission);
    return 0;
}

/* What one of `user` (NULL: of nobody) from there is told. */
static int knock(struct scene *scene, const char *user, const char *address)
{
    struct newcomer who = {.user = user ? span_of(user) : SPAN("")};

    assert_int_equal(ip_parse(span_of(address), &who.peer), ERR_NONE);
    return admission_check(&scene->admission, &scene->relay, scene->hub, &who, scene->now_ms,
                           &scene->why);
}

static void enter(struct scene *scene, const char *user, const char *address)
{
    static const struct protocol spoken = {.name = "spoken"};
    struct session *s = &scene->sessions[scene->count++];

    session_init(s, &spoken, (struct instant){.ms = 1});
    assert_int_equal(ip_parse(span_of(address), &s->origin.peer), ERR_NONE);
    assert_int_equal(address_limit_add(scene->admission.addresses, &s->origin.peer), ERR_NONE);
    hub_add(scene->hub, s);
    if (user)
        assert_int_equal(hub_login(scene->hub, s, span_of(user)), ERR_NONE);
}

static void the_anonymous_have_a_share_of_all_sessions(void **state)
{
    struct scene *scene = *state;

    enter(scene, NULL, "192.0.2.1");
    assert_int_equal(knock(scene, NULL, "192.0.2.2"), 0);
    enter(scene, NULL, "192.0.2.1");
    assert_int_equal(knock(scene, NULL, "192.0.2.2"), 503);
    assert_string_equal(scene->why, "too many sessions without a login");
    for (int i = 2; i < 20; i++) {
        assert_int_equal(knock(scene, "42", "192.0.2.1"), 0);
        enter(scene, "42", "192.0.2.1");
    }
    assert_int_equal(knock(scene, "42", "192.0.2.2"), 503);
    assert_string_equal(scene->why, "too many sessions");
}

static void a_small_relay_lets_one_in_to_log_in(void **state)
{
    struct scene *scene = *state;

    scene->relay.max_sessions = 3;
    assert_int_equal(knock(scene, NULL, "192.0.2.2"), 0);
    enter(scene, NULL, "192.0.2.1");
    assert_int_equal(knock(scene, NULL, "192.0.2.2"), 503);
    scene->relay.max_sessions = 0;
    assert_int_equal(knock(scene, NULL, "192.0.2.2"), 0);
}

static void each_address_has_its_own_anonymous_sessions(void **state)
{
    struct scene *scene = *state;

    scene->relay.max_anonymous_share = 100;
    scene->relay.max_anonymous_per_address = 1;
    enter(scene, NULL, "2001:db8::1");
    assert_int_equal(knock(scene, NULL, "2001:db8::2"), 429);
    assert_int_equal(knock(scene, "42", "2001:db8::2"), 0);
    assert_int_equal(knock(scene, NULL, "2001:db8:0:1::1"), 0);
}

static void each_has_a_rate_of_its_own(void **state)
{
    struct scene *scene = *state;

    scene->relay.max_accepts_per_second = 3;
    scene->relay.max_accepts_per_user = 2;
    scene->relay.max_anonymous_accepts_per_second = 3;
    scene->relay.max_anonymous_accepts_per_address = 2;
    assert_int_equal(knock(scene, NULL, "192.0.2.1") || knock(scene, NULL, "192.0.2.1"), 0);
    assert_int_equal(knock(scene, NULL, "192.0.2.1"), 429);
    assert_int_equal(knock(scene, NULL, "192.0.2.2"), 0);
    assert_int_equal(knock(scene, NULL, "192.0.2.3"), 503);
    assert_string_equal(scene->why, "too many at a time without a token");
    assert_int_equal(knock(scene, "42", "192.0.2.1") || knock(scene, "42", "192.0.2.1"), 0);
    assert_int_equal(knock(scene, "42", "192.0.2.1"), 429);
    assert_int_equal(knock(scene, "43", "192.0.2.1"), 0);
    assert_int_equal(knock(scene, "44", "192.0.2.1"), 503);
    scene->now_ms += 1000;
    assert_int_equal(knock(scene, NULL, "192.0.2.1"), 0);
    assert_int_equal(knock(scene, "42", "192.0.2.1"), 0);
}

static void while_it_drains_nobody_comes(void **state)
{
    struct scene *scene = *state;

    scene->admission.drain_ends_ms = 1;
    assert_int_equal(knock(scene, "42", "192.0.2.1"), 503);
    assert_int_equal(knock(scene, NULL, "192.0.2.1"), 503);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_anonymous_have_a_share_of_all_sessions),
        TEST(a_small_relay_lets_one_in_to_log_in),
        TEST(each_address_has_its_own_anonymous_sessions),
        TEST(each_has_a_rate_of_its_own),
        TEST(while_it_drains_nobody_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
