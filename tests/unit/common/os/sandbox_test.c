/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall, unshare */
#include "common/os/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each returns -1 with errno if it is refused. */

static int run_program(void)
{
    char *const words[] = {(char *)"true", NULL};

    return execve("/bin/true", words, NULL);
}

static int make_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid;
}

static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int make_namespace(void)
{
    return unshare(CLONE_NEWUSER);
}

static int use_keyring(void)
{
    return (int)syscall(SYS_keyctl, 0, -1, 0, 0, 0);
}

static int make_ring(void)
{
    return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int make_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void *return_nothing(void *context)
{
    return context;
}

static int make_thread(void)
{
    pthread_t thread;

    errno = pthread_create(&thread, NULL, return_nothing, NULL);
    return errno == 0 ? pthread_join(thread, NULL) : -1;
}

/* The errno of `call` in a process that has entered the sandbox of `program`; 0: it is let. */
static int errno_in_sandbox(enum program program, int (*call)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        if (sandbox_enter(program, program == PROGRAM_APP))
            _exit(255);
        _exit(call() >= 0 ? 0 : errno);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_program_that_serves_is_refused_what_it_never_needs(void **state)
{
    static const struct {
        int (*call)(void);
        int app, relay; /* errno */
    } rows[] = {
        {run_program, EPERM, EPERM}, {make_process, EPERM, EPERM},
        {trace, EPERM, EPERM},       {make_namespace, EPERM, EPERM},
        {use_keyring, EPERM, EPERM}, {make_ring, EPERM, EPERM},
        {make_socket, 0, EPERM},     {open_file, 0, 0},
        {make_thread, 0, 0},
    };

    (void)state;
#ifdef DOORBELL_TRACEABLE
    skip();
#endif
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(errno_in_sandbox(PROGRAM_APP, rows[i].call), rows[i].app);
        assert_int_equal(errno_in_sandbox(PROGRAM_RELAY, rows[i].call), rows[i].relay);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_serves_is_refused_what_it_never_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
