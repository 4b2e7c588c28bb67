/* SPDX-License-Identifier: MIT */
#include "common/config/redis_url.h"

#include <stdio.h>
#include <string.h>

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, URL_MAX = 512 };

#define FORMS "an address is redis://host:port/db, unix:///path or sentinel://host:port/db"

struct url {
    struct address address;
    int64_t db;
    bool is_sentinel;
};

static enum err parse_db(struct span text, int64_t *db, const char **why)
{
    *why = "only the number of the database, 0 to 9999, may follow the address";
    if (text.len == 0) {
        *db = 0;
        return ERR_NONE;
    }
    if (text.p[0] == '-' || span_parse_int(text, db) || *db > REDIS_DB_MAX)
        return ERR_INVALID;
    return ERR_NONE;
}

/* Without its port it has the usual one. */
static bool has_port(struct span host)
{
    size_t i = host.len;

    while (i > 0 && host.p[i - 1] >= '0' && host.p[i - 1] <= '9')
        i--;
    return i > 0 && host.p[i - 1] == ':' && (host.p[0] != '[' || (i > 1 && host.p[i - 2] == ']'));
}

static enum err parse_tcp(struct span rest, int port, struct url *out, const char **why)
{
    struct span host = span_cut(&rest, '/');
    char text[URL_MAX];
    enum err e = parse_db(rest, &out->db, why);

    if (e)
        return e;
    *why = FORMS;
    if (host.len == 0 || host.len + sizeof(":65535") > sizeof(text))
        return ERR_INVALID;
    (void)snprintf(text, sizeof(text), has_port(host) ? "%.*s" : "%.*s:%d", SPAN_ARGS(host), port);
    if (address_parse(span_of(text), &out->address) || out->address.type != ADDRESS_TCP ||
        out->address.port == 0)
        return ERR_INVALID;
    return ERR_NONE;
}

static enum err parse_unix(struct span rest, struct url *out, const char **why)
{
    struct span path = span_cut(&rest, '?');
    char text[URL_MAX];

    *why = "after the path of a socket only ?db=N may follow";
    if (rest.p && !span_starts_with(rest, SPAN("db=")))
        return ERR_INVALID;
    if (rest.p) {
        enum err e = parse_db((struct span){rest.p + 3, rest.len - 3}, &out->db, why);

        if (e)
            return e;
    }
    *why = "the path of a socket is absolute, unix:///path, and at most 107 bytes long";
    if (path.len + sizeof("unix:") > sizeof(text))
        return ERR_INVALID;
    (void)snprintf(text, sizeof(text), "unix:%.*s", SPAN_ARGS(path));
    return address_parse(span_of(text), &out->address) ? ERR_INVALID : ERR_NONE;
}

static enum err parse_sentinel(struct span rest, struct url *out, const char **why)
{
    *why = "nothing comes before a sentinel's host: set cluster_sentinel_master, and for a "
           "password cluster_sentinel_password_file";
    if (rest.len > 0 && memchr(rest.p, '@', rest.len))
        return ERR_INVALID;
    out->is_sentinel = true;
    return parse_tcp(rest, SENTINEL_PORT, out, why);
}

static enum err parse_url(struct span url, struct url *out, const char **why)
{
    if (span_starts_with(url, SPAN("sentinel://")))
        return parse_sentinel((struct span){url.p + 11, url.len - 11}, out, why);
    *why = "a user and a password are not for here: set cluster_user and cluster_password_file";
    if (url.len > 0 && memchr(url.p, '@', url.len))
        return ERR_INVALID;
    if (span_starts_with(url, SPAN("redis://")))
        return parse_tcp((struct span){url.p + 8, url.len - 8}, REDIS_PORT, out, why);
    if (span_starts_with(url, SPAN("unix://")))
        return parse_unix((struct span){url.p + 7, url.len - 7}, out, why);
    *why = span_starts_with(url, SPAN("rediss://"))
               ? "TLS is not spoken here: let stunnel take it, and name its listener by redis://"
               : FORMS;
    return ERR_INVALID;
}

/* The next word of a text with blanks and commas; empty at the end. */
static struct span next_word(struct span *rest)
{
    static const char between[] = " \t,";
    struct span word;

    while (rest->len > 0 && strchr(between, rest->p[0]))
        *rest = (struct span){rest->p + 1, rest->len - 1};
    word = (struct span){rest->p, 0};
    while (word.len < rest->len && !strchr(between, rest->p[word.len]))
        word.len++;
    *rest = (struct span){rest->p + word.len, rest->len - word.len};
    return word;
}

static enum err add_url(struct redis_urls *urls, struct span word, const char **why)
{
    struct url one = {.db = 0};

    *why = "more than 8 addresses";
    if (urls->count == REDIS_URLS_MAX || parse_url(word, &one, why))
        return ERR_INVALID;
    *why = "all addresses have the same number of a database";
    if (urls->count > 0 && one.db != urls->db)
        return ERR_INVALID;
    *why = "all addresses are sentinel://, or none is";
    if (urls->count > 0 && one.is_sentinel != urls->are_sentinels)
        return ERR_INVALID;
    urls->db = one.db;
    urls->are_sentinels = one.is_sentinel;
    urls->at[urls->count++] = one.address;
    return ERR_NONE;
}

enum err redis_urls_parse(struct span text, struct redis_urls *out, const char **why)
{
    struct redis_urls urls = {.count = 0};
    struct span rest = text, word;

    *why = "a control character is in it";
    if (text.len > 0 && memchr(text.p, '\0', text.len))
        return ERR_INVALID;
    while (rest.len > 0 && (word = next_word(&rest)).len > 0)
        if (add_url(&urls, word, why))
            return ERR_INVALID;
    *out = urls;
    return ERR_NONE;
}
