/* SPDX-License-Identifier: MIT */
#include "fcgi-app/server/relay_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 1000, CALL_TIMEOUT_MS = 3000, FAULT_SIZE = 256 };

struct relay_client {
    CURL *curl;
    struct curl_slist *headers;
    const struct snapshot *configured; /* compared only: it may be gone */
    char fault[FAULT_SIZE];
};

enum err relay_client_new(struct relay_client **out)
{
    struct relay_client *c = calloc(1, sizeof(*c));

    if (!c)
        return ERR_NO_MEMORY;
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
    free(c);
}

const char *relay_client_fault(const struct relay_client *c)
{
    return c->fault;
}

static size_t discard_reply(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
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

static void set_relay_address(CURL *curl, const char *relay_url)
{
    bool is_unix = strncmp(relay_url, "unix:", 5) == 0;
    char url[512];

    (void)snprintf(url, sizeof(url), "%s/publish", is_unix ? "http://localhost" : relay_url);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    if (is_unix)
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, relay_url + 5);
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
    set_relay_address(c->curl, snapshot->config->app.relay_url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    (void)curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)CALL_TIMEOUT_MS);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, discard_reply);
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
    else
        (void)snprintf(c->fault, sizeof(c->fault),
                       "the relay does not take rings: HTTP status %ld; its log says why", status);
}

enum err relay_client_post(struct relay_client *c, struct span body)
{
    CURLcode code;
    long status = 0;

    (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
    (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    code = curl_easy_perform(c->curl);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return ERR_NONE;
    if (status == 400 || status == 413)
        return ERR_INVALID;
    describe_fault(c, code, status);
    return ERR_UNAVAILABLE;
}
