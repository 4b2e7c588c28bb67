/* SPDX-License-Identifier: MIT */
/* acceptor.h - the listener in the front's epoll. While there is no room for another connection it
 * is not looked at, so that a full program does not spin; a moment later it tries again. */
#ifndef DOORBELL_FCGI_APP_FRONT_ACCEPTOR_H
#define DOORBELL_FCGI_APP_FRONT_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_app;

enum { ACCEPTOR_RETRY_MS = 50 };

struct acceptor {
    int epoll, listener; /* both the caller's */
    bool is_paused;
    int64_t retry_ms;
};

/* Events of the listener have `a` as their data. False: epoll does not take it. */
bool acceptor_start(struct acceptor *a, int epoll, int listener);

/* A new non-blocking connection, or -1: there is none now, or no descriptor for it. */
int acceptor_take(struct acceptor *a, int64_t now_ms);

void acceptor_pause(struct acceptor *a, int64_t now_ms);
void acceptor_resume(struct acceptor *a);

/* Resumes when the pause has lasted long enough. */
void acceptor_tick(struct acceptor *a, int64_t now_ms);

/* For good: nothing is taken, and so nothing paused, after it. */
void acceptor_stop(struct acceptor *a);

/* max_connections, or what the limit of open descriptors leaves room for; then it warns. */
size_t acceptor_connections_max(const struct config_app *config);

#endif
