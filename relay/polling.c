/* SPDX-License-Identifier: MIT */
#include "relay/polling.h"

#include <stdio.h>

#include "common/security/origin.h"
#include "relay/page_socket.h"
#include "relay/peer.h"

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
static enum http_action refuse(struct core *core, struct http_request *req,
                               struct http_response *res, enum eio_fault fault)
{
    stats_count(&core->stats, COUNT_REFUSED_UPGRADES, 1);
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
static bool check_origin(struct core *core, const struct http_request *req,
                         struct http_response *res)
{
    struct span origin = http_header(req, SPAN("Origin"));

    res->headers = "";
    if (http_header_count(req, SPAN("Origin")) == 0)
        return true;
    if (origin.len > CORE_ORIGIN_MAX ||
        !origin_is_allowed(&core->config->auth.origins, origin, SPAN(""),
                           http_header(req, SPAN("Host"))))
        return false;
    snprintf(core->headers, sizeof(core->headers),
             "Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Allow-Credentials: true\r\n"
             "Vary: Origin\r\n%s",
             SPAN_ARGS(origin),
             req->method == HTTP_OPTIONS ? "Access-Control-Allow-Methods: GET, POST\r\n"
                                           "Access-Control-Allow-Headers: Content-Type\r\n"
                                           "Access-Control-Max-Age: 600\r\n"
                                         : "");
    res->headers = core->headers;
    return true;
}

static enum http_action poll(struct page *page, struct http_request *req, struct http_response *res)
{
    struct core *core = page->core;

    switch (eio_session_poll(&page->eio)) {
    case EIO_POLL_PENDING:
        break;
    case EIO_POLL_OVERLAP:
        page_flush(page);
        return refuse(core, req, res, EIO_BAD_REQUEST);
    case EIO_POLL_REFUSED:
        return refuse(core, req, res, EIO_BAD_REQUEST);
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
    struct core *core = page->core;

    if (page->session->state != SESSION_NEW)
        return;
    admit_cookie(req, &core->config->auth.origins, &core->admission);
    page_log_in_by_cookie(page);
}

static enum http_action post(struct page *page, struct http_request *req, struct http_response *res)
{
    struct core *core = page->core;
    struct eio_payload payload;
    struct eio_event event;
    bool is_bad;
    enum err e = eio_session_start_payload(&page->eio, http_header(req, SPAN("Content-Type")),
                                           req->body, req->content_length, &payload);

    log_in_by_post(page, req);
    if (!e) {
        session_heard(page->session, core->api.now);
        while (eio_session_hear_next(&page->eio, &payload, core->api.now.ms, &event))
            page_on_event(page, &event);
    }
    is_bad = e || (eio_session_is_over(&page->eio) && !page->eio.is_by_peer);
    page_flush(page);
    if (is_bad)
        return refuse(core, req, res, EIO_BAD_REQUEST);
    return answer_text(res, 200, "text/html", SPAN("ok"));
}

/* --- the transport of those who poll --- */

static void polling_kill(struct session *s)
{
    core_forget_session(s->page->core, s);
    page_end(s);
}

static void polling_close(struct session *s)
{
    /* What is yet to be told waits for the next poll, unless none can come any more. */
    s->is_transport_closing = true;
    if (eio_session_is_over(&s->page->eio) || s->page->core->drain_ends_ms)
        polling_kill(s);
}

/* It sends nothing: polls are answered, by page_flush(). */
static const struct transport polling_transport = {.close = polling_close, .kill = polling_kill};

static enum http_action open_by_polling(struct core *core, const struct eio_query *handshake,
                                        struct http_response *res)
{
    struct session *s = page_new_session(core, handshake);

    if (!s) {
        res->headers = CORE_RETRY_AFTER;
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

static enum http_action hand_over(struct core *core, struct page *upgrading,
                                  const struct eio_query *query, struct http_request *req,
                                  struct http_response *res)
{
    const char *why, *headers;

    if (admit_upgrade(req, &core->admission, &why, &headers) != 101)
        return refuse(core, req, res, EIO_BAD_REQUEST);
    page_socket_expect(core, upgrading, query);
    return HTTP_HANDOVER;
}

static enum http_action shake_hands(struct core *core, const struct eio_query *query,
                                    struct http_request *req, struct http_response *res)
{
    const char *why;
    int status;

    if (req->method != HTTP_GET)
        return refuse(core, req, res, EIO_BAD_METHOD);
    status = core_check_room(core, &why);
    if (status) {
        stats_count(&core->stats, COUNT_REFUSED_UPGRADES, 1);
        res->headers = CORE_RETRY_AFTER;
        return answer_text(res, status, "text/plain", span_of(why));
    }
    admit_cookie(req, &core->config->auth.origins, &core->admission);
    return query->transport == EIO_WEBSOCKET ? hand_over(core, NULL, query, req, res)
                                             : open_by_polling(core, query, res);
}

static enum http_action serve_page(struct page *page, const struct eio_query *query,
                                   struct http_request *req, struct http_response *res)
{
    bool is_polling = page->eio.transport == EIO_POLLING;

    if (query->transport == EIO_WEBSOCKET) {
        if (!is_polling || page->trial || req->method != HTTP_GET)
            return refuse(page->core, req, res, EIO_BAD_REQUEST);
        return hand_over(page->core, page, query, req, res);
    }
    if (!is_polling || (req->method != HTTP_GET && req->method != HTTP_POST))
        return refuse(page->core, req, res, EIO_BAD_REQUEST);
    return req->method == HTTP_GET ? poll(page, req, res) : post(page, req, res);
}

bool polling_owns(const struct core *core, struct span path)
{
    struct span own = span_of(core->config->relay.socketio_path);

    /* Old clients may leave the last slash away. */
    return span_equal(path, own) || span_equal(path, (struct span){own.p, own.len - 1});
}

enum http_action polling_on_request(struct core *core, struct http_request *req,
                                    struct http_response *res)
{
    struct eio_query query;
    enum eio_fault fault;
    struct page *page;

    core_now(core);
    if (!check_origin(core, req, res))
        return refuse(core, req, res, EIO_FORBIDDEN);
    if (req->method == HTTP_OPTIONS)
        return answer_text(res, 200, "text/plain", SPAN(""));
    if (eio_query_decode(req->query, &query, &fault))
        return refuse(core, req, res, fault);
    core->arrival = peer_of_request(req, &core->config->relay.trusted_proxies);
    if (query.sid.len == 0)
        return shake_hands(core, &query, req, res);
    page = page_find(core, query.sid);
    return page ? serve_page(page, &query, req, res) : refuse(core, req, res, EIO_UNKNOWN_SID);
}

size_t polling_body_max(const struct core *core, const struct http_request *req)
{
    struct eio_query query;
    enum eio_fault fault;

    if (req->method != HTTP_POST || eio_query_decode(req->query, &query, &fault))
        return 0;
    return page_find(core, query.sid) ? (size_t)core->config->relay.socketio_max_payload
                                      : UNKNOWN_BODY_MAX;
}

void polling_on_abandoned(struct core *core, void *waiter)
{
    struct page *page = waiter;

    core_now(core);
    page->poll = NULL;
    eio_session_lose_poll(&page->eio);
    page_flush(page);
}
