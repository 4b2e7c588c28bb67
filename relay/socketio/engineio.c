/* SPDX-License-Identifier: MIT */
/* engineio.c - three framings of one protocol, and what its clients get wrong. Decoders cut in
 * place and allocate nothing; encoders refuse what is not ASCII, because revisions 3 and 4 count
 * bytes, characters and UTF-16 units, and for ASCII alone these are one number. Which framing a
 * client can read at all is told by its handshake (eio_framing_of()). */
#include "relay/socketio/engineio.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text/form.h"
#include "common/text/json.h"

enum { FORM_FIELDS_MAX = 8 };

static const struct {
    int status;
    const char *message;
} faults[EIO_FAULT_COUNT] = {
    [EIO_UNKNOWN_TRANSPORT] = {400, "Transport unknown"},
    [EIO_UNKNOWN_SID] = {400, "Session ID unknown"},
    [EIO_BAD_METHOD] = {400, "Bad handshake method"},
    [EIO_BAD_REQUEST] = {400, "Bad request"},
    [EIO_FORBIDDEN] = {403, "Forbidden"},
    [EIO_UNSUPPORTED_PROTOCOL] = {400, "Unsupported protocol version"},
};

int eio_fault_status(enum eio_fault fault)
{
    return faults[fault].status;
}

const char *eio_fault_message(enum eio_fault fault)
{
    return faults[fault].message;
}

enum err eio_fault_encode(enum eio_fault fault, struct buf *out)
{
    return buf_printf(out, "{\"code\":%d,\"message\":\"%s\"}", (int)fault, faults[fault].message);
}

enum key { KEY_EIO, KEY_TRANSPORT, KEY_SID, KEY_T, KEY_J, KEY_B64, KEY_COUNT };

/* The values as they are written, {NULL, 0} for what is absent; false if one is there twice. */
static bool read_keys(struct span query, struct span values[static KEY_COUNT])
{
    static const char *const names[KEY_COUNT] = {
        [KEY_EIO] = "EIO", [KEY_TRANSPORT] = "transport",
        [KEY_SID] = "sid", [KEY_T] = "t",
        [KEY_J] = "j",     [KEY_B64] = "b64",
    };
    bool is_good = true;

    memset(values, 0, KEY_COUNT * sizeof(values[0]));
    while (query.len > 0) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');

        for (size_t key = 0; key < KEY_COUNT; key++) {
            if (!span_equal(name, span_of(names[key])))
                continue;
            if (values[key].p)
                is_good = false;
            values[key] = value.p ? value : SPAN("");
        }
    }
    return is_good;
}

static bool are_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len > 0;
}

static bool read_index(struct span digits, int32_t *out)
{
    int64_t n;

    if (!digits.p) {
        *out = -1;
        return true;
    }
    if (digits.len > EIO_JSONP_DIGITS_MAX || !are_digits(digits) || span_parse_int(digits, &n))
        return false;
    *out = (int32_t)n;
    return true;
}

/* Milliseconds, then perhaps a counter. Later clients write letters. */
static bool is_old_time(struct span t)
{
    struct span ms = span_cut(&t, '-');

    return are_digits(ms) && (!t.p || are_digits(t));
}

static unsigned read_revision(struct span s)
{
    return s.len == 1 && s.p[0] >= '2' && s.p[0] <= '4' ? (unsigned)(s.p[0] - '0') : 0;
}

static enum err refuse(enum eio_fault *fault, enum eio_fault because)
{
    *fault = because;
    return ERR_INVALID;
}

enum err eio_query_decode(struct span query, struct eio_query *out, enum eio_fault *fault)
{
    struct span values[KEY_COUNT];
    bool is_good = read_keys(query, values);
    bool is_websocket = span_equal(values[KEY_TRANSPORT], SPAN("websocket"));
    struct eio_query q = {
        .transport = is_websocket ? EIO_WEBSOCKET : EIO_POLLING,
        .revision = read_revision(values[KEY_EIO]),
        .sid = values[KEY_SID],
        .wants_text = values[KEY_B64].len > 0,
        .has_old_time = is_old_time(values[KEY_T]),
    };

