/* SPDX-License-Identifier: MIT */
/* marks.h - what a user does to messages: read, unread, archive, acknowledge, remove, see. */
#ifndef DOORBELL_FCGI_APP_STORE_MARKS_H
#define DOORBELL_FCGI_APP_STORE_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* The user's state after a change; `epoch` is 0 while the database has none. */
struct counts {
    int64_t num, version, seq, changed, epoch;
};

/* What can be done to one message. */
enum mark { MARK_READ, MARK_UNREAD, MARK_ARCHIVED, MARK_ACKNOWLEDGED, MARK_REMOVED };

MUST_USE enum err marks_set(struct store *s, enum mark mark, const char *user, int64_t id,
                            struct counts *out);

/* `ids` is a PostgreSQL array. */
MUST_USE enum err marks_read_ids(struct store *s, const char *user, const char *ids,
                                 struct counts *out);
MUST_USE enum err marks_unread_ids(struct store *s, const char *user, const char *ids,
                                   struct counts *out);
MUST_USE enum err marks_read_upto(struct store *s, const char *user, const char *position,
                                  struct counts *out);
MUST_USE enum err marks_read_subject(struct store *s, const char *user, const char *type,
                                     const char *id, struct counts *out);
MUST_USE enum err marks_read_oldest(struct store *s, const char *user, int64_t count,
                                    struct counts *out);
MUST_USE enum err marks_read_all(struct store *s, const char *user, struct counts *out);
/* Of a group; with a position only what that list could show. */
MUST_USE enum err marks_read_group(struct store *s, const char *user, const char *position,
                                   const char *group_key, struct counts *out);
MUST_USE enum err marks_unread_all(struct store *s, const char *user, struct counts *out);

/* Of all messages that are not archived. Texts are NULL where absent. */
struct mark_choice {
    const char *position;  /* only what this list could show */
    const char *category;  /* only those of it */
    const char *group_key; /* only those that have it */
    bool is_read;          /* only those that were read */
};

MUST_USE enum err marks_archive_ids(struct store *s, const char *user, const char *ids,
                                    struct counts *out);
MUST_USE enum err marks_remove_ids(struct store *s, const char *user, const char *ids,
                                   struct counts *out);
MUST_USE enum err marks_archive_all(struct store *s, const char *user,
                                    const struct mark_choice *which, struct counts *out);
MUST_USE enum err marks_remove_all(struct store *s, const char *user,
                                   const struct mark_choice *which, struct counts *out);
MUST_USE enum err marks_seen(struct store *s, const char *user, const char *position,
                             struct counts *out);

/* What a user wants to change; what is NULL stays as it is. */
struct preferences {
    const char *muted;       /* categories, as a PostgreSQL array */
    const char *language;    /* "": none */
    const char *quiet_hours; /* as JSON; "null": none */
};

MUST_USE enum err marks_prefer(struct store *s, const char *user, const struct preferences *wanted,
                               struct counts *out);

/* All of them, as JSON. */
MUST_USE enum err marks_preferences(struct store *s, const char *user, struct span *json);

#endif
