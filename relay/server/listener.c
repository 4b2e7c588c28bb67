/* SPDX-License-Identifier: MIT */
#include "relay/server/listener.h"

#include "relay/access/handshake.h"
#include "relay/http/realip.h"
#include "relay/server/instant.h"

static const struct protocol *owner_of(const struct engine *e, struct span path)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (e->protocols[i].protocol->requests.owns(e->config, path))
            return e->protocols[i].protocol;
    return NULL;
}

static enum http_action open_connection(struct listener *l, struct http_request *req,
                                        struct http_response *res, const struct upgrade *upgrade)
{
    int fd = http_server_take(req->conn);
    struct conn *c;

    if (fd < 0) {
        req->keeps_alive = false;
        handshake_refuse(res, 400, "bytes after the request");
        return HTTP_REPLY;
    }
    c = upgrade->transport == TRANSPORT_SSE ? sse_open(l->sse, fd)
                                            : websocket_open(l->websockets, fd, upgrade);
    if (c && upgrade->protocol->open(l->engine, c, upgrade))
        c->transport->close(c, CLOSE_NORMAL, "");
    return HTTP_TAKEN;
}

static enum http_action serve(struct listener *l, const struct protocol *owner,
                              struct http_request *req, struct http_response *res)
{
    struct upgrade upgrade = {0};

    switch (owner->requests.answer(l->engine, req, res, &upgrade)) {
    case REQUEST_PARKED:
        return HTTP_PARK;
    case REQUEST_UPGRADES:
        return open_connection(l, req, res, &upgrade);
    default:
        return HTTP_REPLY;
    }
}

/* Finds out from where it comes, as far as that is known, and who may read the response. */
static void receive(struct listener *l, struct http_request *req, struct http_response *res)
{
    const struct config *config = l->engine->config;

    l->engine->now = instant_now();
    if (realip_is_hidden(req, &config->relay.trusted_proxies))
        metrics_count(&l->engine->metrics, COUNT_HIDDEN_ADDRESSES, 1);
    realip_resolve(req, &config->relay.trusted_proxies);
    handshake_share(req, handshake_origin(req, config), res);
}

enum http_action listener_on_request(void *ctx, struct http_request *req, struct http_response *res)
{
    struct listener *l = ctx;
    const struct protocol *owner = owner_of(l->engine, req->path);
    enum http_action action = HTTP_REPLY;

    receive(l, req, res);
    if (owner) {
        action = serve(l, owner, req, res);
    } else {
        req->keeps_alive = false;
        handshake_refuse(res, 404, "no such path");
    }
    if (action == HTTP_REPLY)
        metrics_count_refusal(&l->engine->metrics, res->status, res->why ? res->why : "other");
    return action;
}

void listener_on_refusal(void *ctx, struct http_request *req, struct http_response *res)
{
    struct listener *l = ctx;
    const struct protocol *owner;

    metrics_count_refusal(&l->engine->metrics, res->status, req ? "head or body" : "malformed");
    if (!req)
        return;
    owner = owner_of(l->engine, req->path);
    receive(l, req, res);
    if (owner && owner->requests.on_refusal)
        owner->requests.on_refusal(l->engine, req, res->status);
}

size_t listener_body_max(void *ctx, const struct http_request *req)
{
    struct listener *l = ctx;
    const struct protocol *owner = owner_of(l->engine, req->path);

    return owner ? owner->requests.body_max(l->engine, req) : 0;
}
