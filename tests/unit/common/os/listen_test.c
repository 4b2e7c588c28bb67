/* SPDX-License-Identifier: MIT */
#include "common/os/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/os/log.h"
#include "tests/unit/common/temp_file.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static struct temp_folder folder;

static int make_folder(void **state)
{
    (void)state;
    log_set_level((enum log_level)0); /* the failures below are meant */
    return temp_folder_init(&folder);
}

static int remove_folder(void **state)
{
    (void)state;
    temp_folder_deinit(&folder);
    return 0;
}

static struct address at_path(const char *path)
{
    struct address a = {.type = ADDRESS_UNIX, .fd = -1};

    assert_true(strlen(path) < sizeof(a.host));
    strcpy(a.host, path);
    return a;
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode & 07777;
}

static void assert_is_listener(int fd)
{
    int is_listening = 0;
    socklen_t len = sizeof(is_listening);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len), 0);
    assert_true(is_listening);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

static void unix_socket_has_its_mode_whatever_the_umask(void **state)
{
    static const mode_t modes[] = {0600, 0660, 0666};
    mode_t before = umask(0027);
    struct address a = at_path(temp_path(&folder, "mode.sock"));

    (void)state;
    for (size_t i = 0; i < ROWS(modes); i++) {
        int fd = -1;

        assert_int_equal(listen_open(&a, modes[i], i ? "" : NULL, &fd), ERR_NONE);
        assert_is_listener(fd);
        assert_int_equal(mode_of(a.host), modes[i]);
        close(fd);
        listen_unlink(&a);
        assert_int_equal(access(a.host, F_OK), -1);
    }
    assert_int_equal(umask(before), 0027);
}

static void unix_socket_of_an_unknown_group_is_refused_and_removed(void **state)
{
    struct address a = at_path(temp_path(&folder, "group.sock"));
    int fd = -1;

    (void)state;
    assert_int_equal(listen_open(&a, 0660, "no-such-group-here", &fd), ERR_INVALID);
    assert_int_equal(fd, -1);
    assert_int_equal(access(a.host, F_OK), -1);
}

static void stale_unix_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    struct address a = at_path(temp_path(&folder, "stale.sock"));
    int first = -1;
    int second = -1;

    (void)state;
    assert_int_equal(listen_open(&a, 0600, NULL, &first), ERR_NONE);
    assert_int_equal(listen_open(&a, 0600, NULL, &second), ERR_UNAVAILABLE);
    assert_int_equal(second, -1);
    close(first);
    assert_int_equal(listen_open(&a, 0600, NULL, &second), ERR_NONE);
    assert_is_listener(second);
    close(second);
}

static void other_files_are_never_replaced(void **state)
{
    struct address a = at_path(temp_write(&folder, "file", SPAN("precious")));
    int fd = -1;

    (void)state;
    assert_int_equal(listen_open(&a, 0600, NULL, &fd), ERR_UNAVAILABLE);
    assert_int_equal(access(a.host, F_OK), 0);
    assert_int_equal(fd, -1);
}

static void only_faults_that_cannot_pass_are_invalid(void **state)
{
    struct address a = at_path("/nowhere/at/all.sock");
    int fd = -1;

    (void)state;
    assert_int_equal(listen_open(&a, 0600, NULL, &fd), ERR_INVALID);
    a = at_path(temp_write(&folder, "plain", SPAN("")));
    strcat(a.host, "/app.sock");
    assert_int_equal(listen_open(&a, 0600, NULL, &fd), ERR_INVALID);
    /* TEST-NET-1: no interface has it yet. */
    assert_int_equal(address_parse(SPAN("192.0.2.1:0"), &a), ERR_NONE);
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_UNAVAILABLE);
    assert_int_equal(fd, -1);
}

static void tcp_listens_and_refuses_what_is_taken(void **state)
{
    struct address a;
    struct sockaddr_in name;
    socklen_t len = sizeof(name);
    int fd = -1;
    int other = -1;

    (void)state;
    assert_int_equal(address_parse(SPAN("127.0.0.1:0"), &a), ERR_NONE);
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_NONE);
    assert_is_listener(fd);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    a.port = ntohs(name.sin_port);
    assert_int_equal(listen_open(&a, 0, NULL, &other), ERR_UNAVAILABLE);
    assert_int_equal(other, -1);
    close(fd);
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_NONE);
    close(fd);
    strcpy(a.host, "host.invalid");
    assert_int_equal(listen_open(&a, 0, NULL, &other), ERR_UNAVAILABLE);
    listen_unlink(&a);
}

static void inherited_descriptor_must_be_a_listener(void **state)
{
    struct address a = {.type = ADDRESS_INHERITED};
    struct address path = at_path(temp_path(&folder, "inherited.sock"));
    int fd = -1;
    int listener = -1;
    int plain = socket(AF_UNIX, SOCK_STREAM, 0);
    int file = open("/dev/null", O_RDONLY);

    (void)state;
    assert_true(plain >= 0 && file >= 0);
    a.fd = plain;
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_INVALID);
    a.fd = file;
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_INVALID);
    a.fd = 60000;
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_INVALID);
    assert_int_equal(fd, -1);
    close(plain);
    close(file);

    assert_int_equal(listen_open(&path, 0600, NULL, &listener), ERR_NONE);
    assert_int_equal(fcntl(listener, F_SETFL, 0), 0);
    assert_int_equal(fcntl(listener, F_SETFD, 0), 0);
    a.fd = listener;
    assert_int_equal(listen_open(&a, 0, NULL, &fd), ERR_NONE);
    assert_int_equal(fd, listener);
    assert_is_listener(fd);
    listen_unlink(&a);
    assert_int_equal(access(path.host, F_OK), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unix_socket_of_an_unknown_group_is_refused_and_removed),
        cmocka_unit_test(other_files_are_never_replaced),
        cmocka_unit_test(only_faults_that_cannot_pass_are_invalid),
        cmocka_unit_test(stale_unix_socket_is_replaced_and_a_live_one_is_not),
        cmocka_unit_test(unix_socket_has_its_mode_whatever_the_umask),
        cmocka_unit_test(tcp_listens_and_refuses_what_is_taken),
        cmocka_unit_test(inherited_descriptor_must_be_a_listener),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
