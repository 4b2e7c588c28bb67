/* SPDX-License-Identifier: MIT */
/* polling.c - what each request of a socket.io client asks of its session. The origin is judged
 * first and once: a foreign page gets nothing, one of ours may read the answer, and only one of
 * ours may bring a cookie. Then the query says which session is meant, none by a handshake, and by
 * which transport. A GET with nothing to tell is parked; flush() of the session answers it. */
#include "relay/socketio/polling.h"

#include "relay/access/handshake.h"
#include "relay/socketio/session.h"

enum {
    UNKNOWN_BODY_MAX = 4096, /* of a POST to a session that there is not */
    ASKED_HEADERS_MAX = 512, /* names that a preflight asks for, all together */
};

/* A request that is being answered. */
struct asked {
    struct engine *engine;
    struct http_request *req;
    struct http_response *res;
    struct upgrade *upgrade;
    struct eio_query query;
    enum handshake_origin origin;
};

static enum request_outcome answer_text(struct asked *a, int status, const char *type,
                                        struct span text)
{
    a->res->status = status;
    a->res->content_type = type;
    if (buf_append(&a->res->body, text))
        buf_reset(&a->res->body);
    return REQUEST_ANSWERED;
}

/* A browser cannot read the answer to a refused upgrade, people can. */
static enum request_outcome refuse(struct asked *a, enum eio_fault fault)
{
    struct span ignored;

    a->res->why = eio_fault_message(fault);
    if (http_find_header(a->req, SPAN("Upgrade"), &ignored) != ERR_NOT_FOUND) {
        a->req->keeps_alive = false;
        return answer_text(a, eio_fault_status(fault), "text/html",
                           span_of(eio_fault_message(fault)));
    }
    a->res->status = eio_fault_status(fault);
    a->res->content_type = "application/json";
    if (eio_fault_encode(fault, &a->res->body))
        buf_reset(&a->res->body);
    return REQUEST_ANSWERED;
}

static enum request_outcome refuse_switched_off(struct asked *a, struct span why)
{
    a->req->keeps_alive = false;
    return answer_text(a, 404, "text/plain", why);
}

static enum request_outcome refuse_for_room(struct asked *a, int status, const char *why)
{
    http_add_lines(a->res, "%s", ENGINE_RETRY_AFTER);
    return answer_text(a, status, "text/plain", span_of(why));
}

/* Of a page of ours, which may send what headers it likes: identity is in none of them. */
static enum request_outcome answer_preflight(struct asked *a)
{
    struct span asked = http_header(a->req, SPAN("Access-Control-Request-Headers"));

    if (asked.len == 0 || asked.len > ASKED_HEADERS_MAX)
        asked = SPAN("Content-Type");
    http_add_lines(
        a->res,
        "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Headers: %.*s\r\n"
        "Access-Control-Max-Age: 600\r\n",
        SPAN_ARGS(asked));
    return answer_text(a, 200, "text/plain", SPAN(""));
}

/* The token of a page of our own; empty: there is none, or it is no proof. */
static struct span proven_token(const struct asked *a)
{
    struct span token = handshake_token(a->req);
    bool is_proof = handshake_is_vouched_for(a->req, a->engine->config, a->origin);

    return is_proof && token.len <= TOKEN_MAX ? token : SPAN("");
}

/* --- of a session --- */

static void on_abandoned(void *ctx)
{
    struct socketio_session *ss = ctx;

    ss->poll = NULL;
    eio_session_lose_poll(&ss->eio);
    engine_mark_dirty(ss->engine, &ss->base);
}

static enum request_outcome poll_session(struct asked *a, struct socketio_session *ss)
{
    enum eio_poll poll = eio_session_poll(&ss->eio);

    engine_mark_dirty(a->engine, &ss->base);
    if (poll != EIO_POLL_PENDING)
        return refuse(a, EIO_BAD_REQUEST);
    if (!eio_session_owes_poll(&ss->eio)) {
        ss->poll = a->req->conn;
        a->req->waiter = (struct http_waiter){on_abandoned, ss};
        return REQUEST_PARKED;
    }
    socketio_session_take_answer(ss, a->res);
    return REQUEST_ANSWERED;
}

static void hear(struct engine *e, struct socketio_session *ss, struct eio_payload *payload)
{
    struct eio_event event;

    while (eio_session_hear_next(&ss->eio, payload, e->now.ms, &event))
        socketio_session_on_event(ss, &event);
}

static enum request_outcome post(struct asked *a, struct socketio_session *ss)
{
    struct eio_payload payload;
    struct http_request *req = a->req;
    enum err error = eio_session_start_payload(&ss->eio, http_header(req, SPAN("Content-Type")),
                                               req->body, req->content_length, &payload);

    /* Over plain HTTP a browser says of no GET to its own site where it comes from: a POST is the
     * first that can vouch for the cookie. */
    if (ss->base.state == SESSION_NEW)
        socketio_session_log_in(ss, proven_token(a));
    if (!error)
        hear(a->engine, ss, &payload);
    engine_mark_dirty(a->engine, &ss->base);
    if (error || (eio_session_is_over(&ss->eio) && !ss->eio.is_by_peer))
        return refuse(a, EIO_BAD_REQUEST);
    return answer_text(a, 200, "text/html", SPAN("ok"));
}

