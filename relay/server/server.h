/* SPDX-License-Identifier: MIT */
/* server.h - the relay at work on a loop: birth, both listeners, timers, reload, drain. */
#ifndef DOORBELL_RELAY_SERVER_SERVER_H
#define DOORBELL_RELAY_SERVER_SERVER_H

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"

struct ev_loop;
struct server;

/* Listens and serves from the next turn of the loop on. Borrows config and secrets. On failure it
 * has logged why. Caller owns *out. */
MUST_USE enum err server_new(struct ev_loop *loop, const struct config *config,
                             const struct secrets *secrets, struct server **out);
void server_free(struct server *server);

/* Goes on with another config and other secrets; what is not reloadable stays as it was. */
void server_reconfigure(struct server *server, const struct config *config,
                        const struct secrets *secrets);

/* Takes no more clients, says bye, closes the sessions over the drain window, then breaks the loop;
 * at once if there are none, or if the listener was inherited and so goes on without us. */
void server_drain(struct server *server);

#endif
