/* SPDX-License-Identifier: MIT */
#include "fcgi-app/database/hosts.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes/span.h"

#define DEFAULT_PORT "5432"

enum { TIMEOUT_MS = 2000, TIMEOUT_MAX_S = 600 };

/* libpq merges URL, environment and service file for connections alone. This one is refused for its
 * last keyword, before it opens anything, and then tells what it would have used. */
static PQconninfoOption *read_options(const char *url)
{
    static const char *const keywords[] = {"dbname", "channel_binding", NULL};
    const char *const values[] = {url, "-", NULL};
    PGconn *refused = PQconnectStartParams(keywords, values, 1);
    PQconninfoOption *options = PQconninfo(refused);

    PQfinish(refused);
    return options;
}

static const char *find_option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val ? options->val : "";
    return "";
}

static size_t count_items(const char *list)
{
    size_t count = list[0] ? 1 : 0;

    for (; *list; list++)
        count += *list == ',';
    return count;
}

/* Item `i`, without its comma; empty if there is none. */
static struct span find_item(const char *list, size_t i)
{
    struct span rest = span_of(list), item = span_cut(&rest, ',');

    for (; i > 0; i--)
        item = rest.p ? span_cut(&rest, ',') : (struct span){"", 0};
    return item;
}

static int64_t read_timeout_ms(const PQconninfoOption *options)
{
    long s = strtol(find_option(options, "connect_timeout"), NULL, 10);

    if (s <= 0)
        return TIMEOUT_MS;
    return (s < TIMEOUT_MAX_S ? s : TIMEOUT_MAX_S) * 1000;
}

/* Lists that do not fit each other are left to libpq, which says so. */
static size_t count_hosts(const struct hosts *h)
{
    size_t names = count_items(h->names), addresses = count_items(h->addresses);
    size_t ports = count_items(h->ports), count = addresses ? addresses : names;

    if ((addresses && names && addresses != names) || (ports > 1 && ports != count))
        return 0;
    return count;
}

enum err hosts_init(struct hosts *h, const char *url)
{
    PQconninfoOption *options = read_options(url);

    memset(h, 0, sizeof(*h));
    if (!options)
        return ERR_NO_MEMORY;
    h->names = strdup(find_option(options, "host"));
    h->addresses = strdup(find_option(options, "hostaddr"));
    h->ports = strdup(find_option(options, "port"));
    h->timeout_ms = read_timeout_ms(options);
    PQconninfoFree(options);
    if (!h->names || !h->addresses || !h->ports)
        return ERR_NO_MEMORY;
    h->count = count_hosts(h);
    return ERR_NONE;
}

static void forget_addresses(struct hosts *h)
{
    if (h->found)
        freeaddrinfo(h->found);
    h->found = h->left = NULL;
}

void hosts_deinit(struct hosts *h)
{
    forget_addresses(h);
    free(h->names);
    free(h->addresses);
    free(h->ports);
}

bool hosts_is_url(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);

    PQconninfoFree(options);
    return options != NULL;
}

/* What is too long is no name that exists: libpq gets the beginning of it, and says so. */
static void copy_item(char *out, size_t size, struct span item)
{
    size_t len = item.len < size ? item.len : size - 1;

    memcpy(out, item.p, len);
    out[len] = '\0';
}

static void take_address(struct hosts *h)
{
    if (getnameinfo(h->left->ai_addr, h->left->ai_addrlen, h->current.address,
                    sizeof(h->current.address), NULL, 0, NI_NUMERICHOST) != 0)
        h->current.address[0] = '\0';
    h->left = h->left->ai_next;
}

/* libpq would try the addresses of a name in turn, too, but under one deadline. A name that cannot
 * be looked up is left to libpq, which says why. */
static void look_up(struct hosts *h)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const char *name = h->current.name;

    if (name[0] == '\0' || name[0] == '/' || name[0] == '@' || h->current.address[0])
        return;
    if (getaddrinfo(name, NULL, &hints, &h->found) != 0)
        h->found = NULL;
    h->left = h->found;
    if (h->left)
        take_address(h);
}

const struct host *hosts_next(struct hosts *h)
{
    struct host *current = &h->current;
    size_t i = h->count ? (h->first + h->next) % h->count : 0;
    struct span port;

    if (h->left) {
        take_address(h);
        return current;
    }
    if (h->next > 0 && h->next >= h->count)
        return NULL;
    forget_addresses(h);
    h->next++;
    memset(current, 0, sizeof(*current));
    if (h->count == 0)
        return current;
    copy_item(current->name, sizeof(current->name), find_item(h->names, i));
    copy_item(current->address, sizeof(current->address), find_item(h->addresses, i));
    port = find_item(h->ports, count_items(h->ports) > 1 ? i : 0);
    copy_item(current->port, sizeof(current->port), port.len ? port : SPAN(DEFAULT_PORT));
    look_up(h);
    return current;
}
