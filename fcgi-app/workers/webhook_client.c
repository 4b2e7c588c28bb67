/* SPDX-License-Identifier: MIT */
/* Each address is looked at when it is connected to, after the name was resolved: what a name says
 * is whoever's that has it, and may be another thing the next time. */
#include "fcgi-app/workers/webhook_client.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/os/clock.h"
#include "fcgi-app/webhooks/address.h"
#include "fcgi-app/webhooks/signature.h"

enum {
    FAULT_SIZE = 256,
    GRACE_MS = 5000, /* that a stop leaves the call under way; well within DRAIN_MS of main.c */
    GONE = 410,      /* RFC 9110 15.5.11 */
};

struct webhook_client {
    CURL *curl;
    struct hmac_key *key;
    const struct snapshot *configured;
    bool has_refused, has_opened; /* an address, during the last call */
    bool was_silent;
    atomic_bool is_stopped;
    int64_t leave_ms; /* once the call under way has seen the stop; 0 before */
    char fault[FAULT_SIZE];
};

enum err webhook_client_new(struct webhook_client **out)
{
    struct webhook_client *c = calloc(1, sizeof(*c));

    if (!c)
        return ERR_NO_MEMORY;
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    *out = c;
    return ERR_NONE;
}

void webhook_client_free(struct webhook_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    curl_global_cleanup();
    hmac_key_free(c->key);
    free(c);
}

void webhook_client_stop(struct webhook_client *c)
{
    atomic_store(&c->is_stopped, true);
}

bool webhook_client_was_silent(const struct webhook_client *c)
{
    return c->was_silent;
}

const char *webhook_client_fault(const struct webhook_client *c)
{
    return c->fault;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct webhook_client *c = context;
    struct ip ip = ip_of_sockaddr(&a->addr);

    if (purpose != CURLSOCKTYPE_IPCXN ||
        !address_is_allowed(&ip, &c->configured->config->app.webhook_networks)) {
        c->has_refused = true;
        return CURL_SOCKET_BAD;
    }
    c->has_opened = true;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* What a site has to say beyond the status is nothing to us. */
static size_t pass_by(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

/* Which curl asks for once a second at least. */
static int must_leave(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                      curl_off_t up)
{
    struct webhook_client *c = context;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (!atomic_load(&c->is_stopped))
        return 0;
    if (c->leave_ms == 0)
        c->leave_ms = clock_ms() + GRACE_MS;
    return clock_ms() >= c->leave_ms;
}

static void set_rules(struct webhook_client *c, const struct config_app *app)
{
    (void)curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    (void)curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR,
                           app->webhook_http ? "http,https" : "https");
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)app->webhook_timeout_ms);
    (void)curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETDATA, c);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, pass_by);
    (void)curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, must_leave);
    (void)curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
    if (app->webhook_ca_file[0])
        (void)curl_easy_setopt(c->curl, CURLOPT_CAINFO, app->webhook_ca_file);
}

enum err webhook_client_configure(struct webhook_client *c, const struct snapshot *snapshot)
{
    enum err e;

    if (c->configured == snapshot)
        return ERR_NONE;
    hmac_key_free(c->key);
    c->key = NULL;
    c->configured = NULL;
    e = hmac_key_new(snapshot->secrets.webhook.keys[0], &c->key);
    if (e)
        return e;
    curl_easy_cleanup(c->curl); /* also what stayed connected to an address of the rules before */
    c->curl = curl_easy_init();
    if (!c->curl)
        return ERR_NO_MEMORY;
    set_rules(c, &snapshot->config->app);
    c->configured = snapshot;
    return ERR_NONE;
}

/* curl has one code for what set_rules() forbids and for an answer that it cannot read. */
static bool is_forbidden(const struct webhook_client *c, const char *url)
{
    return !c->configured->config->app.webhook_http &&
           !span_starts_with(span_of(url), SPAN("https:"));
}

static enum err describe(struct webhook_client *c, const char *url, CURLcode code, long status)
{
    if (c->has_refused && !c->has_opened)
        (void)snprintf(c->fault, FAULT_SIZE,
                       "the address is not a public one: add its network to [app] "
                       "webhook_networks if it is the site's own");
    else if (code == CURLE_UNSUPPORTED_PROTOCOL && is_forbidden(c, url))
        (void)snprintf(c->fault, FAULT_SIZE,
                       "the webhook is not https: change it, or set [app] webhook_http = yes");
    else if (code == CURLE_UNSUPPORTED_PROTOCOL)
        (void)snprintf(c->fault, FAULT_SIZE,
                       "the answer is not HTTP: see what listens at the webhook's host and port");
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        (void)snprintf(c->fault, FAULT_SIZE, "doorbell-app stopped before the site had answered");
    else if (code != CURLE_OK)
        (void)snprintf(c->fault, FAULT_SIZE, "%s", curl_easy_strerror(code));
    else if (status >= 300 && status < 400)
        (void)snprintf(
            c->fault, FAULT_SIZE,
            "HTTP status %ld: redirects are not followed; set the webhook to the address "
            "that it leads to",
            status);
    else
        (void)snprintf(c->fault, FAULT_SIZE, "HTTP status %ld", status);
    return code == CURLE_OK && status == GONE ? ERR_INVALID : ERR_UNAVAILABLE;
}

static enum err post(struct webhook_client *c, const char *url, struct span body,
                     const struct curl_slist *headers)
{
    CURLcode code;
    long status = 0;

    c->has_refused = c->has_opened = false;
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
    (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    code = curl_easy_perform(c->curl);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    c->was_silent = code != CURLE_OK && code != CURLE_ABORTED_BY_CALLBACK;
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300 ? ERR_NONE : describe(c, url, code, status);
}

static enum err add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    if (!longer)
        return ERR_NO_MEMORY;
    *headers = longer;
    return ERR_NONE;
}

enum err webhook_client_call(struct webhook_client *c, const char *url, struct span body)
{
    char signature[SIGNATURE_SIZE], line[SIGNATURE_SIZE + 32];
    struct curl_slist *headers = NULL;
    enum err e = signature_write(c->key, clock_unix(), body, signature);

    if (e)
        return e;
    (void)snprintf(line, sizeof(line), "X-Doorbell-Signature: %s", signature);
    e = add_header(&headers, line);
    if (!e)
        e = add_header(&headers, "Content-Type: application/json");
    if (!e)
        e = add_header(&headers, "User-Agent: Doorbell");
    if (!e)
        e = add_header(&headers, "Expect:"); /* no waiting for a 100 Continue */
    if (!e)
        e = post(c, url, body, headers);
    curl_slist_free_all(headers);
    return e;
}
