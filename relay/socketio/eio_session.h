/* SPDX-License-Identifier: MIT */
/* eio_session.h - one page by socket.io: the Engine.IO protocol, revisions 2 to 4, over polling,
 * WebSocket, or from the one to the other, and Socket.IO's "/" in it. Packets and `now` in, events
 * and packets out. It has no timers: eio_session_check() is asked about once a second. Pure but for
 * the memory of the packets that wait.
 *
 * After each call that may have changed something its caller
 * - answers the pending poll with eio_session_take_payload(), if eio_session_owes_poll();
 * - writes what eio_session_peek() shows, as long as the WebSocket takes it;
 * - lets go of the session and its connections, if eio_session_is_over(). */
#ifndef DOORBELL_RELAY_SOCKETIO_EIO_SESSION_H
#define DOORBELL_RELAY_SOCKETIO_EIO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/token.h"
#include "relay/socketio/engineio.h"

enum {
    EIO_LINGER_MS = 30 * 1000, /* what a close waits for the poll that it is told to */
    EIO_PENDING_MIN = 512,     /* the least max_pending: the open packet must find room */
};

struct eio_limits {
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t upgrade_timeout_ms; /* 0: none */
    int64_t connect_timeout_ms; /* 0: none */
    size_t max_payload;         /* told to the client; enforced where bodies are read */
    size_t max_pending;         /* bytes that may wait, with a byte for each packet */
};

enum eio_state {
    EIO_STATE_OPEN,
    EIO_STATE_CLOSING, /* hears nothing more; what waits, and the close, are yet to go out */
    EIO_STATE_OVER,    /* only a pending poll is yet to be answered */
};

enum eio_probe { EIO_PROBE_NONE, EIO_PROBE_OPEN, EIO_PROBE_ANSWERED };

/* Where a packet is in the outbox, its separator included; len 0: it is not there. */
struct eio_mark {
    uint32_t at, len;
};

/* What waits to go out. */
struct eio_outbox {
    struct buf bytes; /* packets, each with a separator after it; no memory while empty */
    uint32_t head;    /* what is before it has gone out */
    struct eio_mark online;
    struct eio_mark ring;
};

/* How its client speaks, by the handshake. */
struct eio_client {
    int32_t jsonp;    /* as in eio_query */
    uint8_t revision; /* 2, 3, 4 */
    uint8_t framing;
    uint16_t ping_interval_ms; /* as its handshake told it */
};

struct eio_beat {
    int64_t at_ms;  /* revision 4: of the last pong, or of the ping that waits for its own; else of
                       the last packet */
    bool is_pinged; /* revision 4: waits for a pong */
};

struct eio_session {
    struct eio_outbox outbox;
    struct eio_client client;
    struct eio_beat beat;
    const char *reason;  /* static text: why it is not open any more */
    int64_t deadline_ms; /* of the CONNECT, or of the linger; 0: none */
    int64_t probed_ms;   /* since when a second connection probes */
    uint8_t transport;
    uint8_t state;
    uint8_t probe;
    uint8_t attachments; /* binary packets yet to come, of an event */
    bool is_connected;   /* to "/" */
    bool is_logged_in;
    bool is_by_peer; /* it was the peer who closed */
    bool has_poll;   /* a GET is pending */
    char socket_id[EIO_SID_MAX + 1];
};

/* Opens it by a handshake, queues the open packet and, before revision 4, the CONNECT. By polling
 * the handshake itself is the first poll. `socket_id`: what a page of revision 4 will see as its
 * id; random, another than `sid`, both 1 to EIO_SID_MAX bytes of base64url's alphabet.
 * ERR_NO_MEMORY, ERR_TOO_MANY (max_pending < EIO_PENDING_MIN): there is nothing to deinit. */
MUST_USE enum err eio_session_open(struct eio_session *s, const struct eio_query *handshake,
                                   struct span sid, struct span socket_id,
                                   const struct eio_limits *limits, int64_t now_ms);

void eio_session_deinit(struct eio_session *s);

bool eio_session_is_over(const struct eio_session *s);

/* What a packet was. */
enum eio_event_type {
    EIO_EVENT_NOTHING, /* to be done by the caller */
    EIO_EVENT_LOGIN,   /* an event `login`: eio_session_answer() it */
    EIO_EVENT_AUTH,    /* a CONNECT with a token: eio_session_answer() it */
    EIO_EVENT_LEFT,    /* left "/": is sent nothing, but may come back; or close it */
    EIO_EVENT_CLOSED,  /* the session is over, see s->reason and s->is_by_peer */
};

struct eio_event {
    enum eio_event_type type;
    bool has_ack; /* of LOGIN */
    int64_t ack_id;
    size_t text_len;
    char text[TOKEN_MAX]; /* of LOGIN: a token, or a user where that is allowed; of AUTH: a token.
                             Never empty, else as the page sent it */
};

