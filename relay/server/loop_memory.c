/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "relay/server/loop_memory.h"

#include <ev.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* A watcher's place, a pending event and a change of up to 16 bytes each, an event of epoll; all of
 * them twice, since an array that grows leaves its place behind. */
enum { BYTES_A_DESCRIPTOR = 128, BYTES_OF_ALL = 1024 * 1024, DESCRIPTORS_MAX = 1024 * 1024 };

/* In front of each array. */
struct block {
    _Alignas(16) size_t capacity;
};

static struct {
    char *next;
    size_t left;
} room;

static struct block *block_of(void *array)
{
    return (struct block *)array - 1;
}

static void *take(size_t size)
{
    size_t capacity = (size + 15) & ~(size_t)15;
    struct block *b = (struct block *)(void *)room.next;

    if (size > room.left || capacity + sizeof(*b) > room.left)
        return NULL;
    room.next += capacity + sizeof(*b);
    room.left -= capacity + sizeof(*b);
    b->capacity = capacity;
    return b + 1;
}

static void *resize(void *array, long size)
{
    void *larger;

    if (size <= 0)
        return NULL;
    if (array && block_of(array)->capacity >= (size_t)size)
        return array;
    larger = take((size_t)size);
    if (array && larger)
        memcpy(larger, array, block_of(array)->capacity);
    return larger;
}

enum err loop_memory_reserve(void)
{
    struct rlimit limit = {.rlim_cur = DESCRIPTORS_MAX};
    size_t size;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur > DESCRIPTORS_MAX)
        limit.rlim_cur = DESCRIPTORS_MAX;
    size = BYTES_OF_ALL + (size_t)limit.rlim_cur * BYTES_A_DESCRIPTOR;
    room.next = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room.next == MAP_FAILED)
        return ERR_NO_MEMORY;
    room.left = size;
    ev_set_allocator(resize);
    return ERR_NONE;
}
