/* SPDX-License-Identifier: MIT */
/* The first line is the query of a handshake, each other one a step: a letter, and after it what
 * is heard, said, or how many seconds go by. Whatever happens, what waits stays under its ceiling
 * and is whole packets, and what is over stays so, hears nothing, and answers no second poll. */
#include "relay/socketio/eio_session.h"

#include <stdlib.h>
#include <string.h>

#include "relay/socketio/packet.h"

static const struct eio_limits limits = {25000, 20000, 10000, 45000, 100000, 1024};

struct player {
    struct eio_session s;
    struct eio_event event;
    int64_t now_ms;
    bool has_probe;
};

static void demand(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_mark(const struct eio_session *s, const struct eio_mark *mark)
{
    if (mark->len == 0)
        return;
    demand(mark->at >= s->outbox.head && mark->at + mark->len <= s->outbox.bytes.len);
    demand(mark->at == s->outbox.head || s->outbox.bytes.data[mark->at - 1] == EIO_SEPARATOR);
    demand(memchr(s->outbox.bytes.data + mark->at, EIO_SEPARATOR, mark->len) ==
           s->outbox.bytes.data + mark->at + mark->len - 1);
}

static void check_state(const struct eio_session *s)
{
    demand(s->outbox.bytes.len <= limits.max_pending && s->outbox.head <= s->outbox.bytes.len);
    demand(s->outbox.bytes.len == 0 ||
           s->outbox.bytes.data[s->outbox.bytes.len - 1] == EIO_SEPARATOR);
    demand((s->outbox.bytes.data == NULL) == (s->outbox.head == s->outbox.bytes.len));
    check_mark(s, &s->outbox.online);
    check_mark(s, &s->outbox.ring);
    demand((s->state == EIO_STATE_OPEN) == (s->reason == NULL));
    demand(s->probe == EIO_PROBE_NONE || s->transport == EIO_POLLING);
    demand(!eio_session_is_over(s) || (s->outbox.bytes.data == NULL && s->probe == EIO_PROBE_NONE));
}

static void check_event(struct player *p, char answer)
{
    const char *error = answer == '!' ? "no" : NULL;

    demand((p->event.type == EIO_EVENT_CLOSED) == eio_session_is_over(&p->s));
    demand(p->event.text_len <= sizeof(p->event.text));
    if (p->event.type != EIO_EVENT_LOGIN && p->event.type != EIO_EVENT_AUTH)
        return;
    demand(p->event.text_len > 0 && !p->s.is_logged_in);
    (void)!eio_session_answer(&p->s, &p->event, error);
}

static void post(struct player *p, struct span content_type, struct span text)
{
    struct eio_payload payload;
    char *body = malloc(text.len + 1); /* one of its own, so that its end is watched */

    demand(body != NULL);
    if (text.len > 0)
        memcpy(body, text.p, text.len);
    if (!eio_session_start_payload(&p->s, content_type, body, text.len, &payload)) {
        while (eio_session_hear_next(&p->s, &payload, p->now_ms, &p->event))
            check_event(p, text.p[text.len - 1]);
    }
    free(body);
}

static void take_poll(struct player *p)
{
    struct buf body;

    if (!eio_session_owes_poll(&p->s))
        return;
    buf_init(&body, 16 * limits.max_pending);
    demand(!eio_session_take_payload(&p->s, &body) && body.len > 0);
    demand(!eio_session_owes_poll(&p->s));
    buf_deinit(&body);
}

static void send_one(struct player *p)
{
    struct span packet;

    if (!eio_session_peek(&p->s, &packet))
        return;
    demand(packet.len > 0 && packet.p[0] >= '0' && packet.p[0] <= '6');
    for (size_t i = 0; i < packet.len; i++)
        demand(packet.p[i] >= ' ' && packet.p[i] <= '~');
    eio_session_pop(&p->s);
}

static void put(struct player *p, enum eio_kind kind, struct span text)
{
    bool is_open = p->s.state == EIO_STATE_OPEN && p->s.is_connected;
    struct buf packet;

    buf_init(&packet, 12 * text.len + 100);
    demand(!sio_encode_event(SPAN("new_msg"), text, &packet));
    if (eio_session_put(&p->s, kind, buf_span(&packet)))
        demand(eio_session_is_over(&p->s));
    else
        demand(!is_open || eio_session_has_waiting(&p->s));
    buf_deinit(&packet);
}

static void hear_probe(struct player *p, struct span text)
{
    if (p->has_probe && eio_session_hear_probe(&p->s, text, false, p->now_ms) != EIO_PROBE_PONG)
        p->has_probe = false;
}

static void check_time(struct player *p, struct span text)
{
    p->now_ms += 1000 * (int64_t)text.len;
    if (eio_session_check(&p->s, &limits, p->now_ms) == EIO_DUE_CLOSE)
        demand(eio_session_is_over(&p->s));
}

static void hear(struct player *p, struct span text, bool is_binary)
{
    if (p->s.transport != EIO_WEBSOCKET)
        return;
    eio_session_hear(&p->s, text, is_binary, p->now_ms, &p->event);
    check_event(p, text.len > 0 ? text.p[text.len - 1] : ' ');
}

static void step(struct player *p, char op, struct span text)
{
    switch (op) {
    case 'p':
        (void)eio_session_poll(&p->s);
        break;
    case 'g':
        take_poll(p);
        break;
    case 'c':
        post(p, SPAN(""), text);
        break;
    case 'o':
        post(p, SPAN("application/octet-stream"), text);
        break;
    case '>':
        hear(p, text, false);
        break;
    case 'b':
        hear(p, text, true);
        break;
    case '<':
        send_one(p);
        break;
    case 'm':
        put(p, EIO_KIND_PLAIN, text);
        break;
    case 'n':
        put(p, EIO_KIND_ONLINE, text);
        break;
    case 'r':
        put(p, EIO_KIND_RING, text);
        break;
    case 'l':
        (void)!eio_session_leave(&p->s);
        break;
    case 'k':
        eio_session_close(&p->s, "kicked", p->now_ms);
        break;
    case 'x':
        eio_session_lose_poll(&p->s);
        break;
    case 't':
        check_time(p, text);
        break;
    case 'w':
        p->has_probe = eio_session_start_probe(&p->s, p->now_ms) || p->has_probe;
        break;
    case 'u':
        hear_probe(p, text);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct span query = span_cut(&rest, '\n');
    static struct player p;
    struct eio_query handshake;
    enum eio_fault fault;

    if (eio_query_decode(query, &handshake, &fault) || handshake.revision == 0)
        return 0;
    p.now_ms = 0;
    p.has_probe = false;
    demand(!eio_session_open(&p.s, &handshake, SPAN("E1"), SPAN("S1"), &limits, 0));
    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        bool was_over = eio_session_is_over(&p.s);

        if (line.len > 0)
            step(&p, line.p[0], (struct span){line.p + 1, line.len - 1});
        check_state(&p.s);
        demand(!was_over || eio_session_is_over(&p.s));
    }
    eio_session_deinit(&p.s);
    return 0;
}
