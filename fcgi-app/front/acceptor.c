/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4 */
#include "fcgi-app/front/acceptor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/config/config.h"
#include "common/os/log.h"

enum { OTHER_FDS = 32 }; /* descriptors of the rest of the program, beside the workers' */

static bool watch(struct acceptor *a, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = a};

    return epoll_ctl(a->epoll, operation, a->listener, &event) == 0;
}

bool acceptor_start(struct acceptor *a, int epoll, int listener)
{
    *a = (struct acceptor){.epoll = epoll, .listener = listener};
    return watch(a, EPOLL_CTL_ADD, EPOLLIN);
}

static void set_paused(struct acceptor *a, bool is_paused)
{
    if (is_paused == a->is_paused)
        return;
    a->is_paused = is_paused;
    (void)watch(a, EPOLL_CTL_MOD, is_paused ? 0 : EPOLLIN);
}

void acceptor_pause(struct acceptor *a, int64_t now_ms)
{
    a->retry_ms = now_ms + ACCEPTOR_RETRY_MS;
    set_paused(a, true);
}

void acceptor_resume(struct acceptor *a)
{
    set_paused(a, false);
}

void acceptor_tick(struct acceptor *a, int64_t now_ms)
{
    if (now_ms >= a->retry_ms)
        set_paused(a, false);
}

void acceptor_stop(struct acceptor *a)
{
    a->is_paused = false;
    (void)watch(a, EPOLL_CTL_DEL, 0);
}

int acceptor_take(struct acceptor *a, int64_t now_ms)
{
    int fd;

    do {
        fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0 && errno != EAGAIN) {
        log_warn("cannot accept a connection: %s; if it is for want of descriptors, raise "
                 "LimitNOFILE or lower max_connections",
                 strerror(errno));
        acceptor_pause(a, now_ms);
    }
    return fd;
}

size_t acceptor_connections_max(const struct config_app *config)
{
    struct rlimit limit = {.rlim_cur = 1024};
    size_t own = OTHER_FDS + 2 * (size_t)config->workers, room;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    room = limit.rlim_cur > own ? (size_t)limit.rlim_cur - own : 1;
    if (room >= (size_t)config->max_connections)
        return (size_t)config->max_connections;
    log_warn(
        "only %zu connections instead of max_connections: raise LimitNOFILE (ulimit -n), which "
        "is %zu",
        room, (size_t)limit.rlim_cur);
    return room;
}