    if (!is_websocket && !span_equal(values[KEY_TRANSPORT], SPAN("polling")))
        return refuse(fault, EIO_UNKNOWN_TRANSPORT);
    if (!is_good || !read_index(values[KEY_J], &q.jsonp))
        return refuse(fault, EIO_BAD_REQUEST);
    if (q.sid.len > EIO_SID_MAX)
        return refuse(fault, EIO_UNKNOWN_SID);
    if (q.sid.len == 0 && q.revision == 0)
        return refuse(fault, EIO_UNSUPPORTED_PROTOCOL);
    *out = q;
    return ERR_NONE;
}

/* Before engine.io-client 1.6.4 all that is not octets counts as "ok", unless it came as JSONP;
 * from 3.1 on text is what a client without b64 is promised. Revision 2 is of the former. */
enum eio_framing eio_framing_of(const struct eio_query *handshake)
{
    if (handshake->revision == 4)
        return EIO_TEXT_4;
    if (handshake->wants_text || handshake->jsonp >= 0)
        return EIO_TEXT_3;
    return handshake->revision == 2 || handshake->has_old_time ? EIO_BINARY_3 : EIO_TEXT_3;
}

static enum err decode_type(char digit, char zero, enum eio_type *out)
{
    int type = digit - zero;

    if (type < EIO_OPEN || type > EIO_NOOP)
        return ERR_MALFORMED;
    *out = (enum eio_type)type;
    return ERR_NONE;
}

static struct span without(struct span s, size_t n)
{
    return n ? (struct span){s.p + n, s.len - n} : s;
}

/* Base64 in text: `b` and, in revision 3, the type. */
static enum err decode_base64(struct span in, unsigned revision, struct eio_packet *out)
{
    enum eio_type type = EIO_MESSAGE;
    size_t n = revision == 4 ? 1 : 2;

    if (in.len < n || (n == 2 && decode_type(in.p[1], '0', &type)))
        return ERR_MALFORMED;
    *out = (struct eio_packet){type, true, without(in, n)};
    return ERR_NONE;
}

static enum err decode_binary(struct span in, unsigned revision, struct eio_packet *out)
{
    enum eio_type type = EIO_MESSAGE;
    size_t n = revision == 4 ? 0 : 1;

    if (in.len < n || (n == 1 && decode_type(in.p[0], 0, &type)))
        return ERR_MALFORMED;
    *out = (struct eio_packet){type, true, without(in, n)};
    return ERR_NONE;
}

enum err eio_packet_decode(struct span in, bool is_binary, unsigned revision,
                           struct eio_packet *out)
{
    enum eio_type type;

    if (is_binary)
        return decode_binary(in, revision, out);
    if (in.len > 0 && in.p[0] == 'b')
        return decode_base64(in, revision, out);
    if (in.len == 0 || decode_type(in.p[0], '0', &type))
        return ERR_MALFORMED;
    *out = (struct eio_packet){type, false, without(in, 1)};
    return ERR_NONE;
}

/* Takes one character of at most U+00FF off *rest, as a byte. */
static bool take_byte(struct span *rest, char *byte)
{
    size_t n = span_utf8_len(*rest);
    unsigned code = n ? (unsigned char)rest->p[0] : 0x100;

    if (n == 2)
        code = (code & 0x1f) << 6 | ((unsigned char)rest->p[1] & 0x3f);
    if (n > 2 || code > 0xff)
        return false;
    *byte = (char)code;
    *rest = without(*rest, n);
    return true;
}

static bool is_doubled(struct span s)
{
    while (s.len > 0) {
        struct span ahead = s;
        char bytes[4];
        size_t n = 0;

        while (n < sizeof(bytes) && take_byte(&ahead, &bytes[n]))
            n++;
        n = span_utf8_len((struct span){bytes, n});
        if (n == 0)
            return false;
        for (size_t i = 0; i < n; i++)
            take_byte(&s, &bytes[0]);
    }
    return true; /* of ASCII too, to which undoing does nothing */
}

void eio_undo_double(char *bytes, size_t *len)
{
    struct span rest = {bytes, *len};
    size_t out = 0;
    char byte;

    if (!is_doubled(rest))
        return;
    while (take_byte(&rest, &byte))
        bytes[out++] = byte;
    *len = out;
}

