/* SPDX-License-Identifier: MIT */
/* sqlstate.h - what an error of PostgreSQL means to the caller of a statement. Pure. */
#ifndef DOORBELL_FCGI_APP_POSTGRES_SQLSTATE_H
#define DOORBELL_FCGI_APP_POSTGRES_SQLSTATE_H

#include <stdbool.h>

#include "common/bytes/err.h"

/* ERR_UNAVAILABLE for all that the caller has no part in. NULL is an error without a state. */
enum err sqlstate_err(const char *state);

/* Whether the schema's own functions raised it, with a message meant for the caller. */
bool sqlstate_is_ours(const char *state);

/* Whether trying again later may help: time-outs, deadlocks, a server that starts, stops or is
 * short of something. What is not temporary is a mistake, of ours or of the installation. */
bool sqlstate_is_temporary(const char *state);

/* Whether another session may do what this one refuses, and the statement has done nothing: the
 * server is read-only or has become a standby (which 0A000 says of a read, since the epoch is in an
 * unlogged table), */
bool sqlstate_is_of_session(const char *state);

/* or the session knows tables and functions from before a migration (0A000, class 42). */
bool sqlstate_is_of_past(const char *state);

/* Whether the statement had to give way to another one, or a migration ended while it ran (XX000):
 * it has done nothing, and the same session may run it again. */
bool sqlstate_is_of_chance(const char *state);

#endif
