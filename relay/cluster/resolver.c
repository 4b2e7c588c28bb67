/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getaddrinfo_a */
#include "relay/cluster/resolver.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct resolver_query {
    struct gaicb request;
    struct addrinfo hints;
    char host[];
};

static void free_query(struct resolver_query *q)
{
    if (q->request.ar_result)
        freeaddrinfo(q->request.ar_result);
    free(q);
}

struct resolver_query *resolver_ask(const char *host)
{
    size_t size = strlen(host) + 1;
    struct resolver_query *q = calloc(1, sizeof(*q) + size);
    struct gaicb *list[1];

    if (!q)
        return NULL;
    memcpy(q->host, host, size);
    q->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    q->request = (struct gaicb){.ar_name = q->host, .ar_request = &q->hints};
    list[0] = &q->request;
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
        return q;
    free(q);
    return NULL;
}

static size_t count_results(const struct addrinfo *a)
{
    size_t n = 0;

    for (; a; a = a->ai_next)
        n++;
    return n;
}

enum err resolver_take(struct resolver_query *q, size_t turn, char out[RESOLVER_TEXT_MAX])
{
    const struct addrinfo *a;
    int error = gai_error(&q->request);
    size_t count;

    if (error == EAI_INPROGRESS)
        return ERR_INCOMPLETE;
    a = q->request.ar_result;
    count = count_results(a);
    if (!error && count > 0) {
        for (turn %= count; turn > 0; turn--)
            a = a->ai_next;
        error =
            getnameinfo(a->ai_addr, a->ai_addrlen, out, RESOLVER_TEXT_MAX, NULL, 0, NI_NUMERICHOST);
    }
    free_query(q);
    return error || count == 0 ? ERR_UNAVAILABLE : ERR_NONE;
}

void resolver_cancel(struct resolver_query *q)
{
    if (!q)
        return;
    /* One that runs writes into its memory yet: that is left to it. */
    if (gai_cancel(&q->request) != EAI_NOTCANCELED)
        free_query(q);
}
