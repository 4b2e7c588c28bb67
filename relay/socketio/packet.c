/* SPDX-License-Identifier: MIT */
/* packet.c - Socket.IO packets, in and out. Only CONNECT and events matter here; json-c reads their
 * arguments after json_check() has passed them, and everything else is skipped or refused by its
 * first bytes. */
#include "relay/socketio/packet.h"

#include <inttypes.h>
#include <string.h>

#include "common/text/json.h"

/* Names that mean something to the libraries at both ends, and so are nobody's to send. */
static bool is_reserved(struct span name)
{
    static const char *const names[] = {
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal(name, span_of(names[i])))
            return true;
    return false;
}

static void skip(struct span *s, size_t n)
{
    *s = n ? (struct span){s->p + n, s->len - n} : *s;
}

static struct span cut_digits(struct span *rest)
{
    struct span digits = {rest->p, 0};

    while (digits.len < rest->len && rest->p[digits.len] >= '0' && rest->p[digits.len] <= '9')
        digits.len++;
    skip(rest, digits.len);
    return digits;
}

static enum err cut_type(struct span *rest, enum sio_type *out)
{
    int type = rest->len > 0 ? rest->p[0] - '0' : -1;

    if (type < SIO_CONNECT || type > SIO_BINARY_ACK)
        return ERR_MALFORMED;
    *out = (enum sio_type)type;
    skip(rest, 1);
    return ERR_NONE;
}

static enum err cut_attachments(struct span *rest, unsigned *out)
{
    struct span digits = cut_digits(rest);
    int64_t n;

    if (digits.len > 2 || span_parse_int(digits, &n) || n < 1 || n > SIO_ATTACHMENTS_MAX)
        return ERR_MALFORMED;
    if (rest->len == 0 || rest->p[0] != '-')
        return ERR_MALFORMED;
    skip(rest, 1);
    *out = (unsigned)n;
    return ERR_NONE;
}

static bool is_printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

/* Up to a comma or the end; the query in it, which 1.x and 2.x write, is of no use here. */
static enum err cut_namespace(struct span *rest, struct span *out)
{
    struct span name;

    *out = SPAN("/");
    if (rest->len == 0 || rest->p[0] != '/')
        return ERR_NONE;
    name = span_cut(rest, ',');
    name = span_cut(&name, '?');
    if (name.len > SIO_NAMESPACE_MAX || !is_printable(name))
        return ERR_MALFORMED;
    *out = name;
    return ERR_NONE;
}

static enum err cut_ack_id(struct span *rest, struct sio_packet *p)
{
    struct span digits = cut_digits(rest);

    if (digits.len == 0)
        return ERR_NONE;
    p->has_ack = true;
    return digits.len > SIO_ACK_DIGITS_MAX ? ERR_MALFORMED : span_parse_int(digits, &p->ack_id);
}

/* A text, or a number as it was written; else {NULL, 0}. */
static struct span scalar(struct json_object *node)
{
    if (json_object_is_type(node, json_type_int) || json_object_is_type(node, json_type_double))
        return span_of(json_object_get_string(node));
    return json_text(node);
}

static enum err read_event(struct sio_packet *p)
{
    struct json_object *name;

    if (!json_object_is_type(p->root, json_type_array) || json_object_array_length(p->root) == 0)
        return ERR_MALFORMED;
    name = json_object_array_get_idx(p->root, 0);
    p->event = scalar(name);
    if (!p->event.p)
        return ERR_MALFORMED;
    if (json_object_is_type(name, json_type_string) && is_reserved(p->event))
        return ERR_INVALID;
    if (json_object_array_length(p->root) > 1)
        p->argument = scalar(json_object_array_get_idx(p->root, 1));
    return ERR_NONE;
}

static enum err read_connect(struct sio_packet *p, struct span json)
{
    struct json_object *token;

    if (!json_object_is_type(p->root, json_type_object) || json_has_nul(json))
        return ERR_MALFORMED;
    if (json_object_object_get_ex(p->root, "token", &token))
        p->token = json_text(token);
    return ERR_NONE;
}

