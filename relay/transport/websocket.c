/* SPDX-License-Identifier: MIT */
/* websocket.c - the fence around libwebsockets 4.1.6, whose traps are kept in here. It never
 * accepts or parses a client's request: it adopts a descriptor with a head that we composed. It
 * runs on our libev loop as a foreign one, so its timers need a nudge once a second, and its
 * validity timers, one sorted list, are off. Frames are written outside of its writeable callback,
 * which costs a third of it; what the kernel does not take it buffers, so we ask before each one.
 */
#include "relay/transport/websocket.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/os/log.h"
#include "relay/session/frame.h"

/* Enough for a pong in one piece; it is held for each session. */
enum { RX_BUFFER = 128, HEADER_POOL = 8 };

_Static_assert(FRAME_ROOM >= LWS_PRE, "libwebsockets writes its header before the payload");

struct websockets {
    struct lws_context *context;
    struct lws_vhost *vhost;
    const struct conn_events *events;
    void *ctx;
    struct websocket *opening; /* while websocket_open() runs, until the handshake is answered; */
    struct websocket *opened;  /* and from then on, unless it is gone already */
};

struct websocket {
    struct conn conn;
    struct lws *wsi;
    const char *close_reason; /* NULL: it is not closing */
    uint16_t close_code;
};

static struct websocket *websocket_of(struct conn *c)
{
    return (struct websocket *)c;
}

static void forget(struct websockets *w, struct lws *wsi, struct websocket *ws)
{
    lws_set_opaque_user_data(wsi, NULL);
    if (w->opened == ws)
        w->opened = NULL;
    w->events->on_gone(w->ctx, &ws->conn);
    free(ws);
}

static void establish(struct websockets *w, struct lws *wsi)
{
    w->opened = w->opening;
    w->opening = NULL;
    w->opened->wsi = wsi;
    lws_set_opaque_user_data(wsi, w->opened);
}

/* A non-zero return lets libwebsockets close the connection, by the reason set before. */
static int close_politely(struct websocket *ws)
{
    unsigned char reason[124];
    size_t len = strlen(ws->close_reason);

    if (len > sizeof(reason) - 1)
        len = sizeof(reason) - 1;
    memcpy(reason, ws->close_reason, len);
    lws_close_reason(ws->wsi, (enum lws_close_status)ws->close_code, reason, len);
    return -1;
}

static int on_writable(struct websockets *w, struct websocket *ws)
{
    if (ws->close_reason)
        return close_politely(ws);
    w->events->on_writable(w->ctx, &ws->conn);
    return 0;
}

static void on_piece(struct websockets *w, struct websocket *ws, struct span bytes)
{
    struct piece piece = {bytes, lws_frame_is_binary(ws->wsi) ? PIECE_BINARY : PIECE_TEXT,
                          lws_is_final_fragment(ws->wsi)};

    w->events->on_piece(w->ctx, &ws->conn, &piece);
}

static int on_event(struct websockets *w, struct websocket *ws, enum lws_callback_reasons reason,
                    struct span bytes)
{
    static const struct piece pong = {{NULL, 0}, PIECE_PONG, true};

    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        on_piece(w, ws, bytes);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        w->events->on_piece(w->ctx, &ws->conn, &pong);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(w, ws);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        forget(w, ws->wsi, ws);
        return 0;
    default:
        return 0;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct websockets *w = lws_context_user(lws_get_context(wsi));
    struct websocket *ws = w ? lws_get_opaque_user_data(wsi) : NULL;

    (void)user;
    if (ws)
        return on_event(w, ws, reason, (struct span){in, len});
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        establish(w, wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        /* Only heads of handshake.h come here, and they ask for nothing else. */
        return w->opening ? 0 : -1;
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

struct websockets *websocket_new(struct ev_loop *loop, const struct conn_events *events, void *ctx)
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

static enum send_result send_frame(struct conn *c, const struct frame *f)
{
    struct lws *wsi = websocket_of(c)->wsi;
    size_t len = frame_len(f);
    int n;

    if (lws_partial_buffered(wsi)) {
        lws_callback_on_writable(wsi);
        return SEND_BLOCKED;
    }
    n = lws_write(wsi, (unsigned char *)f->bytes.data + FRAME_ROOM, len, LWS_WRITE_TEXT);
    return n < (int)len ? SEND_DEAD : SEND_DONE;
}

static void close_websocket(struct conn *c, uint16_t code, const char *reason)
{
    struct websocket *ws = websocket_of(c);
    struct lws *wsi = ws->wsi;

    ws->close_code = code;
    ws->close_reason = reason;
    if (lws_partial_buffered(wsi)) {
        /* The close frame has to come after what is half written. */
        lws_callback_on_writable(wsi);
        return;
    }
    close_politely(ws);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void kill_websocket(struct conn *c)
{
    (void)shutdown(lws_get_socket_fd(websocket_of(c)->wsi), SHUT_RDWR);
}

static const struct transport websocket_transport = {send_frame, close_websocket, kill_websocket};

struct conn *websocket_open(struct websockets *w, int fd, const struct upgrade *upgrade)
{
    struct websocket *ws = calloc(1, sizeof(*ws));
    char head[HANDSHAKE_HEAD_MAX];
    struct lws *wsi;

    if (!ws) {
        close(fd);
        return NULL;
    }
    ws->conn.transport = &websocket_transport;
    w->opening = ws;
    wsi = lws_adopt_socket_vhost_readbuf(w->vhost, fd, head, handshake_compose_head(upgrade, head));
    if (!w->opening) {
        ws = w->opened;
        w->opened = NULL;
        return ws ? &ws->conn : NULL;
    }
    w->opening = NULL;
    free(ws);
    if (wsi)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    return NULL;
}
