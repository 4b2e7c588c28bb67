/* SPDX-License-Identifier: MIT */
/* faults.c - lets calls of a program fail when a test says so: a library that is preloaded. Test
 * and program share a file, $DOORBELL_FAULTS, with a row for each call; tests/harness/faults.mjs
 * has the same layout. */
#define _GNU_SOURCE /* RTLD_NEXT, accept4 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum call { CALL_ACCEPT, CALL_SEND, CALL_ALLOCATE, CALLS };
enum { DESCRIPTORS = 1024 };

struct fault {
    _Atomic int32_t after; /* so many calls are left alone */
    _Atomic int32_t times; /* and then so many fail */
    int32_t code;          /* errno; 0: of what is sent only half is taken */
    _Atomic int32_t failed;
};

static struct fault *faults;
static _Atomic bool is_client[DESCRIPTORS]; /* only what is sent to those who were accepted fails */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

__attribute__((constructor)) static void open_faults(void)
{
    const char *path = getenv("DOORBELL_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared;

    if (fd < 0)
        return;
    shared = mmap(NULL, CALLS * sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED)
        faults = shared;
}

/* Counts down; false once nothing is left. */
static bool take(_Atomic int32_t *count)
{
    int32_t n = atomic_load(count);

    while (n > 0)
        if (atomic_compare_exchange_weak(count, &n, n - 1))
            return true;
    return false;
}

static bool is_to_fail(enum call call)
{
    struct fault *f = faults ? &faults[call] : NULL;

    if (!f || atomic_load(&f->times) == 0 || take(&f->after) || !take(&f->times))
        return false;
    atomic_fetch_add(&f->failed, 1);
    errno = f->code;
    return true;
}

int accept4(int fd, __SOCKADDR_ARG name, socklen_t *restrict len, int flags)
{
    static int (*next)(int, __SOCKADDR_ARG, socklen_t *, int);
    int client;

    if (is_to_fail(CALL_ACCEPT))
        return -1;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "accept4");
    client = next(fd, name, len, flags);
    if (client >= 0 && client < DESCRIPTORS)
        atomic_store(&is_client[client], true);
    return client;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    static ssize_t (*next)(int, const void *, size_t, int);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "send");
    if (fd >= DESCRIPTORS || !atomic_load(&is_client[fd]) || !is_to_fail(CALL_SEND))
        return next(fd, bytes, len, flags);
    return errno ? -1 : next(fd, bytes, len / 2, flags);
}

#ifndef __SANITIZE_ADDRESS__
void *malloc(size_t size)
{
    return is_to_fail(CALL_ALLOCATE) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return is_to_fail(CALL_ALLOCATE) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return is_to_fail(CALL_ALLOCATE) ? NULL : __libc_realloc(p, size);
}
#endif
