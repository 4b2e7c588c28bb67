/* SPDX-License-Identifier: MIT */
/* ws_decoder.c - a frame is its head, gathered until it is whole and judged at once, and its
 * payload: of data what has arrived is passed on, of control frames it is gathered. */
#include "relay/http/ws_decoder.h"

#include <stdlib.h>
#include <string.h>

enum opcode {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10,
};

void ws_decoder_deinit(struct ws_decoder *d)
{
    free(d->control);
    d->control = NULL;
}

bool ws_decoder_is_between_messages(const struct ws_decoder *d)
{
    return d->head_len == 0 && !d->is_in_payload && !d->is_in_message;
}

static bool fail(struct ws_event *out, uint16_t code)
{
    *out = (struct ws_event){.type = WS_EVENT_BROKEN, .code = code};
    return true;
}

/* --- UTF-8 (RFC 3629 4) --- */

static bool begin_character(struct ws_utf8 *u, uint8_t byte)
{
    u->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    u->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    u->missing = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    return byte < 0x80 || (byte >= 0xc2 && byte <= 0xf4);
}

static bool is_utf8(struct ws_utf8 *u, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.p[i];

        if (u->missing == 0) {
            if (!begin_character(u, byte))
                return false;
            continue;
        }
        if (byte < u->low || byte > u->high)
            return false;
        u->missing--;
        u->low = 0x80;
        u->high = 0xbf;
    }
    return true;
}

/* --- heads --- */

static enum opcode opcode_of(const struct ws_decoder *d)
{
    return (enum opcode)(d->head[0] & 15);
}

static bool is_control(const struct ws_decoder *d)
{
    return d->head[0] & 8;
}

static bool is_final(const struct ws_decoder *d)
{
    return d->head[0] & 128;
}

/* How long the head is, as far as its second byte says. */
static size_t head_needed(const struct ws_decoder *d)
{
    uint8_t len = d->head[1] & 127;

    if (d->head_len < 2)
        return 2;
    return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + 4;
}

/* Judged by the first two bytes; of a client's frames all are masked (5.1). */
static bool is_head_allowed(const struct ws_decoder *d)
{
    uint8_t len = d->head[1] & 127;

    if ((d->head[0] & 0x70) || !(d->head[1] & 128))
        return false;
    switch (opcode_of(d)) {
    case OPCODE_CONTINUATION:
        return d->is_in_message;
    case OPCODE_TEXT:
    case OPCODE_BINARY:
        return !d->is_in_message;
    case OPCODE_CLOSE:
    case OPCODE_PING:
    case OPCODE_PONG:
        return is_final(d) && len <= WS_CONTROL_MAX;
    default:
        return false;
    }
}

/* False: not in the fewest bytes, or over 63 bits (5.2). */
static bool read_length(struct ws_decoder *d)
{
    size_t n = head_needed(d) - 2 - 4;

    d->left = n ? 0 : d->head[1] & 127;
    for (size_t i = 0; i < n; i++)
        d->left = d->left << 8 | d->head[2 + i];
    return n == 0 || (n == 2 ? d->left > 125 : d->left > 65535 && d->left >> 63 == 0);
}

static bool begin_payload(struct ws_decoder *d)
{
    d->is_in_payload = true;
    d->mask_at = 0;
    d->control_len = 0;
    if (opcode_of(d) == OPCODE_TEXT || opcode_of(d) == OPCODE_BINARY) {
        d->is_binary = opcode_of(d) == OPCODE_BINARY;
        d->is_in_message = true;
        d->utf8 = (struct ws_utf8){0, 0, 0};
    }
    if (is_control(d) && !d->control)
        d->control = malloc(WS_CONTROL_MAX);
    return !is_control(d) || d->control;
}