/* What the client's form did to newlines: \n is one, \\n for the two characters \n. */
static void undo_form_escapes(char *bytes, size_t *len)
{
    struct span rest = {bytes, *len};
    size_t out = 0;

    while (rest.len > 0) {
        size_t n = 1;

        if (span_starts_with(rest, SPAN("\\\\n"))) {
            bytes[out++] = '\\';
            bytes[out++] = 'n';
            n = 3;
        } else if (span_starts_with(rest, SPAN("\\n"))) {
            bytes[out++] = '\n';
            n = 2;
        } else {
            bytes[out++] = rest.p[0];
        }
        rest = without(rest, n);
    }
    *len = out;
}

/* Makes the form's field `d` the payload. */
static enum err unwrap_form(struct eio_payload *p, struct span content_type)
{
    struct form_field field = {.name = {NULL, 0}};
    struct form form;
    enum err e = form_init(&form, content_type, p->rest, p->rest_len, FORM_FIELDS_MAX);

    while (!e && !span_equal(field.name, SPAN("d")))
        e = form_next(&form, &field);
    if (e || field.suffix != FORM_PLAIN)
        return ERR_MALFORMED;
    p->rest = (char *)field.value.p; /* of the body, which is ours to change */
    p->rest_len = field.value.len;
    undo_form_escapes(p->rest, &p->rest_len);
    return ERR_NONE;
}

enum err eio_payload_init(struct eio_payload *p, unsigned revision, bool is_jsonp,
                          struct span content_type, char *body, size_t len)
{
    bool is_octets =
        span_equal_nocase(form_media_type(content_type), SPAN("application/octet-stream"));

    *p = (struct eio_payload){.revision = revision,
                              .framing = revision == 4 ? EIO_TEXT_4 : EIO_TEXT_3,
                              .rest = body,
                              .rest_len = len,
                              .packets_left = EIO_PACKETS_MAX};
    if (is_jsonp && unwrap_form(p, content_type))
        return ERR_MALFORMED;
    if (!is_jsonp && is_octets) {
        if (revision == 4)
            return ERR_UNSUPPORTED;
        p->framing = EIO_BINARY_3;
    }
    /* No packets at all are octets, but no text. */
    return p->rest_len > 0 || p->framing == EIO_BINARY_3 ? ERR_NONE : ERR_MALFORMED;
}

static struct span cut(struct eio_payload *p, size_t n)
{
    struct span s = {p->rest, n};

    p->rest += n;
    p->rest_len -= n;
    return s;
}

static enum err next_text_4(struct eio_payload *p, struct eio_packet *out)
{
    const char *at = p->rest_len > 0 ? memchr(p->rest, EIO_SEPARATOR, p->rest_len) : NULL;
    struct span packet = cut(p, at ? (size_t)(at - p->rest) : p->rest_len);

    if (at)
        cut(p, 1);
    else
        p->is_done = true;
    return eio_packet_decode(packet, false, p->revision, out);
}

/* Reads the digits of a length, each the value of `zero` higher than its number, and `end`. */
static enum err cut_length(struct eio_payload *p, char zero, char end, size_t *out)
{
    size_t n = 0, length = 0;

    for (; n < p->rest_len && p->rest[n] != end; n++) {
        int digit = p->rest[n] - zero;

        if (digit < 0 || digit > 9 || n == EIO_LENGTH_DIGITS_MAX)
            return ERR_MALFORMED;
        length = length * 10 + (size_t)digit;
    }
    if (n == 0 || n == p->rest_len || (n > 1 && p->rest[0] == zero))
        return ERR_MALFORMED;
    cut(p, n + 1);
    *out = length;
    return ERR_NONE;
}

/* Cuts off as many UTF-16 units as the packet has. */
static enum err cut_units(struct eio_payload *p, size_t units, struct span *out)
{
    size_t at = 0, n = 0;

    while (n < units) {
        size_t bytes = span_utf8_len((struct span){p->rest + at, p->rest_len - at});

        if (bytes == 0)
            return ERR_MALFORMED;
        n += bytes == 4 ? 2 : 1;
        at += bytes;
    }
    *out = cut(p, at);
    return n == units ? ERR_NONE : ERR_MALFORMED; /* between two surrogates */
}

static enum err next_text_3(struct eio_payload *p, struct eio_packet *out)
{
    struct span packet;
    size_t units;

    if (cut_length(p, '0', ':', &units) || cut_units(p, units, &packet))
        return ERR_MALFORMED;
    if (units == 0)
        return ERR_INCOMPLETE;
    eio_undo_double((char *)packet.p, &packet.len); /* of the body, which is ours to change */
    return eio_packet_decode(packet, false, p->revision, out);
}

