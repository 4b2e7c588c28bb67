/* SPDX-License-Identifier: MIT */
#include "relay/socketio/polling.h"

#include <stdio.h>

#include "common/security/origin.h"
#include "relay/http/realip.h"
#include "relay/socketio/websocket.h"

enum { UNKNOWN_BODY_MAX = 4096 /* of a POST to a session that there is not */ };

static enum http_action answer_text(struct http_response *res, int status, const char *type,
                                    struct span text)
{
    res->status = status;
    res->content_type = type;
    if (buf_append(&res->body, text))
        buf_reset(&res->body);
    return HTTP_REPLY;
}

/* A browser cannot read the answer to a refused upgrade, people can. */
static enum http_action refuse(struct engine *engine, struct http_request *req,
                               struct http_response *res, enum eio_fault fault)
{
    metrics_count(&engine->metrics, COUNT_REFUSED_UPGRADES, 1);
    if (http_header_count(req, SPAN("Upgrade")) > 0) {
        req->keeps_alive = false;
        return answer_text(res, eio_fault_status(fault), "text/html",
                           span_of(eio_fault_message(fault)));
    }
    res->status = eio_fault_status(fault);
    res->content_type = "application/json";
    if (eio_fault_encode(fault, &res->body))
        buf_reset(&res->body);
    return HTTP_REPLY;
}

/* Lets in pages of our origins, and says so to their browsers. False: it is another's. */
static bool check_origin(struct engine *engine, const struct http_request *req,
                         struct http_response *res)
{
    struct span origin = http_header(req, SPAN("Origin"));

    res->headers = "";
    if (http_header_count(req, SPAN("Origin")) == 0)
        return true;
    if (origin.len > ENGINE_ORIGIN_MAX ||
        !origin_is_allowed(&engine->config->auth.origins, origin, SPAN(""),
                           http_header(req, SPAN("Host"))))
        return false;
    snprintf(engine->headers, sizeof(engine->headers),
             "Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Allow-Credentials: true\r\n"
             "Vary: Origin\r\n%s",
             SPAN_ARGS(origin),
             req->method == HTTP_OPTIONS ? "Access-Control-Allow-Methods: GET, POST\r\n"
                                           "Access-Control-Allow-Headers: Content-Type\r\n"
                                           "Access-Control-Max-Age: 600\r\n"
                                         : "");
    res->headers = engine->headers;
    return true;
}

static enum http_action poll(struct page *page, struct http_request *req, struct http_response *res)
{
    struct engine *engine = page->engine;

    switch (eio_session_poll(&page->eio)) {
    case EIO_POLL_PENDING:
        break;
    case EIO_POLL_OVERLAP:
        page_flush(page);
        return refuse(engine, req, res, EIO_BAD_REQUEST);
    case EIO_POLL_REFUSED:
        return refuse(engine, req, res, EIO_BAD_REQUEST);
    }
    if (!eio_session_owes_poll(&page->eio)) {
        page->poll = req->conn;
        req->waiter = page;
        return HTTP_PARK;
    }
    page_take_answer(page, res);
    page_flush(page);
    return HTTP_REPLY;
}

/* Over plain HTTP a browser says of no GET to its own site where it comes from: a POST is the first
 * that can vouch for the cookie. */
static void log_in_by_post(struct page *page, const struct http_request *req)
{
    struct engine *engine = page->engine;

    if (page->session->state != SESSION_NEW)
        return;
    handshake_cookie(req, &engine->config->auth.origins, &engine->admission);
    page_log_in_by_cookie(page);
}

static enum http_action post(struct page *page, struct http_request *req, struct http_response *res)
{
    struct engine *engine = page->engine;
    struct eio_payload payload;
    struct eio_event event;
    bool is_bad;
    enum err e = eio_session_start_payload(&page->eio, http_header(req, SPAN("Content-Type")),
                                           req->body, req->content_length, &payload);

    log_in_by_post(page, req);
    if (!e) {
        session_heard(page->session, engine->api.now);
        while (eio_session_hear_next(&page->eio, &payload, engine->api.now.ms, &event))
            page_on_event(page, &event);
    }
    is_bad = e || (eio_session_is_over(&page->eio) && !page->eio.is_by_peer);
    page_flush(page);
    if (is_bad)
        return refuse(engine, req, res, EIO_BAD_REQUEST);
    return answer_text(res, 200, "text/html", SPAN("ok"));
}

/* --- the transport of those who poll --- */

static void polling_kill(struct session *s)
{
    engine_forget_session(s->page->engine, s);
    page_end(s);
}