/* True: an event, since it is broken. */
static bool read_head(struct ws_decoder *d, struct span *in, struct ws_event *out)
{
    while (in->len > 0 && d->head_len < head_needed(d)) {
        d->head[d->head_len++] = (uint8_t)in->p[0];
        *in = (struct span){in->p + 1, in->len - 1};
        if (d->head_len == 2 && !is_head_allowed(d))
            return fail(out, WS_CODE_PROTOCOL);
    }
    if (d->head_len < head_needed(d))
        return false;
    if (!read_length(d))
        return fail(out, WS_CODE_PROTOCOL);
    return begin_payload(d) ? false : fail(out, WS_CODE_INTERNAL);
}

/* --- payloads --- */

/* Cuts off what has arrived of the payload, and unmasks it. */
static struct span take_payload(struct ws_decoder *d, struct span *in)
{
    size_t n = in->len < d->left ? in->len : (size_t)d->left;
    struct span taken = {in->p, n};
    const uint8_t *mask = d->head + head_needed(d) - 4;
    char *bytes = (char *)(uintptr_t)in->p;

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ (char)mask[d->mask_at]);
        d->mask_at = (d->mask_at + 1) & 3;
    }
    d->left -= n;
    *in = (struct span){in->p + n, in->len - n};
    return taken;
}

static void end_frame(struct ws_decoder *d)
{
    d->is_in_payload = false;
    d->head_len = 0;
}

static bool read_data(struct ws_decoder *d, struct span *in, struct ws_event *out)
{
    struct span bytes = take_payload(d, in);
    bool is_last = is_final(d) && d->left == 0;

    if (!d->is_binary && (!is_utf8(&d->utf8, bytes) || (is_last && d->utf8.missing)))
        return fail(out, WS_CODE_UTF8);
    if (d->left == 0)
        end_frame(d);
    d->is_in_message = !is_last;
    *out = (struct ws_event){WS_EVENT_DATA, bytes, 0, d->is_binary, is_last};
    return bytes.len > 0 || is_last;
}

/* Those that may be sent (7.4). */
static bool is_code(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static bool hear_close(struct span payload, struct ws_event *out)
{
    struct ws_utf8 utf8 = {0, 0, 0};
    unsigned code = WS_CODE_NONE;

    if (payload.len == 1)
        return fail(out, WS_CODE_PROTOCOL);
    if (payload.len > 0) {
        code = (unsigned)(uint8_t)payload.p[0] << 8 | (uint8_t)payload.p[1];
        if (!is_code(code))
            return fail(out, WS_CODE_PROTOCOL);
        if (!is_utf8(&utf8, (struct span){payload.p + 2, payload.len - 2}) || utf8.missing)
            return fail(out, WS_CODE_UTF8);
    }
    *out = (struct ws_event){.type = WS_EVENT_CLOSE, .bytes = payload, .code = (uint16_t)code};
    return true;
}

static bool read_control(struct ws_decoder *d, struct span *in, struct ws_event *out)
{
    struct span bytes = take_payload(d, in), payload;

    if (bytes.len > 0)
        memcpy(d->control + d->control_len, bytes.p, bytes.len);
    d->control_len = (uint8_t)(d->control_len + bytes.len);
    if (d->left > 0)
        return false;
    end_frame(d);
    payload = (struct span){(const char *)d->control, d->control_len};
    if (opcode_of(d) == OPCODE_CLOSE)
        return hear_close(payload, out);
    *out = (struct ws_event){.type = opcode_of(d) == OPCODE_PING ? WS_EVENT_PING : WS_EVENT_PONG,
                             .bytes = payload};
    return true;
}

bool ws_decode(struct ws_decoder *d, struct span *in, struct ws_event *out)
{
    for (;;) {
        if (!d->is_in_payload && (read_head(d, in, out)))
            return true;
        if (!d->is_in_payload)
            break;
        if (is_control(d) ? read_control(d, in, out) : read_data(d, in, out))
            return true;
        if (in->len == 0)
            break;
    }
    if (!d->is_in_payload)
        ws_decoder_deinit(d);
    return false;
}
