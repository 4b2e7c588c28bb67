/* SPDX-License-Identifier: MIT */
/* hub.h - who is here: users by id, each one's sessions, and all sessions in a circular list that
 * the broadcast and the sweep walk by cursors of their own. Sessions stay the caller's: the hub
 * links them. Pure but for malloc. */
#ifndef DOORBELL_RELAY_SESSION_HUB_H
#define DOORBELL_RELAY_SESSION_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "relay/session/protocol.h"
#include "relay/session/session.h"

struct hub;

struct hub *hub_new(void); /* NULL: out of memory */
void hub_free(struct hub *h);

/* Links a session that has not logged in. */
void hub_add(struct hub *h, struct session *s);

/* Makes it one of the user's sessions. ERR_NO_MEMORY: nothing is changed. */
MUST_USE enum err hub_login(struct hub *h, struct session *s, struct span user);

/* Unlinks a session, in whatever state. */
void hub_remove(struct hub *h, struct session *s);

/* Unlinks a session from its user and from all, and puts it on the closing list. Does nothing if it
 * is there already. Only the session itself is unlinked, so a walk over others may go on. */
void hub_close(struct hub *h, struct session *s, uint16_t code, const char *reason);

enum hub_user_event {
    HUB_USER_CAME, /* with their first session, which has been told nothing yet; true holds it, and
                      what follows, until hub_release() */
    HUB_USER_CAME_AGAIN, /* with another session */
    HUB_USER_WENT,       /* with the last one */
};
typedef bool hub_watcher(void *ctx, struct span user, enum hub_user_event event);
void hub_watch(struct hub *h, hub_watcher *watcher, void *ctx);

/* Whether the session has to wait until other relays can ring its user. */
bool hub_is_held(const struct session *s);
size_t hub_held(const struct hub *h); /* users */

/* The user is held no longer. Returns the newest of their sessions, which now may be told what has
 * waited; NULL: they were not held. */
struct session *hub_release(struct hub *h, struct span user);

/* Releases any one of those that are held; NULL: nobody is. */
struct session *hub_release_next(struct hub *h);

/* Walks all users, from the begin if `is_first`; those who come meanwhile as well. False at the
 * end. *user is valid until the hub changes. */
bool hub_next_user(struct hub *h, bool is_first, struct span *user);

/* The first and the last of the closing sessions: they are in the order of their hub_close(). */
struct session *hub_first_closing(const struct hub *h);
struct session *hub_last_closing(const struct hub *h);

/* The user's newest session, the others follow by of_user.next; NULL if there is none. */
struct session *hub_find(const struct hub *h, struct span user);
struct session *hub_oldest_of_user(const struct session *s);
size_t hub_user_sessions(const struct session *s);
struct span hub_user_id(const struct session *s); /* empty before login */

size_t hub_sessions(const struct hub *h); /* not the closing ones */
size_t hub_users(const struct hub *h);
size_t hub_pages(const struct hub *h); /* logged-in sessions */

/* The sessions of each protocol: a row for each enum protocol_id, whose protocol is NULL before its
 * first session. */
struct hub_share {
    const struct protocol *protocol;
    size_t sessions;
};
const struct hub_share *hub_shares(const struct hub *h);

/* Notes since when the session's peer takes no bytes; 0: it takes them. */
void hub_set_blocked(struct hub *h, struct session *s, int64_t since_ms);
size_t hub_blocked(const struct hub *h);

/* Starts a broadcast: every session is due once. A broadcast under way goes on as this one:
 * sessions that have not been rung yet are rung once. */
void hub_start_round(struct hub *h);
size_t hub_due(const struct hub *h);

/* The next due session, which then is not due any more; NULL at the end. */
struct session *hub_next_due(struct hub *h);

/* The sessions that have something to send: in this turn of the loop, or in one of the next. */
enum hub_list { HUB_NOT_LISTED, HUB_DIRTY, HUB_DEFERRED, HUB_LISTS };

/* Puts a session at the end of a list. One that is to send in this turn stays where it is. */
void hub_list(struct hub *h, struct session *s, enum hub_list list);
size_t hub_listed(const struct hub *h, enum hub_list list);

/* Takes the first one off the list; NULL at the end. */
struct session *hub_next_listed(struct hub *h, enum hub_list list);

/* The next session of the endless sweep; NULL if there is none at all. */
struct session *hub_next_swept(struct hub *h);

/* Any session of the ring of all, which goes on by all.next; NULL if there is none. */
struct session *hub_first(const struct hub *h);

#endif
