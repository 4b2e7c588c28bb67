/* SPDX-License-Identifier: MIT */
/* websocket.c - the fence around libwebsockets 4.1.6, whose traps are kept in here. It never
 * accepts or reads what a client sends: it adopts a descriptor with a head that we composed, and
 * then has its flow control on for good, while frames are read by ws_decoder.h. It takes unmasked
 * ones, forgets a ping while another waits for its pong, and goes on after a close. It runs on our
 * libev loop as a foreign one, so its timers need a nudge once a second, and its validity timers,
 * one sorted list, are off. Frames go straight to the socket, without it; what of one the kernel
 * does not take it keeps and writes later, so we ask before the next one. */
#include "relay/transport/websocket.h"

#include <errno.h>
#include <ev.h>
#include <libwebsockets.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/os/log.h"
#include "relay/http/ws_decoder.h"
#include "relay/session/frame.h"

/* The first is held for each session, and not needed. */
enum { RX_BUFFER = 1, HEADER_POOL = 8, READ_SIZE = 16 * 1024, CLOSE_TIMEOUT_S = 5 };

/* First bytes of frames (RFC 6455 5.2), which are written whole here. */
enum { FRAME_TEXT = 0x81, FRAME_CLOSE = 0x88, FRAME_PONG = 0x8a };

_Static_assert(FRAME_ROOM >= LWS_PRE,
               "a head goes before the payload, and takes less than LWS_PRE");

struct websockets {
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct ev_loop *loop;
    const struct conn_events *events;
    void *ctx;
    struct websocket *opening; /* while websocket_open() runs, until the handshake is answered; */
    struct websocket *opened;  /* and from then on, unless it is gone already */
    char chunk[READ_SIZE];
};

/* What is half read, half written or on its way to the end. Few connections have any at a time. */
struct unfinished {
    struct ws_decoder decoder;
    const char *close_reason; /* NULL: it is not closing */
    uint16_t close_code;
    bool has_told_close;
    bool has_backlog; /* libwebsockets holds bytes, or did, that the socket has not taken */
    bool has_pong;
    uint8_t pong_len;
    char pong[WS_CONTROL_MAX];
};

struct websocket {
    struct conn conn;
    ev_io io; /* its data is the owner */
    struct lws *wsi;
    struct unfinished *unfinished; /* owned; NULL: nothing is */
};

static struct websocket *websocket_of(struct conn *c)
{
    return (struct websocket *)c;
}

static struct websocket *websocket_of_io(ev_io *io)
{
    return (struct websocket *)(void *)((char *)io - offsetof(struct websocket, io));
}

static struct websockets *owner_of(const struct websocket *ws)
{
    return ws->io.data;
}

/* NULL: out of memory. */
static struct unfinished *get_unfinished(struct websocket *ws)
{
    if (!ws->unfinished)
        ws->unfinished = calloc(1, sizeof(*ws->unfinished));
    return ws->unfinished;
}

/* The struct of libwebsockets is not looked at, and so not fetched, while nothing waits in it. */
static bool is_blocked(struct websocket *ws)
{
    struct unfinished *u = ws->unfinished;

    if (u && u->has_backlog)
        u->has_backlog = lws_partial_buffered(ws->wsi);
    return u && u->has_backlog;
}

static void drop_finished(struct websocket *ws)
{
    struct unfinished *u = ws->unfinished;

    if (!u || u->close_reason || u->has_pong || is_blocked(ws) ||
        !ws_decoder_is_between_messages(&u->decoder))
        return;
    free(u);
    ws->unfinished = NULL;
}

static void forget(struct websockets *w, struct lws *wsi, struct websocket *ws)
{
    lws_set_opaque_user_data(wsi, NULL);
    ev_io_stop(w->loop, &ws->io);
    if (w->opened == ws)
        w->opened = NULL;
    w->events->on_gone(w->ctx, &ws->conn);
    if (ws->unfinished)
        ws_decoder_deinit(&ws->unfinished->decoder);
    free(ws->unfinished);
    free(ws);
}

/* --- out --- */

static void kill_websocket(struct conn *c)
{
    (void)shutdown(lws_get_socket_fd(websocket_of(c)->wsi), SHUT_RDWR);
}

/* After libwebsockets wrote. A frame must not overtake what it holds. */
static void note_backlog(struct websocket *ws)
{
    if (!lws_partial_buffered(ws->wsi))
        return;
    if (get_unfinished(ws))
        ws->unfinished->has_backlog = true;
    else
        kill_websocket(&ws->conn);
}