/* Each type has its form of data; that there is none is fine, as in the reference. */
static enum err read_data(struct sio_packet *p, struct span json)
{
    switch (p->type) {
    case SIO_CONNECT:
        return read_connect(p, json);
    case SIO_DISCONNECT:
        return ERR_MALFORMED;
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        return read_event(p);
    case SIO_ACK:
    case SIO_BINARY_ACK:
        return json_object_is_type(p->root, json_type_array) ? ERR_NONE : ERR_MALFORMED;
    case SIO_CONNECT_ERROR:
        return json_object_is_type(p->root, json_type_string) ||
                       json_object_is_type(p->root, json_type_object)
                   ? ERR_NONE
                   : ERR_MALFORMED;
    }
    return ERR_MALFORMED;
}

enum err sio_decode(struct span in, struct sio_packet *out)
{
    struct sio_packet p = {.root = NULL};
    enum err e;

    if ((e = cut_type(&in, &p.type)))
        return e;
    if ((p.type == SIO_BINARY_EVENT || p.type == SIO_BINARY_ACK) &&
        (e = cut_attachments(&in, &p.attachments)))
        return e;
    if ((e = cut_namespace(&in, &p.name_space)) || (e = cut_ack_id(&in, &p)))
        return e;
    if (in.len > 0 && (e = json_decode(in, &p.root)))
        return e == ERR_NO_MEMORY ? e : ERR_MALFORMED;
    if (in.len > 0 && (e = read_data(&p, in))) {
        sio_packet_deinit(&p);
        return e;
    }
    *out = p;
    return ERR_NONE;
}

void sio_packet_deinit(struct sio_packet *p)
{
    json_object_put(p->root);
    p->root = NULL;
}

/* Takes back what was appended, if there was an error. */
static enum err whole(struct buf *out, size_t start, enum err e)
{
    if (e)
        out->len = start;
    return e;
}

enum err sio_encode_connect(unsigned revision, struct span sid, struct buf *out)
{
    if (revision != 4)
        return buf_append(out, SPAN("40"));
    return buf_printf(out, "40{\"sid\":\"%.*s\"}", SPAN_ARGS(sid));
}

static enum err append_connect_error(unsigned revision, struct span name_space, struct span message,
                                     struct buf *out)
{
    bool is_main = span_equal(name_space, SPAN("/"));
    enum err e;

    if ((e = buf_append(out, SPAN("44"))) ||
        (e = buf_append(out, is_main ? SPAN("") : name_space)) ||
        (e = buf_append(out, is_main ? SPAN("") : SPAN(","))))
        return e;
    if (revision != 4)
        return json_append_ascii(out, message);
    if ((e = buf_append(out, SPAN("{\"message\":"))) || (e = json_append_ascii(out, message)))
        return e;
    return buf_append_char(out, '}');
}

enum err sio_encode_connect_error(unsigned revision, struct span name_space, struct span message,
                                  struct buf *out)
{
    size_t start = out->len;

    return whole(out, start, append_connect_error(revision, name_space, message, out));
}

enum err sio_encode_disconnect(struct buf *out)
{
    return buf_append(out, SPAN("41"));
}

static enum err append_event(struct span name, struct span argument, struct buf *out)
{
    enum err e;

    if ((e = buf_append(out, SPAN("42["))) || (e = json_append_ascii(out, name)) ||
        (e = buf_append_char(out, ',')) || (e = json_append_ascii(out, argument)))
        return e;
    return buf_append_char(out, ']');
}

enum err sio_encode_event(struct span name, struct span argument, struct buf *out)
{
    size_t start = out->len;

    return whole(out, start, append_event(name, argument, out));
}

static enum err append_ack(int64_t ack_id, const char *error, struct buf *out)
{
    enum err e = buf_printf(out, "43%" PRId64 "[{\"ok\":%s", ack_id, error ? "false" : "true");

    if (!e && error) {
        e = buf_append(out, SPAN(",\"error\":"));
        e = e ? e : json_append_ascii(out, span_of(error));
    }
    return e ? e : buf_append(out, SPAN("}]"));
}

enum err sio_encode_ack(int64_t ack_id, const char *error, struct buf *out)
{
    size_t start = out->len;

    return whole(out, start, append_ack(ack_id, error, out));
}
