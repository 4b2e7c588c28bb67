/* SPDX-License-Identifier: MIT */
#include "fcgi-app/workers/relay_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/buf.h"
#include "common/limits/clock_watch.h"
#include "common/os/clock.h"
#include "common/text/json.h"

enum {
    CONNECT_TIMEOUT_MS = 1000,
    CALL_TIMEOUT_MS = 3000,
    CONNECTION_MAX_S = 5, /* then its name is resolved anew: the relay may have moved */
    FAULT_SIZE = 256,
    URL_SIZE = 512,
    ADDRESS_SIZE = 64,
    REPLY_MAX = 1024 * 1024,
};

struct relay_client {
    CURL *curl;
    struct curl_slist *headers;
    const struct snapshot *configured; /* compared only: it may be gone */
    char publish_url[URL_SIZE], online_url[URL_SIZE], revocations_url[URL_SIZE];
    char address[ADDRESS_SIZE]; /* of the relay that was called last */
    bool has_moved;
    int64_t ahead_s; /* the relay's clock */
    struct buf reply;
    char fault[FAULT_SIZE];
};

enum err relay_client_new(struct relay_client **out)
{
    struct relay_client *c = calloc(1, sizeof(*c));

    if (!c)
        return ERR_NO_MEMORY;
    buf_init(&c->reply, REPLY_MAX);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    c->curl = curl_easy_init();
    if (!c->curl) {
        relay_client_free(c);
        return ERR_NO_MEMORY;
    }
    *out = c;
    return ERR_NONE;
}

void relay_client_free(struct relay_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    curl_slist_free_all(c->headers);
    curl_global_cleanup();
    buf_deinit(&c->reply);
    free(c);
}

int64_t relay_client_ahead_s(const struct relay_client *c)
{
    return c->ahead_s;
}

bool relay_client_has_moved(const struct relay_client *c)
{
    return c->has_moved;
}

void relay_client_settle(struct relay_client *c)
{
    c->has_moved = false;
}

const char *relay_client_fault(const struct relay_client *c)
{
    return c->fault;
}

/* A reply that is too long ends the call. */
static size_t keep_reply(char *bytes, size_t size, size_t count, void *context)
{
    struct relay_client *c = context;

    return buf_append(&c->reply, (struct span){bytes, size * count}) ? 0 : size * count;
}

static enum err add_header(struct relay_client *c, const char *line)
{
    struct curl_slist *list = curl_slist_append(c->headers, line);

    if (!list)
        return ERR_NO_MEMORY;
    c->headers = list;
    return ERR_NONE;
}

static enum err set_headers(struct relay_client *c, struct span key)
{
    char line[KEY_MAX + 32];
    enum err e;

    curl_slist_free_all(c->headers);
    c->headers = NULL;
    (void)snprintf(line, sizeof(line), "Authorization: Bearer %.*s", SPAN_ARGS(key));
    e = add_header(c, line);
    if (!e)
        e = add_header(c, "Content-Type: application/json");
    /* No waiting for a 100 Continue */
    return e ? e : add_header(c, "Expect:");
}

static void set_relay_address(struct relay_client *c, const char *relay_url)
{
    bool is_unix = strncmp(relay_url, "unix:", 5) == 0;
    const char *base = is_unix ? "http://localhost" : relay_url;

    (void)snprintf(c->publish_url, sizeof(c->publish_url), "%s/publish", base);
    (void)snprintf(c->online_url, sizeof(c->online_url), "%s/online", base);
    (void)snprintf(c->revocations_url, sizeof(c->revocations_url), "%s/revocations", base);
    if (is_unix)
        (void)curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, relay_url + 5);
}

enum err relay_client_configure(struct relay_client *c, const struct snapshot *snapshot)
{
    enum err e;

    if (c->configured == snapshot)
        return ERR_NONE;
    c->configured = NULL;
    e = set_headers(c, snapshot->secrets.publish.keys[0]);
    if (e)
        return e;
    curl_easy_reset(c->curl);
    set_relay_address(c, snapshot->config->app.relay_url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    (void)curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)CALL_TIMEOUT_MS);
    (void)curl_easy_setopt(c->curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    (void)curl_easy_setopt(c->curl, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_MAX_S);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, keep_reply);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    c->configured = snapshot;
    return ERR_NONE;
}

static void describe_fault(struct relay_client *c, CURLcode code, long status)
{
    if (code != CURLE_OK)
        (void)snprintf(c->fault, sizeof(c->fault),
                       "the relay is unreachable (%s); rings wait until doorbell-relay runs and "
                       "listens at relay_url",
                       curl_easy_strerror(code));
    else if (status == 401)
        (void)snprintf(c->fault, sizeof(c->fault),
                       "the relay does not know our publish key; both programs need the same "
                       "publish_key_file");
    else if (status == 200)
        (void)snprintf(
            c->fault, sizeof(c->fault),
            "what listens at relay_url is no doorbell-relay; set relay_url to the relay's "
            "publish_listen");
    else
        (void)snprintf(c->fault, sizeof(c->fault),
                       "the relay does not take rings: HTTP status %ld; its log says why", status);
}

static void note_address(struct relay_client *c)
{
    const char *address = NULL;

    (void)curl_easy_getinfo(c->curl, CURLINFO_PRIMARY_IP, &address);
    if (!address || strcmp(address, c->address) == 0)
        return;
    c->has_moved = c->has_moved || c->address[0] != '\0';
    (void)snprintf(c->address, sizeof(c->address), "%s", address);
}

/* Of a reply to a call that began at `before_s`. */
static void note_clock(struct relay_client *c, int64_t before_s)
{
    struct curl_header *date;

    if (curl_easy_header(c->curl, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
        c->ahead_s = clock_watch_difference((int64_t)curl_getdate(date->value, NULL), before_s,
                                            clock_unix());
}

/* The HTTP status; 0 if there was none, or if it was no relay's: other servers say 200 to anything.
 */
static long post(struct relay_client *c, const char *url, struct span body)
{
    int64_t before_s = clock_unix();
    CURLcode code;
    long status = 0;

    buf_reset(&c->reply);
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
    (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    code = curl_easy_perform(c->curl);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && !json_check(buf_span(&c->reply))) {
        note_address(c);
        note_clock(c, before_s);
        return status;
    }
    describe_fault(c, code, status);
    return status == 200 ? 0 : status;
}

enum err relay_client_publish(struct relay_client *c, struct span body)
{
    long status = post(c, c->publish_url, body);

    if (status == 200)
        return ERR_NONE;
    return status == 400 || status == 413 ? ERR_INVALID : ERR_UNAVAILABLE;
}

/* Of calls that a relay of another version may not know. */
static enum err ask(struct relay_client *c, const char *url, struct span body, struct span *reply)
{
    long status = post(c, url, body);

    *reply = buf_span(&c->reply);
    if (status == 200)
        return ERR_NONE;
    return status == 400 || status == 404 || status == 405 || status == 413 ? ERR_INVALID
                                                                            : ERR_UNAVAILABLE;
}

enum err relay_client_ask(struct relay_client *c, struct span body, struct span *reply)
{
    return ask(c, c->online_url, body, reply);
}

enum err relay_client_revoke(struct relay_client *c, struct span body, struct span *reply)
{
    return ask(c, c->revocations_url, body, reply);
}
