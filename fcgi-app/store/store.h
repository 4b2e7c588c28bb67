/* SPDX-License-Identifier: MIT */
/* store.h - the questions that doorbell-app asks the database, one typed function each. Texts that
 * come out are borrowed until the next question. Failures are those of db_run(). */
#ifndef DOORBELL_FCGI_APP_STORE_STORE_H
#define DOORBELL_FCGI_APP_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/config.h"

struct db;

struct store {
    struct db *db;
};

/* A user as the database may have to get to know him first. */
struct reader {
    const char *user;
    int64_t since; /* unix seconds; -1 if unknown */
    int64_t backlog_days;
};

struct unread {
    int64_t num, hit, latest, version, seq;
};

struct counts {
    int64_t num, version, seq, changed;
};

/* A message to send. Texts are NUL-terminated, NULL where absent; exactly one of `to`, `group` and
 * `to_all`. */
struct draft {
    const char *to; /* users, as a PostgreSQL array */
    size_t to_count;
    const char *group;
    bool to_all;
    const char *title, *body, *sender, *url, *category, *extra, *key;
    const char *subject_type, *subject_id;
    int64_t expires_in_s; /* 0 if absent */
    int64_t send_at;      /* unix seconds; 0 if absent */
    bool replace, ack, to_new_users;
};

struct sent {
    int64_t id;
    int64_t recipients; /* -1 if that is not counted */
    bool is_duplicate;
};

/* What can be done to one message. */
enum mark { MARK_READ, MARK_UNREAD, MARK_ARCHIVED, MARK_ACKNOWLEDGED, MARK_REMOVED };

MUST_USE enum err store_init(struct store *s, const struct config_database *config);
void store_deinit(struct store *s);

/* Connects now. ERR_INVALID: the schema is not the right one; ERR_UNAVAILABLE. */
MUST_USE enum err store_connect(struct store *s);

bool store_is_connected(const struct store *s);

/* The database's message for the caller about the last failure, or NULL. */
const char *store_fault(const struct store *s);

/* Drops what the last question left behind. */
void store_forget(struct store *s);

/* Without a key a send whose outcome is unknown is not repeated: ERR_UNAVAILABLE. */
MUST_USE enum err store_send(struct store *s, const struct draft *d, struct sent *out);

/* An empty category stands for all of them together. */
MUST_USE enum err store_unread(struct store *s, const struct reader *reader, const char *category,
                               int64_t hit_window_s, struct unread *out);
/* Whole replies, as JSON. */
MUST_USE enum err store_unread_by_category(struct store *s, const struct reader *reader,
                                           int64_t hit_window_s, struct span *json);
MUST_USE enum err store_list(struct store *s, const struct reader *reader, const char *state,
                             const char *category, const char *before, int64_t limit,
                             struct span *json);
MUST_USE enum err store_message(struct store *s, const struct reader *reader, int64_t id,
                                struct span *json);

MUST_USE enum err store_mark(struct store *s, enum mark mark, const char *user, int64_t id,
                             struct counts *out);
/* `ids` is a PostgreSQL array. */
MUST_USE enum err store_mark_read_ids(struct store *s, const char *user, const char *ids,
                                      struct counts *out);
MUST_USE enum err store_mark_unread_ids(struct store *s, const char *user, const char *ids,
                                        struct counts *out);
MUST_USE enum err store_mark_read_upto(struct store *s, const char *user, const char *position,
                                       struct counts *out);
MUST_USE enum err store_mark_read_subject(struct store *s, const char *user, const char *type,
                                          const char *id, struct counts *out);
MUST_USE enum err store_mark_read_oldest(struct store *s, const char *user, int64_t count,
                                         struct counts *out);
MUST_USE enum err store_mark_read_all(struct store *s, const char *user, struct counts *out);
MUST_USE enum err store_mark_unread_all(struct store *s, const char *user, struct counts *out);
MUST_USE enum err store_mark_seen(struct store *s, const char *user, const char *position,
                                  struct counts *out);

/* Replaces the list of muted categories, a PostgreSQL array. */
MUST_USE enum err store_mute(struct store *s, const char *user, const char *categories,
                             struct counts *out);
MUST_USE enum err store_preferences(struct store *s, const char *user, struct span *json);

MUST_USE enum err store_sent(struct store *s, int64_t id, struct span *json);
MUST_USE enum err store_recall(struct store *s, int64_t id);

/* `add` and `remove` are PostgreSQL arrays, or NULL. */
MUST_USE enum err store_group_change(struct store *s, const char *group, const char *add,
                                     const char *remove, int64_t max_groups, struct span *json);
MUST_USE enum err store_group_members(struct store *s, const char *group, const char *after,
                                      int64_t limit, struct span *json);

MUST_USE enum err store_categories(struct store *s, struct span *json);
MUST_USE enum err store_category_set(struct store *s, const char *name, bool is_critical);
MUST_USE enum err store_category_remove(struct store *s, const char *name);

MUST_USE enum err store_export(struct store *s, const char *user, struct span *json);
/* Says whether the user was known. */
MUST_USE enum err store_erase(struct store *s, const char *user, bool *was_known);

MUST_USE enum err store_health(struct store *s, struct span *json);

/* The outbox, for the publisher. Arrays of ids are in PostgreSQL's form. */

/* What goes to whom. */
struct ring_terms {
    int64_t hit_window_s, group_ring_max;
};

/* Which rows are taken. */
struct lease {
    int64_t rows_max, lease_s, age_max_s;
};

/* Leases rows, and gives the JSON of each ring to `take`, up to its first failure. Rows that ring
 * the same users make one ring together. `ids` is empty while nothing is leased, else it has the
 * array of all ids, `*count` of them, before the first ring is taken. ERR_END if nothing waits.
 * `take` must not ask the store. */
MUST_USE enum err store_take_rings(struct store *s, const struct lease *lease,
                                   const struct ring_terms *terms, struct buf *ids, int64_t *count,
                                   enum err (*take)(void *context, struct span ring),
                                   void *context);
/* The rings of rows that are leased. */
MUST_USE enum err store_rings(struct store *s, const char *ids, const struct ring_terms *terms,
                              enum err (*take)(void *context, struct span ring), void *context);
MUST_USE enum err store_rings_done(struct store *s, const char *ids);
MUST_USE enum err store_rings_retry(struct store *s, const char *ids);

/* Delivers what is due, and expires; *count says how many. */
MUST_USE enum err store_activate(struct store *s, int64_t rows, int64_t *count);
MUST_USE enum err store_sweep(struct store *s, int64_t rows, int64_t *count);

#endif
