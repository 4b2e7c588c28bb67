/* SPDX-License-Identifier: MIT */
/* invariant.h - what is always so, said and checked.
 *
 *     if (!INVARIANT(b->len <= b->max))
 *         return ERR_TOO_BIG;
 *
 * A broken one is a bug of ours, never a peer's: input is checked by plain code. It ends the
 * process, unless the program has a listener (invariant_listen()): then it is counted, and the
 * caller takes the way out that harms least. The programs listen, except those that are built with
 * DOORBELL_FATAL_INVARIANTS; unit tests and fuzz targets do not. Thread-safe. */
#ifndef DOORBELL_COMMON_INVARIANT_H
#define DOORBELL_COMMON_INVARIANT_H

#include <stdbool.h>
#include <stdint.h>

#define INVARIANT_TEXT(x) #x
#define INVARIANT_LINE(x) INVARIANT_TEXT(x)

/* Whether the condition holds. */
#define INVARIANT(condition)                                                                       \
    (__builtin_expect(!!(condition), 1) ||                                                         \
     invariant_broken(__FILE__ ":" INVARIANT_LINE(__LINE__) ": " #condition))

/* For the macro. `place` is static text, the same pointer for the same place. Returns false. */
bool invariant_broken(const char *place);

/* From now on broken invariants are survived. The listener is called once for each place, by any
 * thread; called before threads start. NULL: fatal again. */
void invariant_listen(void (*on_broken)(const char *place));

/* How often an invariant was found broken. */
uint64_t invariant_count(void);

#endif
