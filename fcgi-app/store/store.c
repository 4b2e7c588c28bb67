/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/store.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

enum err store_init(struct store *s, const struct config_database *config)
{
    return connection_new(config, query_statements, "", &s->connection);
}

void store_deinit(struct store *s)
{
    standby_free(s->standby);
    connection_free(s->connection);
    s->connection = NULL;
    s->standby = NULL;
}

enum err store_connect(struct store *s)
{
    return connection_connect(s->connection);
}

void store_reconnect(struct store *s)
{
    connection_reconnect(s->connection);
}

size_t store_connects(const struct store *s)
{
    return connection_connects(s->connection);
}

bool store_is_connected(const struct store *s)
{
    return connection_is_connected(s->connection);
}

const char *store_fault(const struct store *s)
{
    return connection_fault(s->connection);
}

void store_forget(struct store *s)
{
    connection_forget(s->connection);
    standby_forget(s->standby);
}