/* The socket takes it, or libwebsockets keeps what is left. */
static int write_raw(struct websocket *ws, unsigned char *bytes, size_t len)
{
    int n = lws_write(ws->wsi, bytes, len, LWS_WRITE_RAW);

    note_backlog(ws);
    return n;
}

static void write_control(struct websocket *ws, uint8_t first, struct span payload)
{
    unsigned char bytes[LWS_PRE + 2 + WS_CONTROL_MAX] = {0};
    unsigned char *frame = bytes + LWS_PRE;

    frame[0] = first;
    frame[1] = (unsigned char)payload.len;
    if (payload.len > 0)
        memcpy(frame + 2, payload.p, payload.len);
    (void)write_raw(ws, frame, 2 + payload.len);
}

static void write_close(struct websocket *ws, uint16_t code, const char *reason)
{
    char payload[WS_CONTROL_MAX] = {(char)(code >> 8), (char)(code & 255)};
    size_t len = strnlen(reason, sizeof(payload) - 2);

    memcpy(payload + 2, reason, len);
    write_control(ws, FRAME_CLOSE, (struct span){payload, code == WS_CODE_NONE ? 0 : 2 + len});
}

static bool has_told_close(const struct websocket *ws)
{
    return ws->unfinished && ws->unfinished->has_told_close;
}

/* The client answers by a close of its own, or ends, or is cut off. A close() here, with bytes of
 * its own unread, would reset the connection, and the frame might be lost with it. */
static void tell_close(struct websocket *ws)
{
    ws->unfinished->has_told_close = true;
    write_close(ws, ws->unfinished->close_code, ws->unfinished->close_reason);
    if (!is_blocked(ws))
        (void)shutdown(lws_get_socket_fd(ws->wsi), SHUT_WR);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_CLOSE_ACK, CLOSE_TIMEOUT_S);
}

/* What is half written goes out first. The connection may be gone on return. */
static void end_websocket(struct websocket *ws)
{
    ev_io_stop(owner_of(ws)->loop, &ws->io);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* RFC 6455 5.5.3: only the last of several pings needs a pong, where they cannot go out at once. */
static void answer_ping(struct websocket *ws, struct span payload)
{
    struct unfinished *u;

    if (has_told_close(ws))
        return;
    if (!is_blocked(ws)) {
        write_control(ws, FRAME_PONG, payload);
        return;
    }
    if (!(u = get_unfinished(ws)))
        return;
    u->has_pong = true;
    u->pong_len = (uint8_t)payload.len;
    if (payload.len > 0)
        memmove(u->pong, payload.p, payload.len);
    lws_callback_on_writable(ws->wsi);
}

static void answer_late(struct websocket *ws)
{
    struct unfinished *u = ws->unfinished;

    if (!u || !u->has_pong)
        return;
    u->has_pong = false;
    answer_ping(ws, (struct span){u->pong, u->pong_len});
}

static void on_writable(struct websockets *w, struct websocket *ws)
{
    answer_late(ws);
    drop_finished(ws);
    if (!ws->unfinished || !ws->unfinished->close_reason)
        w->events->on_writable(w->ctx, &ws->conn);
    else if (!has_told_close(ws))
        tell_close(ws);
}

/* --- in --- */

/* False: nothing counts any more, and the connection may be gone. */
static bool hear(struct websocket *ws, const struct ws_event *event)
{
    struct websockets *w = owner_of(ws);
    struct piece piece = {event->bytes, event->is_binary ? PIECE_BINARY : PIECE_TEXT,
                          event->is_last};

    switch (event->type) {
    case WS_EVENT_PING:
        answer_ping(ws, event->bytes);
        return true;
    case WS_EVENT_PONG:
        piece = (struct piece){{NULL, 0}, PIECE_PONG, true};
        w->events->on_piece(w->ctx, &ws->conn, &piece);
        return true;
    case WS_EVENT_DATA:
        w->events->on_piece(w->ctx, &ws->conn, &piece);
        return true;
    default:
        break;
    }
    if (!has_told_close(ws) && !is_blocked(ws))
        write_close(ws, event->code,
                    event->type == WS_EVENT_BROKEN ? "WebSocket protocol broken" : "");
    end_websocket(ws);
    return false;
}

/* Most reads end where a message does, and leave nothing to be kept until the next one. */
static struct ws_decoder take_decoder(struct websocket *ws)
{
    struct ws_decoder d = {0};

    if (!ws->unfinished)
        return d;
    d = ws->unfinished->decoder;
    ws->unfinished->decoder = (struct ws_decoder){0};
    drop_finished(ws);
    return d;
}

static void keep_decoder(struct websocket *ws, struct ws_decoder *d)
{
    if (ws_decoder_is_between_messages(d))
        return;
    if (get_unfinished(ws)) {
        ws->unfinished->decoder = *d;
        return;
    }
    ws_decoder_deinit(d);
    end_websocket(ws);
}

static void read_frames(struct websocket *ws, struct span in)
{
    struct ws_decoder d = take_decoder(ws);
    struct ws_event event;

    while (ws_decode(&d, &in, &event)) {
        if (!hear(ws, &event)) {
            ws_decoder_deinit(&d);
            return;
        }
    }
    keep_decoder(ws, &d);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    struct websocket *ws = websocket_of_io(io);
    char *chunk = owner_of(ws)->chunk;
    ssize_t n = recv(io->fd, chunk, READ_SIZE, 0);

    (void)loop;
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        end_websocket(ws);
        return;
    }
    read_frames(ws, (struct span){chunk, (size_t)n});
}

