/* SPDX-License-Identifier: MIT */
/* asker.h - pages of a swarm that ask over HTTP, each question on a connection of its own. Counts
 * and times them; on the swarm's epoll. */
#ifndef DOORBELL_BENCH_ASKER_H
#define DOORBELL_BENCH_ASKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/kit.h"

struct asker;

/* What is asked: `path` of the server at `address`; and whom to tell of an answer, head and
 * body, up to its first ASKER_ANSWER_MAX bytes. `asked_by` is asker_ask()'s. */
enum { ASKER_ANSWER_MAX = 1024 };
struct asker_site {
    const char *address;
    const char *path;
    void (*on_answer)(void *ctx, void *asked_by, const char *answer, size_t len);
    void *ctx;
};

/* Lives as long as the process. */
struct asker *asker_new(int epoll_fd, const struct asker_site *site);

/* Asks at once, from `source` (host order), with the token, which is borrowed until the answer. */
void asker_ask(struct asker *a, uint32_t source, const char *token, void *asked_by);

/* Whether epoll's pointer is one of ours; then it goes to asker_on_event(). */
bool asker_owns(const struct asker *a, const void *ptr);
void asker_on_event(struct asker *a, void *ptr);

/* Questions without an answer yet. */
size_t asker_pending(const struct asker *a);

/* Counts anew. */
void asker_reset(struct asker *a);

/* Prints {"asked":…,"failed":…,"peak":…,"us":{…}}: peak is the most within any second, a failure is
 * any answer but 200. */
void asker_print(struct asker *a);

#endif