static void polling_close(struct session *s)
{
    /* What is yet to be told waits for the next poll, unless none can come any more. */
    s->is_transport_closing = true;
    if (eio_session_is_over(&s->page->eio) || s->page->engine->drain_ends_ms)
        polling_kill(s);
}

/* It sends nothing: polls are answered, by page_flush(). */
static const struct transport polling_transport = {.close = polling_close, .kill = polling_kill};

static enum http_action open_by_polling(struct engine *engine, const struct eio_query *handshake,
                                        struct http_response *res)
{
    struct session *s = page_new_session(engine, handshake);

    if (!s) {
        res->headers = ENGINE_RETRY_AFTER;
        return answer_text(res, 503, "text/plain", SPAN("out of memory"));
    }
    s->transport = &polling_transport;
    s->carrier = s->page;
    page_open(s);
    page_take_answer(s->page, res);
    page_flush(s->page);
    return HTTP_REPLY;
}

/* --- requests --- */

static enum http_action hand_over(struct engine *engine, struct page *upgrading,
                                  const struct eio_query *query, struct http_request *req,
                                  struct http_response *res)
{
    const char *why, *headers;

    if (handshake_upgrade(req, &engine->admission, &why, &headers) != 101)
        return refuse(engine, req, res, EIO_BAD_REQUEST);
    page_socket_expect(engine, upgrading, query);
    return HTTP_HANDOVER;
}

static enum http_action shake_hands(struct engine *engine, const struct eio_query *query,
                                    struct http_request *req, struct http_response *res)
{
    const char *why;
    int status;

    if (req->method != HTTP_GET)
        return refuse(engine, req, res, EIO_BAD_METHOD);
    status = engine_check_room(engine, &why);
    if (status) {
        metrics_count(&engine->metrics, COUNT_REFUSED_UPGRADES, 1);
        res->headers = ENGINE_RETRY_AFTER;
        return answer_text(res, status, "text/plain", span_of(why));
    }
    handshake_cookie(req, &engine->config->auth.origins, &engine->admission);
    return query->transport == EIO_WEBSOCKET ? hand_over(engine, NULL, query, req, res)
                                             : open_by_polling(engine, query, res);
}

static enum http_action serve_page(struct page *page, const struct eio_query *query,
                                   struct http_request *req, struct http_response *res)
{
    bool is_polling = page->eio.transport == EIO_POLLING;

    if (query->transport == EIO_WEBSOCKET) {
        if (!is_polling || page->trial || req->method != HTTP_GET)
            return refuse(page->engine, req, res, EIO_BAD_REQUEST);
        return hand_over(page->engine, page, query, req, res);
    }
    if (!is_polling || (req->method != HTTP_GET && req->method != HTTP_POST))
        return refuse(page->engine, req, res, EIO_BAD_REQUEST);
    return req->method == HTTP_GET ? poll(page, req, res) : post(page, req, res);
}

bool polling_owns(const struct engine *engine, struct span path)
{
    struct span own = span_of(engine->config->relay.socketio_path);

    /* Old clients may leave the last slash away. */
    return span_equal(path, own) || span_equal(path, (struct span){own.p, own.len - 1});
}

enum http_action polling_on_request(struct engine *engine, struct http_request *req,
                                    struct http_response *res)
{
    struct eio_query query;
    enum eio_fault fault;
    struct page *page;

    engine_now(engine);
    if (!check_origin(engine, req, res))
        return refuse(engine, req, res, EIO_FORBIDDEN);
    if (req->method == HTTP_OPTIONS)
        return answer_text(res, 200, "text/plain", SPAN(""));
    if (eio_query_decode(req->query, &query, &fault))
        return refuse(engine, req, res, fault);
    engine->arrival = realip_of_request(req, &engine->config->relay.trusted_proxies);
    if (query.sid.len == 0)
        return shake_hands(engine, &query, req, res);
    page = page_find(engine, query.sid);
    return page ? serve_page(page, &query, req, res) : refuse(engine, req, res, EIO_UNKNOWN_SID);
}

size_t polling_body_max(const struct engine *engine, const struct http_request *req)
{
    struct eio_query query;
    enum eio_fault fault;

    if (req->method != HTTP_POST || eio_query_decode(req->query, &query, &fault))
        return 0;
    return page_find(engine, query.sid) ? (size_t)engine->config->relay.socketio_max_payload
                                        : UNKNOWN_BODY_MAX;
}

void polling_on_abandoned(struct engine *engine, void *waiter)
{
    struct page *page = waiter;

    engine_now(engine);
    page->poll = NULL;
    eio_session_lose_poll(&page->eio);
    page_flush(page);
}