/* --- what libwebsockets calls --- */

static void establish(struct websockets *w, struct lws *wsi)
{
    w->opened = w->opening;
    w->opening = NULL;
    w->opened->wsi = wsi;
    lws_set_opaque_user_data(wsi, w->opened);
}

static void on_event(struct websockets *w, struct websocket *ws, enum lws_callback_reasons reason)
{
    switch (reason) {
    case LWS_CALLBACK_SERVER_WRITEABLE:
        on_writable(w, ws);
        return;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        forget(w, ws->wsi, ws);
        return;
    default:
        return;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct websockets *w = lws_context_user(lws_get_context(wsi));
    struct websocket *ws = w ? lws_get_opaque_user_data(wsi) : NULL;

    (void)user;
    (void)in;
    (void)len;
    if (ws) {
        on_event(w, ws, reason);
        return 0;
    }
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
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
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
    w->loop = loop;
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

/* RFC 6455 5.2: the frame with its head, final and unmasked, which goes into the room before it. */
static struct span put_head(const struct frame *f)
{
    size_t len = frame_len(f), size = len < 126 ? 2 : len <= UINT16_MAX ? 4 : 10;
    char *head = f->bytes.data + FRAME_ROOM - size;

    head[0] = (char)FRAME_TEXT;
    head[1] = (char)(size == 2 ? len : size == 4 ? 126 : 127);
    for (size_t i = 2; i < size; i++)
        head[i] = (char)(len >> 8 * (size - 1 - i));
    return (struct span){head, size + len};
}

/* Straight to the socket. Only what that took in part is libwebsockets' to finish. */
static enum send_result send_frame(struct conn *c, const struct frame *f)
{
    struct websocket *ws = websocket_of(c);
    struct span out = put_head(f);
    ssize_t n = is_blocked(ws) ? 0 : send(ws->io.fd, out.p, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n == (ssize_t)out.len)
        return SEND_DONE;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return SEND_DEAD;
    if (n <= 0) {
        lws_callback_on_writable(ws->wsi);
        return SEND_BLOCKED;
    }
    return write_raw(ws, (unsigned char *)(uintptr_t)out.p + n, out.len - (size_t)n) < 0
               ? SEND_DEAD
               : SEND_DONE;
}

static void close_websocket(struct conn *c, uint16_t code, const char *reason)
{
    struct websocket *ws = websocket_of(c);

    if (!get_unfinished(ws)) {
        kill_websocket(c);
        return;
    }
    ws->unfinished->close_code = code;
    ws->unfinished->close_reason = reason;
    /* The close frame has to come after what is half written. */
    if (is_blocked(ws))
        lws_callback_on_writable(ws->wsi);
    else
        tell_close(ws);
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
    ev_io_init(&ws->io, on_readable, fd, EV_READ);
    ws->io.data = w;
    w->opening = ws;
    wsi = lws_adopt_socket_vhost_readbuf(w->vhost, fd, head, handshake_compose_head(upgrade, head));
    if (!w->opening) {
        ws = w->opened;
        w->opened = NULL;
        if (!ws)
            return NULL;
        note_backlog(ws); /* of the answer to the handshake */
        lws_rx_flow_control(ws->wsi, 0);
        ev_io_start(w->loop, &ws->io);
        return &ws->conn;
    }
    w->opening = NULL;
    free(ws);
    if (wsi)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    return NULL;
}
