/* SPDX-License-Identifier: MIT */
/* database.c - a connection to PostgreSQL that the simulator has: it is told each statement with
 * its values, and runs it.
 *
 *     query NAME REPEATABLE SQL VALUE…   in return: rows ROWS COLUMNS, and a line for each cell;
 *                                        or nothing: the connection is lost
 *
 * \N is null, in both directions. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi-app/database/connection.h"
#include "fcgi-app/database/value.h"
#include "tests/sim/wire.h"

struct pg_result {
    int rows, columns;
    char **cells; /* NULL: null */
};

struct connection {
    struct pg_result result;
    size_t connects;
    bool is_connected;
};

static const char null_text[] = "\\N";

static void forget(struct pg_result *r)
{
    for (int i = 0; i < r->rows * r->columns; i++)
        free(r->cells[i]);
    free(r->cells);
    *r = (struct pg_result){0};
}

enum err connection_new(const struct config_database *config,
                        const struct statement *const *const *lists, const char *more_settings,
                        struct connection **out)
{
    (void)config;
    (void)lists;
    (void)more_settings;
    *out = calloc(1, sizeof(**out));
    return *out ? ERR_NONE : ERR_NO_MEMORY;
}

void connection_free(struct connection *c)
{
    if (!c)
        return;
    forget(&c->result);
    free(c);
}

enum err connection_connect(struct connection *c)
{
    (void)c;
    return ERR_NONE;
}

void connection_reconnect(struct connection *c)
{
    (void)c;
}

size_t connection_connects(const struct connection *c)
{
    return c->connects;
}

bool connection_is_connected(const struct connection *c)
{
    return c->is_connected;
}

static void ask(const struct statement *s, const char *const *values)
{
    char text[65536];
    size_t len = 0;

    text[0] = '\0';
    for (int i = 0; i < s->params && len < sizeof(text); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\t%s",
                                values[i] ? values[i] : null_text);
    if (len >= sizeof(text))
        wire_fail("values that are too long");
    wire_say("query\t%s\t%d\t%s%s", s->name, s->repeat == REPEATABLE, s->sql, text);
    wire_flush();
}

static void read_cells(struct pg_result *r, const struct wire_line *head)
{
    struct wire_line line;

    r->rows = atoi(head->fields[1]);
    r->columns = atoi(head->fields[2]);
    r->cells = calloc((size_t)(r->rows * r->columns) + 1, sizeof(*r->cells));
    if (!r->cells)
        wire_fail("out of memory");
    for (int i = 0; i < r->rows * r->columns; i++) {
        wire_hear(&line);
        if (strcmp(line.fields[0], null_text) != 0 && !(r->cells[i] = strdup(line.fields[0])))
            wire_fail("out of memory");
    }
}

enum err connection_run(struct connection *c, const struct statement *statement,
                        const char *const *values, const struct pg_result **out)
{
    struct wire_line head;

    forget(&c->result);
    ask(statement, values);
    wire_hear(&head);
    if (head.count != 3) {
        c->is_connected = false;
        return ERR_UNAVAILABLE;
    }
    c->connects += !c->is_connected;
    c->is_connected = true;
    read_cells(&c->result, &head);
    if (statement->shape == SHAPE_ROW_OR_NONE && c->result.rows == 0)
        return ERR_END;
    *out = &c->result;
    return ERR_NONE;
}

enum err connection_run_with(struct connection *c, const struct statement *statement,
                             const char *const *values, const struct run_terms *terms,
                             const struct pg_result **out)
{
    (void)terms;
    return connection_run(c, statement, values, out);
}

void connection_guard(struct connection *c, const struct statement *guard,
                      const char *const *values)
{
    (void)c;
    (void)guard;
    (void)values;
}

const char *connection_fault(const struct connection *c)
{
    (void)c;
    return NULL;
}

const char *connection_fault_detail(const struct connection *c)
{
    (void)c;
    return NULL;
}

void connection_forget(struct connection *c)
{
    forget(&c->result);
}

/* There are no standbys. */

enum err connection_new_standby(const struct config_database *config,
                                const struct statement *const *const *lists,
                                struct connection **out)
{
    (void)config;
    (void)lists;
    (void)out;
    return ERR_UNAVAILABLE;
}

enum err connection_open_standby(struct connection *c, size_t first, char *faults, size_t size)
{
    (void)c;
    (void)first;
    (void)faults;
    (void)size;
    return ERR_UNAVAILABLE;
}

enum err connection_run_there(struct connection *c, const struct statement *statement,
                              const char *const *values, const struct pg_result **out)
{
    (void)c;
    (void)statement;
    (void)values;
    (void)out;
    return ERR_UNAVAILABLE;
}

void connection_close(struct connection *c)
{
    (void)c;
}

/* --- values --- */

const char *value_int(struct digits *d, int64_t n)
{
    (void)snprintf(d->text, sizeof(d->text), "%" PRId64, n);
    return d->text;
}

const char *value_bool(bool b)
{
    return b ? "true" : "false";
}

static const char *cell(const struct pg_result *r, int row, int column)
{
    return r->cells[row * r->columns + column];
}

int64_t value_read_int(const struct pg_result *r, int row, int column, int64_t if_null)
{
    const char *text = cell(r, row, column);

    return text ? strtoll(text, NULL, 10) : if_null;
}

struct span value_read_text(const struct pg_result *r, int row, int column)
{
    const char *text = cell(r, row, column);

    return text ? span_of(text) : SPAN("");
}

bool value_is_null(const struct pg_result *r, int row, int column)
{
    return !cell(r, row, column);
}

int value_count_rows(const struct pg_result *r)
{
    return r->rows;
}
