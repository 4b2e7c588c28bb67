/* SPDX-License-Identifier: MIT */
/* packet.h - the Socket.IO protocol inside the messages of Engine.IO, in the two generations that
 * go with its revisions 3 and 4. Reads what pages send, writes what the relay says: encoders give
 * whole Engine.IO packets, the 4 of a message in front, in ASCII alone. */
#ifndef DOORBELL_RELAY_SOCKETIO_PACKET_H
#define DOORBELL_RELAY_SOCKETIO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct json_object;

enum {
    SIO_ATTACHMENTS_MAX = 10,
    SIO_NAMESPACE_MAX = 128,
    SIO_ACK_DIGITS_MAX = 15,
};

/* The value of each type is its digit's. */
enum sio_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK,
};

struct sio_packet {
    enum sio_type type;
    unsigned attachments;   /* binary packets that follow */
    struct span name_space; /* "/" if none was said; without a query; borrows from the packet */
    bool has_ack;
    int64_t ack_id;
    struct span event;        /* the name, or number, of an event; {NULL, 0} if it has none */
    struct span argument;     /* the first one, if it is a text or a number; else {NULL, 0} */
    struct span token;        /* of {"token":…} in a CONNECT; else {NULL, 0} */
    struct json_object *root; /* owns what event, argument and token borrow */
};

/* Decodes what follows the 4. A namespace is printable ASCII here, since it must be written
 * back. ERR_MALFORMED; ERR_INVALID: an event of a reserved name; ERR_NO_MEMORY. *out is written
 * only on success, and is then the caller's to deinit. */
MUST_USE enum err sio_decode(struct span in, struct sio_packet *out);

void sio_packet_deinit(struct sio_packet *p);

/* All append whole or not at all. */

/* The page is connected to "/"; `sid` is for revision 4. */
MUST_USE enum err sio_encode_connect(unsigned revision, struct span sid, struct buf *out);

/* It is not; `name_space` as it was decoded. */
MUST_USE enum err sio_encode_connect_error(unsigned revision, struct span name_space,
                                           struct span message, struct buf *out);

/* The page is disconnected from "/". */
MUST_USE enum err sio_encode_disconnect(struct buf *out);

/* ["name","argument"]; what is not UTF-8 becomes U+FFFD. */
MUST_USE enum err sio_encode_event(struct span name, struct span argument, struct buf *out);

/* {"ok":true}, or with an error {"ok":false,"error":"…"}. NULL: no error. */
MUST_USE enum err sio_encode_ack(int64_t ack_id, const char *error, struct buf *out);

#endif
