/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "tests/bench/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 32, DIGITS_MAX = 24 };

static const char *find_field(const char *text, size_t len, const char *name)
{
    char quoted[NAME_MAX_LEN];
    int n = snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    const char *found = memmem(text, len, quoted, (size_t)n);

    return found ? found + n : NULL;
}

int64_t page_field(const char *text, size_t len, const char *name)
{
    const char *value = find_field(text, len, name);
    char digits[DIGITS_MAX] = "";
    size_t rest;

    if (!value)
        return 0;
    rest = len - (size_t)(value - text);
    memcpy(digits, value, rest < sizeof(digits) - 1 ? rest : sizeof(digits) - 1);
    return strtoll(digits, NULL, 10);
}

enum page_decision page_hear(struct page *p, const char *ring, size_t len)
{
    int64_t seq = page_field(ring, len, "seq");
    int64_t add = page_field(ring, len, "add");

    if (!p->is_known)
        return PAGE_ASKS;
    if (seq && p->seq >= seq)
        return PAGE_IGNORES;
    if (!find_field(ring, len, "from") || page_field(ring, len, "from") > p->seq ||
        p->version >= seq || add <= 0 || p->is_in_groups)
        return PAGE_ASKS;
    p->num += add;
    p->seq = seq;
    return PAGE_STEPS;
}

void page_learn(struct page *p, const char *answer, size_t len)
{
    if (!find_field(answer, len, "num"))
        return;
    *p = (struct page){.is_known = true,
                       .is_in_groups = page_field(answer, len, "groups") > 0,
                       .num = page_field(answer, len, "num"),
                       .version = page_field(answer, len, "version"),
                       .seq = page_field(answer, len, "seq")};
}
