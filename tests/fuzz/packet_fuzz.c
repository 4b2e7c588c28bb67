/* SPDX-License-Identifier: MIT */
/* What decodes, written anew, decodes to the same; and what it says can be said back in ASCII. */
#include "relay/socketio/packet.h"

#include <json-c/json.h>
#include <stdlib.h>

static void append(struct buf *out, struct span s)
{
    if (buf_append(out, s))
        abort();
}

static void write_anew(const struct sio_packet *p, struct buf *out)
{
    if (buf_printf(out, "%d", (int)p->type))
        abort();
    if ((p->type == SIO_BINARY_EVENT || p->type == SIO_BINARY_ACK) &&
        buf_printf(out, "%u-", p->attachments))
        abort();
    append(out, p->name_space);
    append(out, SPAN(","));
    if (p->has_ack && buf_append_int(out, p->ack_id))
        abort();
    if (p->root)
        append(out, span_of(json_object_to_json_string_ext(p->root, JSON_C_TO_STRING_PLAIN)));
}

static bool is_same(struct span a, struct span b)
{
    return (a.p == NULL) == (b.p == NULL) && span_equal(a, b);
}

static void check_ascii(const struct sio_packet *p, size_t len)
{
    struct buf out;

    buf_init(&out, 12 * len + 200);
    if (sio_encode_event(p->event, p->argument, &out) ||
        sio_encode_connect_error(4, p->name_space, p->token, &out) ||
        sio_encode_ack(p->ack_id, "no", &out))
        abort();
    for (size_t i = 0; i < out.len; i++)
        if (out.data[i] < ' ' || out.data[i] > '~')
            abort();
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sio_packet p, again;
    struct buf out;

    if (sio_decode((struct span){(const char *)data, size}, &p))
        return 0;
    if (p.attachments > SIO_ATTACHMENTS_MAX || p.ack_id < 0 || p.name_space.len > SIO_NAMESPACE_MAX)
        abort();
    check_ascii(&p, size);
    buf_init(&out, 8 * size + 100);
    write_anew(&p, &out);
    if (sio_decode(buf_span(&out), &again) || again.type != p.type ||
        again.attachments != p.attachments || again.has_ack != p.has_ack ||
        again.ack_id != p.ack_id || !is_same(again.name_space, p.name_space) ||
        !is_same(again.event, p.event) || !is_same(again.argument, p.argument) ||
        !is_same(again.token, p.token))
        abort();
    sio_packet_deinit(&again);
    sio_packet_deinit(&p);
    buf_deinit(&out);
    return 0;
}
