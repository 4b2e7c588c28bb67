/* SPDX-License-Identifier: MIT */
#include "relay/transport/websocket.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/os/log.h"

/* Enough for a pong in one piece; it is held for each session. */
enum { RX_BUFFER = 128, HEADER_POOL = 8 };

_Static_assert(FRAME_ROOM >= LWS_PRE, "libwebsockets writes its header before the payload");

struct websockets {
    struct lws_context *context;
    struct lws_vhost *vhost;
    const struct transport_events *events;
    void *ctx;
    struct session *adopting; /* while websocket_adopt() runs, until the session is open */
};

static void forget(struct websockets *w, struct lws *wsi, struct session *s)
{
    if (!s)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    s->carrier = NULL;
    w->events->on_gone(w->ctx, s);
}

static void open_session(struct websockets *w, struct lws *wsi)
{
    struct session *s = w->adopting;

    w->adopting = NULL;
    s->carrier = wsi;
    lws_set_opaque_user_data(wsi, s);
    w->events->on_open(w->ctx, s);
}

/* A code of 1012 or 1013 ends the process of a client of socket.io 1.x in node: its ws throws. */
static enum lws_close_status close_status_of(const struct session *s)
{
    if (s->page && (s->close_code == CLOSE_RESTART || s->close_code == CLOSE_LATER))
        return LWS_CLOSE_STATUS_GOINGAWAY;
    return (enum lws_close_status)s->close_code;
}

/* A non-zero return lets libwebsockets close the connection, by the reason set before. */
static int close_politely(struct lws *wsi, struct session *s)
{
    unsigned char reason[124];
    size_t len = strlen(s->close_reason);

    if (len > sizeof(reason) - 1)
        len = sizeof(reason) - 1;
    memcpy(reason, s->close_reason, len);
    lws_close_reason(wsi, close_status_of(s), reason, len);
    return -1;
}

static int on_writable(struct websockets *w, struct lws *wsi, struct session *s)
{
    if (s->state == SESSION_CLOSING)
        return s->is_transport_closing ? close_politely(wsi, s) : 0;
    w->events->on_writable(w->ctx, s);
    return 0;
}

static int on_session_event(struct websockets *w, struct lws *wsi, struct session *s,
                            enum lws_callback_reasons reason, const struct span *piece)
{
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        w->events->on_heard(w->ctx, s);
        w->events->on_piece(w->ctx, s, *piece, lws_frame_is_binary(wsi),
                            lws_is_final_fragment(wsi));
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        w->events->on_heard(w->ctx, s);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(w, wsi, s);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        forget(w, wsi, s);
        return 0;
    default:
        return 0;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct websockets *w = lws_context_user(lws_get_context(wsi));
    struct session *s = w ? lws_get_opaque_user_data(wsi) : NULL;
    struct span piece = {in, len};

    (void)user;
    if (s)
        return on_session_event(w, wsi, s, reason, &piece);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        open_session(w, wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        /* Only heads of admit.c come here, and they ask for nothing else. */
        return w->adopting ? 0 : -1;
    case LWS_CALLBACK_HTTP:
        return -1;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {"doorbell.v1", callback, 0, RX_BUFFER, 0, NULL, FRAME_MAX + LWS_PRE},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

/* Its validity timers are one sorted list, walked at every connect and pong: ours is one sweep. */
static const lws_retry_bo_t no_validity_timers = {
    .secs_since_valid_ping = 1,
    .secs_since_valid_hangup = 0,
};

static void log_line(int level, const char *line)
{
    (void)level;
    log_warn("libwebsockets: %s", line);
}

static struct lws_context *create_context(struct ev_loop *loop, struct websockets *w)
{
    void *loops[] = {loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .gid = -1,
        .uid = -1,
        .user = w,
        .max_http_header_pool = HEADER_POOL,
        .retry_and_idle_policy = &no_validity_timers,
    };

    lws_set_log_level(LLL_ERR, log_line);
    w->context = lws_create_context(&info);
    if (w->context)
        w->vhost = lws_create_vhost(w->context, &info);
    /* Later on it has only to say what peers do, and that as errors. */
    lws_set_log_level(0, NULL);
    return w->vhost ? w->context : NULL;
}

struct websockets *websocket_new(struct ev_loop *loop, const struct transport_events *events,
                                 void *ctx)
{
    struct websockets *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->events = events;
    w->ctx = ctx;
    if (create_context(loop, w))
        return w;
    log_error("libwebsockets does not start; is libwebsockets-evlib-ev installed?");
    websocket_free(w);
    return NULL;
}

void websocket_free(struct websockets *w)
{
    if (!w)
        return;
    if (w->context)
        lws_context_destroy(w->context);
    free(w);
}

void websocket_tick(struct websockets *w)
{
    lws_cancel_service(w->context);
}

bool websocket_adopt(struct websockets *w, int fd, const char *head, size_t head_len,
                     struct session *s)
{
    struct lws *wsi;

    s->transport = &websocket_transport;
    w->adopting = s;
    wsi = lws_adopt_socket_vhost_readbuf(w->vhost, fd, head, head_len);
    if (!w->adopting)
        return true;
    w->adopting = NULL;
    if (wsi)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    return false;
}

void websocket_move(struct session *from, struct session *to)
{
    to->transport = &websocket_transport;
    to->carrier = from->carrier;
    from->carrier = NULL;
    lws_set_opaque_user_data(to->carrier, to);
}

static enum send_result send_frame(struct session *s, const struct frame *f)
{
    struct lws *wsi = s->carrier;
    size_t len = frame_len(f);
    int n;

    if (lws_partial_buffered(wsi)) {
        lws_callback_on_writable(wsi);
        return SEND_BLOCKED;
    }
    n = lws_write(wsi, (unsigned char *)f->bytes.data + FRAME_ROOM, len, LWS_WRITE_TEXT);
    return n < (int)len ? SEND_DEAD : SEND_DONE;
}

static bool is_blocked(const struct session *s)
{
    return lws_partial_buffered(s->carrier);
}

static void close_session(struct session *s)
{
    struct lws *wsi = s->carrier;

    s->is_transport_closing = true;
    if (lws_partial_buffered(wsi)) {
        /* The close frame has to stand behind what is half written. */
        lws_callback_on_writable(wsi);
        return;
    }
    close_politely(wsi, s);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void kill_session(struct session *s)
{
    (void)shutdown(lws_get_socket_fd(s->carrier), SHUT_RDWR);
}

const struct transport websocket_transport = {send_frame, is_blocked, close_session, kill_session};
