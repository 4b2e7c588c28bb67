/* SPDX-License-Identifier: MIT */
/* engineio.h - the Engine.IO protocol, revisions 3 (with its forerunner 2) and 4: the query of a
 * request, packets, and payloads of polling in each of their framings. What is sent is ASCII text
 * alone, so that bytes, characters and UTF-16 units are one and the same number for all clients.
 * Pure but for malloc. */
#ifndef DOORBELL_RELAY_SOCKETIO_ENGINEIO_H
#define DOORBELL_RELAY_SOCKETIO_ENGINEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum {
    EIO_SID_MAX = 40,
    EIO_JSONP_DIGITS_MAX = 9,
    EIO_LENGTH_DIGITS_MAX = 9, /* of a packet in a payload */
    EIO_PACKETS_MAX = 1000,    /* in one payload */
    EIO_OPEN_MAX = 256,        /* bytes of an open packet, at most */
};

/* Separates packets in payloads of revision 4; it occurs in no packet of ours. */
#define EIO_SEPARATOR '\x1e'

/* Why a request is refused. The values are those of the wire. */
enum eio_fault {
    EIO_UNKNOWN_TRANSPORT = 0,
    EIO_UNKNOWN_SID = 1,
    EIO_BAD_METHOD = 2, /* of a handshake: not GET */
    EIO_BAD_REQUEST = 3,
    EIO_FORBIDDEN = 4,
    EIO_UNSUPPORTED_PROTOCOL = 5,
    EIO_FAULT_COUNT /* not a fault: the number of values */
};

enum eio_transport { EIO_POLLING, EIO_WEBSOCKET };

/* How the packets of a polling payload follow each other. */
enum eio_framing {
    EIO_TEXT_4,   /* separated by 0x1e */
    EIO_TEXT_3,   /* length:packet, in UTF-16 units */
    EIO_BINARY_3, /* a type, digits as bytes of value 0 to 9, 0xff, packet; in bytes */
};

struct eio_query {
    enum eio_transport transport;
    unsigned revision; /* 2, 3, 4; 0: another or none, which only a session's requests may say */
    struct span sid;   /* empty: a handshake */
    int32_t jsonp;     /* index of the callback; -1: not by JSONP */
    bool wants_text;   /* b64: cannot take binary */
    bool has_old_time; /* `t` is that of engine.io-client before 1.6.4, which reads no text */
};

/* Decodes what follows the '?'; out->sid borrows from it. What is not known is skipped, of what
 * is known nothing may occur twice. ERR_INVALID: *fault says why, *out is untouched. */
MUST_USE enum err eio_query_decode(struct span query, struct eio_query *out, enum eio_fault *fault);

/* What the session that this handshake opens will be sent when it polls. */
enum eio_framing eio_framing_of(const struct eio_query *handshake);

int eio_fault_status(enum eio_fault fault);          /* of HTTP */
const char *eio_fault_message(enum eio_fault fault); /* the body of a refused upgrade, text/html */

/* Appends {"code":n,"message":"…"}, the body of a refused request, application/json. */
MUST_USE enum err eio_fault_encode(enum eio_fault fault, struct buf *out);

/* The value of each type is its digit's. */
enum eio_type { EIO_OPEN, EIO_CLOSE, EIO_PING, EIO_PONG, EIO_MESSAGE, EIO_UPGRADE, EIO_NOOP };

struct eio_packet {
    enum eio_type type;
    bool is_binary;
    struct span data; /* of a binary packet in text: still base64 */
};

/* Decodes one packet, which is a frame of a WebSocket or was cut out of a payload. *out borrows
 * from it. ERR_MALFORMED: empty, or of a type that there is not. */
MUST_USE enum err eio_packet_decode(struct span in, bool is_binary, unsigned revision,
                                    struct eio_packet *out);

/* Some old clients write UTF-8 twice. Undoes that in place, if the bytes are UTF-8 of UTF-8. */
void eio_undo_double(char *bytes, size_t *len);

struct eio_payload {
    enum eio_framing framing;
    unsigned revision;
    char *rest; /* not yet decoded */
    size_t rest_len;
    size_t packets_left;
    bool is_done;
};

/* Starts on the body of a POST, which decoding changes and which must outlive the packets.
 * `content_type` is the header's value, empty if there is none. ERR_UNSUPPORTED: binary in revision
 * 4. ERR_MALFORMED: an empty body, no form where one is due. */
MUST_USE enum err eio_payload_init(struct eio_payload *p, unsigned revision, bool is_jsonp,
                                   struct span content_type, char *body, size_t len);

/* The next packet; *out borrows from the body. ERR_END after the last one, ERR_MALFORMED,
 * ERR_TOO_BIG for more than EIO_PACKETS_MAX packets. */
MUST_USE enum err eio_payload_next(struct eio_payload *p, struct eio_packet *out);

/* Appends one text packet to a payload; `payload` holds nothing else. ERR_INVALID: not ASCII, or
 * with a separator in it. */
MUST_USE enum err eio_payload_append(enum eio_framing framing, struct span packet,
                                     struct buf *payload);

/* Appends the script that hands an ASCII payload to callback number `jsonp`. */
MUST_USE enum err eio_jsonp_encode(int32_t jsonp, struct span payload, struct buf *out);

/* Of a reply to a poll: the header's exact value. */
const char *eio_content_type(enum eio_framing framing, bool is_jsonp);

struct eio_open {
    unsigned revision;
    enum eio_transport transport;
    struct span sid; /* at most EIO_SID_MAX bytes of base64url's alphabet */
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    size_t max_payload;
};

/* Appends the open packet; revision 3 has no maxPayload. */
MUST_USE enum err eio_open_encode(const struct eio_open *open, struct buf *out);

#endif
