/* SPDX-License-Identifier: MIT */
#include "relay/door.h"

#include <unistd.h>

#include "common/http/error.h"
#include "common/http/status.h"
#include "relay/page_socket.h"
#include "relay/peer.h"
#include "relay/polling.h"

static enum http_action refuse(struct core *core, struct http_response *res, int status,
                               const char *why)
{
    stats_count(&core->stats, COUNT_REFUSED_UPGRADES, 1);
    res->status = status;
    res->content_type = "application/json";
    error_encode(&res->body, status_code(status), why);
    return HTTP_REPLY;
}

/* Over WebSocket a bad token ends the session with a close code; an event stream has none to give,
 * so it does not begin. */
static int check_token(struct core *core, const char **why)
{
    struct span token = {core->admission.token, core->admission.token_len};
    struct token_claims claims;

    switch (login_check(&core->desk, token, core_now(core), &claims)) {
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

enum http_action door_on_request(void *ctx, struct http_request *req, struct http_response *res)
{
    struct core *core = ctx;
    const struct config *config = core->config;
    const char *why;
    int status;

    if (polling_owns(core, req->path))
        return polling_on_request(core, req, res);
    status = admit_request(req, &config->auth.origins, &core->admission, &why, &res->headers);

    /* No POST is read here, nor anything behind a refusal. */
    req->keeps_alive = false;
    if (status == 200)
        status = check_token(core, &why);
    if (status != 101)
        return refuse(core, res, status, why);
    core->arrival = peer_of_request(req, &config->relay.trusted_proxies);
    status = core_check_room(core, &why);
    if (status == 0)
        return HTTP_HANDOVER;
    res->headers = CORE_RETRY_AFTER;
    return refuse(core, res, status, why);
}

void door_on_handover(void *ctx, int fd)
{
    struct core *core = ctx;
    struct session *s;

    if (core->admission.protocol == &socketio_protocol) {
        page_socket_on_handover(core, fd);
        return;
    }
    s = core_new_session(core, core->admission.protocol);

    if (!s) {
        close(fd);
        return;
    }
    if (core->admission.protocol == &sse_protocol
            ? streams_adopt(core->streams, fd, s)
            : wire_adopt(core->wire, fd, core->admission.head, core->admission.head_len, s))
        return;
    core_free_session(core, s);
}

size_t door_body_max(void *ctx, const struct http_request *req)
{
    struct core *core = ctx;

    return polling_owns(core, req->path) ? polling_body_max(core, req) : 0;
}

void door_on_abandoned(void *ctx, void *waiter)
{
    polling_on_abandoned(ctx, waiter);
}
