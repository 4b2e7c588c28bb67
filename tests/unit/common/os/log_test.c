/* SPDX-License-Identifier: MIT */
#include "common/os/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* stderr is one end of a datagram pair: each write(2) is one datagram. */
static int sink = -1;
static int saved_stderr = -1;

static int catch_stderr(void **state)
{
    int pair[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
        return -1;
    saved_stderr = dup(STDERR_FILENO);
    if (saved_stderr < 0 || dup2(pair[1], STDERR_FILENO) < 0)
        return -1;
    close(pair[1]);
    sink = pair[0];
    return fcntl(sink, F_SETFL, O_NONBLOCK);
}

static int release_stderr(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(sink);
    return 0;
}

/* What one write held; empty if there was none. */
static const char *next_write(void)
{
    static char line[4096];
    ssize_t n = read(sink, line, sizeof(line) - 1);

    line[n > 0 ? n : 0] = '\0';
    return line;
}

static void a_line_is_one_write_with_its_level(void **state)
{
    (void)state;
    log_error("disk %s at %d", "full", 99);
    assert_string_equal(next_write(), "<3>disk full at 99\n");
    log_warn("w");
    assert_string_equal(next_write(), "<4>w\n");
    log_info("%s", "");
    assert_string_equal(next_write(), "<6>\n");
    assert_string_equal(next_write(), "");
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    log_debug("not seen");
    assert_string_equal(next_write(), "");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("seen");
    assert_string_equal(next_write(), "<7>seen\n");
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("not seen");
    assert_string_equal(next_write(), "");
}

static void foreign_bytes_are_escaped(void **state)
{
    static const struct {
        const char *text, *line;
    } rows[] = {
        {"a\n<3>forged", "<6>a\\x0a<3>forged\n"},
        {"\x1b[31m\x7f\t", "<6>\\x1b[31m\\x7f\\x09\n"},
        {"\xff\xc0\x80", "<6>\\xff\\xc0\\x80\n"},
        {"\xc2\x9b", "<6>\\xc2\\x9b\n"},
        {"\xed\xa0\x80", "<6>\\xed\\xa0\\x80\n"},
        {"\xe4\xb8", "<6>\\xe4\\xb8\n"},
        {"\xe4\xb8\xad \xc2\xa0 \xf0\x9f\x94\x94", "<6>\xe4\xb8\xad \xc2\xa0 \xf0\x9f\x94\x94\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        log_info("%s", rows[i].text);
        assert_string_equal(next_write(), rows[i].line);
    }
}

static void long_lines_are_cut_and_marked(void **state)
{
    const char bytes[] = {'x', '\n', '\xff'};
    char text[3 * LOG_LINE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        const char *line;

        memset(text, bytes[i], sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        log_info("%s", text);
        line = next_write();
        assert_in_range(strlen(line), LOG_LINE_MAX - 8, LOG_LINE_MAX);
        assert_string_equal(line + strlen(line) - 4, "...\n");
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    }
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_error("nobody reads this");
    assert_int_equal(errno, ENOSPC);
}

static void a_reader_that_is_too_slow_loses_lines_and_holds_up_nobody(void **state)
{
    uint64_t lost_before = log_lost();
    int taken = 0;

    (void)state;
    for (int i = 0; i < 10000; i++)
        log_info("line %d", i);
    while (*next_write())
        taken++;
    assert_true(taken > 0 && taken < 10000);
    assert_int_equal(log_lost() - lost_before, 10000 - taken);
    log_info("after them");
    assert_non_null(strstr(next_write(), " lines of the log were lost: "));
    assert_string_equal(next_write(), "<6>after them\n");
    log_info("at ease");
    assert_string_equal(next_write(), "<6>at ease\n");
}

#define CAUGHT(test) cmocka_unit_test_setup_teardown(test, catch_stderr, release_stderr)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAUGHT(foreign_bytes_are_escaped),
        CAUGHT(long_lines_are_cut_and_marked),
        CAUGHT(lines_above_the_level_are_dropped),
        CAUGHT(a_line_is_one_write_with_its_level),
        CAUGHT(a_reader_that_is_too_slow_loses_lines_and_holds_up_nobody),
        CAUGHT(errno_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
