/* SPDX-License-Identifier: MIT */
#include "relay/server/listener.h"

#include <unistd.h>

#include "common/http/error.h"
#include "common/http/status.h"
#include "relay/http/realip.h"
#include "relay/socketio/polling.h"
#include "relay/socketio/websocket.h"

static enum http_action refuse(struct engine *engine, struct http_response *res, int status,
                               const char *why)
{
    metrics_count(&engine->metrics, COUNT_REFUSED_UPGRADES, 1);
    res->status = status;
    res->content_type = "application/json";
    error_encode(&res->body, status_code(status), why);
    return HTTP_REPLY;
}

/* Over WebSocket a bad token ends the session with a close code; an event stream has none to give,
 * so it does not begin. */
static int check_token(struct engine *engine, const char **why)
{
    struct span token = {engine->admission.token, engine->admission.token_len};
    struct token_claims claims;

    switch (authenticator_check(&engine->authenticator, token, engine_now(engine), &claims)) {
    case 0:
        return 101;
    case CLOSE_KICKED:
        *why = "kicked";
        return 403;
    default:
        *why = "token not valid";
        return 401;
    }
}

enum http_action listener_on_request(void *ctx, struct http_request *req, struct http_response *res)
{
    struct engine *engine = ctx;
    const struct config *config = engine->config;
    const char *why;
    int status;

    if (polling_owns(engine, req->path))
        return polling_on_request(engine, req, res);
    status = handshake_request(req, &config->auth.origins, &engine->admission, &why, &res->headers);

    /* No POST is read here, nor anything behind a refusal. */
    req->keeps_alive = false;
    if (status == 200)
        status = check_token(engine, &why);
    if (status != 101)
        return refuse(engine, res, status, why);
    engine->arrival = realip_of_request(req, &config->relay.trusted_proxies);
    status = engine_check_room(engine, &why);
    if (status == 0)
        return HTTP_HANDOVER;
    res->headers = ENGINE_RETRY_AFTER;
    return refuse(engine, res, status, why);
}

void listener_on_handover(void *ctx, int fd)
{
    struct engine *engine = ctx;
    struct session *s;

    if (engine->admission.protocol == &socketio_protocol) {
        page_socket_on_handover(engine, fd);
        return;
    }
    s = engine_new_session(engine, engine->admission.protocol);

    if (!s) {
        close(fd);
        return;
    }
    if (engine->admission.protocol == &sse_protocol
            ? sse_adopt(engine->sse, fd, s)
            : websocket_adopt(engine->websockets, fd, engine->admission.head,
                              engine->admission.head_len, s))
        return;
    engine_free_session(engine, s);
}

size_t listener_body_max(void *ctx, const struct http_request *req)
{
    struct engine *engine = ctx;

    return polling_owns(engine, req->path) ? polling_body_max(engine, req) : 0;
}

void listener_on_abandoned(void *ctx, void *waiter)
{
    polling_on_abandoned(ctx, waiter);
}