static enum err next_binary_3(struct eio_payload *p, struct eio_packet *out)
{
    char type = cut(p, 1).p[0];
    size_t length;

    if (type != 0 && type != 1)
        return ERR_MALFORMED;
    if (cut_length(p, 0, '\xff', &length) || length > p->rest_len)
        return ERR_MALFORMED;
    if (length == 0)
        return ERR_INCOMPLETE;
    return eio_packet_decode(cut(p, length), type == 1, p->revision, out);
}

enum err eio_payload_next(struct eio_payload *p, struct eio_packet *out)
{
    enum err e = ERR_INCOMPLETE; /* a packet without bytes, as in the empty payload "0:" */

    while (e == ERR_INCOMPLETE) {
        if (p->is_done || (p->framing != EIO_TEXT_4 && p->rest_len == 0))
            return ERR_END;
        if (p->packets_left == 0)
            return ERR_TOO_BIG;
        p->packets_left--;
        if (p->framing == EIO_TEXT_4)
            e = next_text_4(p, out);
        else
            e = p->framing == EIO_TEXT_3 ? next_text_3(p, out) : next_binary_3(p, out);
    }
    return e;
}

static bool can_be_sent(struct span packet)
{
    for (size_t i = 0; i < packet.len; i++)
        if ((unsigned char)packet.p[i] > 0x7e || packet.p[i] == EIO_SEPARATOR)
            return false;
    return packet.len > 0;
}

enum { PREFIX_MAX = 24 };

/* The bytes in front of a packet; returns how many. */
static size_t write_prefix(enum eio_framing framing, size_t packet_len, bool is_first,
                           char out[static PREFIX_MAX])
{
    size_t n;

    if (framing == EIO_TEXT_4) {
        out[0] = EIO_SEPARATOR;
        return is_first ? 0 : 1;
    }
    if (framing == EIO_TEXT_3)
        return (size_t)snprintf(out, PREFIX_MAX, "%zu:", packet_len);
    out[0] = 0; /* a string */
    n = 1 + (size_t)snprintf(out + 1, PREFIX_MAX - 1, "%zu", packet_len);
    for (size_t i = 1; i < n; i++)
        out[i] = (char)(out[i] - '0');
    out[n] = '\xff';
    return n + 1;
}

enum err eio_payload_append(enum eio_framing framing, struct span packet, struct buf *payload)
{
    char prefix[PREFIX_MAX];
    size_t n = write_prefix(framing, packet.len, payload->len == 0, prefix);
    enum err e;

    if (!can_be_sent(packet))
        return ERR_INVALID;
    if ((e = buf_reserve(payload, n + packet.len)) ||
        (e = buf_append(payload, (struct span){prefix, n})))
        return e;
    return buf_append(payload, packet);
}

/* ASCII in, so nothing that ends a line in JavaScript and not in JSON can come out. */
enum err eio_jsonp_encode(int32_t jsonp, struct span payload, struct buf *out)
{
    enum err e;

    if ((e = buf_printf(out, "___eio[%" PRId32 "](", jsonp)) ||
        (e = json_append_ascii(out, payload)))
        return e;
    return buf_append(out, SPAN(");"));
}

/* Clients 2.0 to 2.3 know binary only by a header of these very letters. A proxy's nosniff stops
 * scripts that are called text/plain. */
const char *eio_content_type(enum eio_framing framing, bool is_jsonp)
{
    if (is_jsonp)
        return "text/javascript; charset=UTF-8";
    return framing == EIO_BINARY_3 ? "application/octet-stream" : "text/plain; charset=UTF-8";
}

enum err eio_open_encode(const struct eio_open *open, struct buf *out)
{
    const char *upgrades = open->transport == EIO_POLLING ? "\"websocket\"" : "";
    enum err e =
        buf_printf(out,
                   "0{\"sid\":\"%.*s\",\"upgrades\":[%s],\"pingInterval\":%" PRId64
                   ",\"pingTimeout\":%" PRId64,
                   SPAN_ARGS(open->sid), upgrades, open->ping_interval_ms, open->ping_timeout_ms);

    if (!e && open->revision == 4)
        e = buf_printf(out, ",\"maxPayload\":%zu", open->max_payload);
    return e ? e : buf_append_char(out, '}');
}
