/* SPDX-License-Identifier: MIT */
/* categories.h - kinds of messages: what can be muted, and the texts that they give. */
#ifndef DOORBELL_FCGI_APP_STORE_CATEGORIES_H
#define DOORBELL_FCGI_APP_STORE_CATEGORIES_H

#include <stdbool.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* All of them, as JSON. */
MUST_USE enum err categories_list(struct store *s, struct span *json);

struct category {
    bool is_critical;
    bool has_strict; /* else `is_strict` stays as it is */
    bool is_strict;  /* a message that lacks what a template names is refused */
    /* What is NULL, and negative, stays as it is. */
    const char *templates;       /* JSON */
    const char *webhook;         /* URL, "" for none */
    int64_t only_unseen_after_s; /* 0: at once, and of all */
};

/* Makes it, or changes it; *json is what it is then. */
MUST_USE enum err categories_set(struct store *s, const char *name, const struct category *category,
                                 struct span *json);

/* ERR_CONFLICT while messages use it, unless they may keep it. */
MUST_USE enum err categories_remove(struct store *s, const char *name, bool keeps_messages);

#endif