/* A POST has come, with this body, which decoding changes. ERR_CONFLICT: this session takes none
 * (EIO_BAD_REQUEST). ERR_MALFORMED, ERR_UNSUPPORTED: the same answer, and the session is over. */
MUST_USE enum err eio_session_start_payload(struct eio_session *s, struct span content_type,
                                            char *body, size_t len, struct eio_payload *payload);

/* A POST has come whose body is too long to be read: the session is over. */
void eio_session_refuse_payload(struct eio_session *s);

/* Hears its next packet. False, and *out is of no use: there is none, or the session is over. */
bool eio_session_hear_next(struct eio_session *s, struct eio_payload *payload, int64_t now_ms,
                           struct eio_event *out);

/* Hears a message of the current WebSocket. */
void eio_session_hear(struct eio_session *s, struct span frame, bool is_binary, int64_t now_ms,
                      struct eio_event *out);

/* Answers an event LOGIN or AUTH. `error` is a short text for the page's programmer; NULL: the page
 * is logged in. Without it another login may follow. Errors as eio_session_put(). */
MUST_USE enum err eio_session_answer(struct eio_session *s, const struct eio_event *event,
                                     const char *error);

/* Is logged in by other means: events `login` are from now on answered here. */
void eio_session_set_logged_in(struct eio_session *s);

enum eio_poll {
    EIO_POLL_PENDING, /* to be answered as soon as eio_session_owes_poll(), which may be now */
    EIO_POLL_OVERLAP, /* while another is pending: EIO_BAD_REQUEST, and the session is over */
    EIO_POLL_REFUSED, /* by WebSocket, or over: EIO_BAD_REQUEST */
};

/* A GET has come. */
enum eio_poll eio_session_poll(struct eio_session *s);

/* The connection of the pending GET is gone: so is the session. */
void eio_session_lose_poll(struct eio_session *s);

/* Whether the pending poll is to be answered now. */
bool eio_session_owes_poll(const struct eio_session *s);

/* Appends the body of that answer, all that waits; *body holds nothing else. Its header is
 * eio_content_type(s->client.framing, s->client.jsonp >= 0). ERR_TOO_BIG, ERR_NO_MEMORY: the
 * session is over and the poll not pending any more. */
MUST_USE enum err eio_session_take_payload(struct eio_session *s, struct buf *body);

/* Borrows the next packet for the WebSocket until the next change of *s. False: none is due. */
bool eio_session_peek(const struct eio_session *s, struct span *packet);

/* The packet that eio_session_peek() has shown is written. */
void eio_session_pop(struct eio_session *s);

/* Whether packets wait, for a poll or for the WebSocket. */
bool eio_session_has_waiting(const struct eio_session *s);

enum eio_kind {
    EIO_KIND_PLAIN,
    EIO_KIND_ONLINE, /* of those that wait the last one counts */
    EIO_KIND_RING,   /* of those that wait the first one says all */
};

/* From now on no less than so many bytes may wait. */
void eio_session_let_wait(struct eio_session *s, size_t max_pending);

/* Queues an event, encoded by sio_encode_event(). For a page that is not connected, or not any
 * more, it is lost. ERR_TOO_MANY (more than max_pending), ERR_NO_MEMORY: the session is over. */
MUST_USE enum err eio_session_put(struct eio_session *s, enum eio_kind kind, struct span packet);

/* Takes the page out of "/": its client does not come back by itself. Errors as above. */
MUST_USE enum err eio_session_leave(struct eio_session *s);

/* Closes it in order: what waits goes out first, by polling with a close packet, for which the next
 * poll has EIO_LINGER_MS. `reason` is static text. A probing connection is forgotten here. */
void eio_session_close(struct eio_session *s, const char *reason, int64_t now_ms);

enum eio_due {
    EIO_DUE_NOTHING,
    EIO_DUE_FLUSH,      /* a ping was queued */
    EIO_DUE_DROP_PROBE, /* close the probing connection; it is forgotten here already */
    EIO_DUE_CLOSE,      /* the session is over */
};

/* What time does to it. */
enum eio_due eio_session_check(struct eio_session *s, const struct eio_limits *limits,
                               int64_t now_ms);

/* A second connection has come, to upgrade this session. False: close it, there is nothing to
 * upgrade, or another one is at it. */
bool eio_session_start_probe(struct eio_session *s, int64_t now_ms);

enum eio_probe_answer {
    EIO_PROBE_PONG,     /* write EIO_PROBE_REPLY to it */
    EIO_PROBE_UPGRADED, /* it is the session's WebSocket now */
    EIO_PROBE_REFUSED,  /* close it; it is forgotten here already */
};

#define EIO_PROBE_REPLY SPAN("3probe")

/* Hears a message of the probing connection. */
enum eio_probe_answer eio_session_hear_probe(struct eio_session *s, struct span frame,
                                             bool is_binary, int64_t now_ms);

/* The probing connection is gone; the session goes on polling. */
void eio_session_stop_probe(struct eio_session *s);

#endif