static enum request_outcome hand_over(struct asked *a)
{
    const char *why, *ignored;

    a->upgrade->protocol = &socketio_protocol;
    return handshake_upgrade(a->req, a->upgrade, &why, &ignored) ? refuse(a, EIO_BAD_REQUEST)
                                                                 : REQUEST_UPGRADES;
}

static enum request_outcome serve_session(struct asked *a, struct socketio_session *ss)
{
    enum http_method method = a->req->method;

    if ((a->query.revision == 4) != (ss->eio.client.revision == 4))
        return refuse(a, EIO_BAD_REQUEST);
    /* One that has nothing to upgrade is opened, and closed then. */
    if (a->query.transport == EIO_WEBSOCKET)
        return method == HTTP_GET ? hand_over(a) : refuse(a, EIO_BAD_REQUEST);
    if (ss->eio.transport != EIO_POLLING)
        return refuse(a, EIO_BAD_REQUEST);
    switch (method) {
    case HTTP_GET:
        return poll_session(a, ss);
    case HTTP_POST:
        return post(a, ss);
    default:
        return refuse(a, EIO_BAD_REQUEST);
    }
}

/* --- of a new session --- */

static enum request_outcome open_by_polling(struct asked *a)
{
    struct socketio_session *ss = socketio_session_open(a->engine, &a->query, a->upgrade, NULL);

    if (!ss)
        return refuse_for_room(a, 503, "out of memory");
    socketio_session_take_answer(ss, a->res);
    return REQUEST_ANSWERED;
}

static enum request_outcome shake_hands(struct asked *a)
{
    struct engine *e = a->engine;
    struct newcomer who = {.peer = a->req->peer};
    const char *why;
    int status;

    if (a->req->method != HTTP_GET)
        return refuse(a, EIO_BAD_METHOD);
    authenticator_check(&e->authenticator, handshake_token(a->req), e->now, &a->upgrade->verdict);
    a->upgrade->peer = who.peer;
    a->upgrade->token = proven_token(a);
    /* Whose room it takes its cookie says even where that is no proof of who asks: it is to log in
     * soon, unless it may stay as it is. */
    if (a->upgrade->token.len > 0 || !e->config->relay.legacy_anonymous)
        who.user = verdict_user(&a->upgrade->verdict);
    status = engine_check_room(e, &who, &why);
    if (status)
        return refuse_for_room(a, status, why);
    return a->query.transport == EIO_POLLING ? open_by_polling(a) : hand_over(a);
}

/* --- all of them --- */

bool polling_owns(const struct config *config, struct span path)
{
    struct span own = span_of(config->relay.socketio_path);

    if (own.len == 0)
        return false;
    /* Old clients may leave the last slash away. */
    return span_equal(path, own) || span_equal(path, (struct span){own.p, own.len - 1});
}

size_t polling_body_max(struct engine *e, const struct http_request *req)
{
    struct eio_query query;
    enum eio_fault fault;

    if (req->method != HTTP_POST || eio_query_decode(req->query, &query, &fault))
        return 0;
    return socketio_session_find(e, query.sid) ? (size_t)e->config->relay.socketio_max_payload
                                               : UNKNOWN_BODY_MAX;
}

/* The session that the query names, if it is the asker's own. */
static struct socketio_session *find_own(struct engine *e, const struct http_request *req,
                                         struct span sid)
{
    struct socketio_session *ss = socketio_session_find(e, sid);

    return ss && socketio_session_is_of(ss, handshake_token(req), &req->peer) ? ss : NULL;
}

void polling_on_refusal(struct engine *e, const struct http_request *req, int status)
{
    struct socketio_session *ss;
    struct eio_query query;
    enum eio_fault fault;

    if (status != 413 || eio_query_decode(req->query, &query, &fault))
        return;
    ss = find_own(e, req, query.sid);
    if (!ss)
        return;
    eio_session_refuse_payload(&ss->eio);
    engine_mark_dirty(e, &ss->base);
}

enum request_outcome polling_answer(struct engine *e, struct http_request *req,
                                    struct http_response *res, struct upgrade *upgrade)
{
    struct asked a = {.engine = e, .req = req, .res = res, .upgrade = upgrade};
    struct socketio_session *ss;
    enum eio_fault fault;

    a.origin = handshake_origin(req, e->config);
    if (a.origin == ORIGIN_FOREIGN)
        return refuse(&a, EIO_FORBIDDEN);
    if (!e->config->relay.socketio)
        return refuse_switched_off(
            &a, SPAN("socket.io is off; to serve it, set [relay] socketio = yes\n"));
    if (req->method == HTTP_OPTIONS)
        return answer_preflight(&a);
    if (eio_query_decode(req->query, &a.query, &fault))
        return refuse(&a, fault);
    if (a.query.jsonp >= 0 && !e->config->relay.socketio_jsonp)
        return refuse_switched_off(
            &a, SPAN("JSONP is off; to serve it, set [relay] socketio_jsonp = yes\n"));
    if (a.query.sid.len == 0)
        return shake_hands(&a);
    ss = find_own(e, req, a.query.sid);
    return ss ? serve_session(&a, ss) : refuse(&a, EIO_UNKNOWN_SID);
}
