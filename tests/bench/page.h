/* SPDX-License-Identifier: MIT */
/* page.h - what a page of a swarm knows, after www/bell/core/rules.js: whether a ring tells it its
 * number, or it has to ask. Of rings for one user it takes none. */
#ifndef DOORBELL_BENCH_PAGE_H
#define DOORBELL_BENCH_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page {
    bool is_known;
    bool is_in_groups;
    int64_t num, version, seq;
};

enum page_decision {
    PAGE_IGNORES,
    PAGE_STEPS, /* its number is another one now */
    PAGE_ASKS
};

/* `ring`: the JSON text of a ring for many. */
enum page_decision page_hear(struct page *p, const char *ring, size_t len);

/* `answer`: the reply to GET /doorbell/unread, head and body. */
void page_learn(struct page *p, const char *answer, size_t len);

/* The whole number behind `"name":` in the text, 0 if there is none. */
int64_t page_field(const char *text, size_t len, const char *name);

#endif
