/* SPDX-License-Identifier: MIT */
/* statement.h - what is known about a prepared statement beside its text. A statement is declared
 * next to the function that runs it, and listed at the end of its file:
 *
 *     STATEMENT(unread, AS_USER, 3, 5, SHAPE_ROW_OR_NONE, REPEATABLE,
 *               "SELECT … FROM doorbell.unread($1 …)")
 *
 * Pure. */
#ifndef DOORBELL_FCGI_APP_POSTGRES_STATEMENT_H
#define DOORBELL_FCGI_APP_POSTGRES_STATEMENT_H

#include <stdbool.h>

enum statement_shape {
    SHAPE_NONE,        /* what comes does not matter */
    SHAPE_ROW,         /* exactly one row */
    SHAPE_ROW_OR_NONE, /* at most one */
    SHAPE_ROWS,        /* any number */
};

/* As whom a statement runs: for each kind of call a role that may execute what such calls need and
 * nothing else. sql/roles.sql has the same lists. */
enum statement_role {
    AS_ANY,     /* all may run it: the role stays as it is */
    AS_USER,    /* for a user: doorbell_user_calls */
    AS_SERVICE, /* for a back end: doorbell_service_calls */
    AS_SELF,    /* for nobody's call: the user of the connection */
};

/* What may be done when the connection is lost and the outcome is not known. */
enum statement_repeat {
    ONCE,       /* running it twice would change something twice, or the reply */
    REPEATABLE, /* a read, or a write that does nothing the second time */
};

struct statement {
    const char *name;
    enum statement_role role;
    int params, columns;
    enum statement_shape shape;
    enum statement_repeat repeat;
    const char *sql;
};

/* Defines the statement `id`, which has the same name on the connection. */
#define STATEMENT(id, role, params, columns, shape, repeat, sql)                                   \
    enum { id##_params = (params) };                                                               \
    static const struct statement id = {#id, role, params, columns, shape, repeat, sql}

/* How many arguments there are, 24 at most. */
#define VALUES_COUNT(...)                                                                          \
    VALUES_LAST(__VA_ARGS__, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,  \
                6, 5, 4, 3, 2, 1, 0)
#define VALUES_LAST(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, count, \
                    ...)                                                                           \
    count

/* The values of statement `id`: texts, NULL for SQL's NULL. It does not compile with fewer or more
 * than the statement has parameters. */
#define VALUES(id, ...)                                                                            \
    ((const char *const[]){__VA_ARGS__} +                                                          \
     0 * sizeof(struct {                                                                           \
         _Static_assert(VALUES_COUNT(__VA_ARGS__) == (id##_params),                                \
                        "the statement \"" #id "\" has another number of parameters");             \
         char unused;                                                                              \
     }))

/* Whether the text mentions the parameters $1 to the last one, and none beyond. */
bool statement_is_sound(const struct statement *s);

#endif
