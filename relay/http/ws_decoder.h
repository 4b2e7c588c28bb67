/* SPDX-License-Identifier: MIT */
/* ws_decoder.h - a client's WebSocket frames (RFC 6455 5), decoded as they arrive: messages in
 * pieces, control frames whole. What breaks the protocol is an event too. Pure but for malloc. */
#ifndef DOORBELL_RELAY_HTTP_WS_DECODER_H
#define DOORBELL_RELAY_HTTP_WS_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/span.h"

enum { WS_HEAD_MAX = 14, WS_CONTROL_MAX = 125 };

/* RFC 6455 7.4.1 */
enum { WS_CODE_NONE = 0, WS_CODE_PROTOCOL = 1002, WS_CODE_UTF8 = 1007, WS_CODE_INTERNAL = 1011 };

/* UTF-8 between two bytes. */
struct ws_utf8 {
    uint8_t missing;   /* bytes of the character */
    uint8_t low, high; /* bounds of the next one */
};

/* Starts zeroed. */
struct ws_decoder {
    uint8_t *control; /* owned, while the payload of a control frame is read */
    uint64_t left;    /* of the payload */
    uint8_t head[WS_HEAD_MAX];
    uint8_t head_len; /* bytes that are there */
    uint8_t mask_at;
    uint8_t control_len;
    bool is_in_payload;
    bool is_in_message; /* the last frame of it has not ended */
    bool is_binary;     /* that message */
    struct ws_utf8 utf8;
};

void ws_decoder_deinit(struct ws_decoder *d);

/* Whether it is as when it started: no message and no frame is half read. */
bool ws_decoder_is_between_messages(const struct ws_decoder *d);

enum ws_event_type {
    WS_EVENT_DATA,
    WS_EVENT_PING,
    WS_EVENT_PONG,
    WS_EVENT_CLOSE,  /* by the client; nothing counts after it */
    WS_EVENT_BROKEN, /* the same: to be closed with this code */
};

struct ws_event {
    enum ws_event_type type;
    struct span bytes; /* of data or a control frame; borrows until the next call */
    uint16_t code;     /* of a close or a broken protocol */
    bool is_binary;
    bool is_last; /* piece of its message */
};

/* Reads on in `in`, whose bytes it unmasks in place. True: that was an event. */
bool ws_decode(struct ws_decoder *d, struct span *in, struct ws_event *out);

#endif
