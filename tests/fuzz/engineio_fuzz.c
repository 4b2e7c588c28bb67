/* SPDX-License-Identifier: MIT */
/* The first byte says how the rest is read: as a query ('q'), or as a body of revision 4 ('4'),
 * of revision 3 as text ('3') or binary ('o'), by JSONP ('j', 'k'). Packets lie within the body;
 * those that could be ours, sent by any framing, come back the same. */
#include "relay/socketio/engineio.h"

#include <stdlib.h>
#include <string.h>

static void check_query(struct span query)
{
    struct eio_query q;
    enum eio_fault fault;

    if (eio_query_decode(query, &q, &fault)) {
        if (fault < 0 || fault >= EIO_FAULT_COUNT)
            abort();
        return;
    }
    if (q.sid.len > EIO_SID_MAX || q.jsonp < -1 || (q.sid.len == 0 && q.revision == 0))
        abort();
    (void)eio_framing_of(&q);
}

/* Sends the packet twice, and reads the first of them. */
static void check_framing(enum eio_framing framing, struct span packet)
{
    struct span octets = SPAN("application/octet-stream");
    struct eio_payload payload;
    struct eio_packet p;
    struct buf out;

    buf_init(&out, 2 * packet.len + 100);
    if (eio_payload_append(framing, packet, &out) || eio_payload_append(framing, packet, &out) ||
        eio_payload_init(&payload, framing == EIO_TEXT_4 ? 4 : 3, false,
                         framing == EIO_BINARY_3 ? octets : SPAN(""), out.data, out.len) ||
        eio_payload_next(&payload, &p) || p.type != (enum eio_type)(packet.p[0] - '0') ||
        !span_equal(p.data, (struct span){packet.p + 1, packet.len - 1}) ||
        eio_payload_next(&payload, &p) || eio_payload_next(&payload, &p) != ERR_END)
        abort();
    buf_deinit(&out);
}

static void check_packet(const struct eio_packet *p, const char *body, size_t len)
{
    struct buf packet, probe;

    if (p->data.len > 0 && (p->data.p < body || p->data.p + p->data.len > body + len))
        abort();
    if (p->type > EIO_NOOP)
        abort();
    if (p->is_binary)
        return;
    buf_init(&packet, p->data.len + 1);
    buf_init(&probe, p->data.len + 100);
    if (buf_append_char(&packet, (char)('0' + p->type)) || buf_append(&packet, p->data))
        abort();
    if (!eio_payload_append(EIO_TEXT_4, buf_span(&packet), &probe))
        for (int framing = EIO_TEXT_4; framing <= EIO_BINARY_3; framing++)
            check_framing((enum eio_framing)framing, buf_span(&packet));
    buf_deinit(&packet);
    buf_deinit(&probe);
}

static void check_body(char how, char *body, size_t len)
{
    struct span type = how == 'o' ? SPAN("application/octet-stream") : SPAN("");
    unsigned revision = how == '4' || how == 'k' ? 4 : 3;
    struct eio_payload payload;
    struct eio_packet p;
    size_t count = 0;

    if (eio_payload_init(&payload, revision, how == 'j' || how == 'k', type, body, len))
        return;
    while (!eio_payload_next(&payload, &p)) {
        count++;
        check_packet(&p, body, len);
    }
    if (count > EIO_PACKETS_MAX || count > len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body;

    if (size == 0)
        return 0;
    body = malloc(size); /* one of its own, so that its end is watched */
    if (!body)
        return 0;
    memcpy(body, data + 1, size - 1);
    if (data[0] == 'q')
        check_query((struct span){body, size - 1});
    else
        check_body((char)data[0], body, size - 1);
    free(body);
    return 0;
}
