/* SPDX-License-Identifier: MIT */
#include "relay/native/codec.h"

#include <inttypes.h>
#include <string.h>

#include "common/text/json.h"
#include "common/text/json_walk.h"

enum { TYPE_MAX = 16 /* longer than any that is known */ };

/* The end of a message that belongs to an epoch. */
static enum err end_with_epoch(struct span epoch, struct buf *out)
{
    enum err e = ERR_NONE;

    if (epoch.len > 0 &&
        ((e = buf_append(out, SPAN(",\"epoch\":"))) || (e = json_append_text(out, epoch))))
        return e;
    return buf_append_char(out, '}');
}

static enum err encode_welcome(struct span user, struct buf *out)
{
    enum err e = buf_append(out, SPAN("{\"type\":\"welcome\",\"user\":"));

    return e ? e : json_append_text(out, user);
}

static enum err append_field(struct buf *out, struct span name, int64_t value)
{
    enum err e = buf_append(out, name);

    return e ? e : buf_append_int(out, value);
}

static enum err encode_personal(const struct ring *r, struct buf *out)
{
    enum err e;

    if ((e = append_field(out, SPAN("{\"type\":\"ring\",\"version\":"), r->version)) ||
        (e = append_field(out, SPAN(",\"seq\":"), r->seq)) ||
        (e = append_field(out, SPAN(",\"num\":"), r->num)) ||
        (e = append_field(out, SPAN(",\"hit\":"), r->hit)))
        return e;
    if (r->id && (e = append_field(out, SPAN(",\"id\":"), r->id)))
        return e;
    return r->has_scope ? append_field(out, SPAN(",\"scope\":"), r->scope) : ERR_NONE;
}

static enum err append_json(struct buf *out, struct span name, struct span json)
{
    enum err e = buf_append(out, name);

    return e ? e : buf_append(out, json.p ? json : SPAN("null"));
}

static struct span flag_text(bool b)
{
    return b ? SPAN("true") : SPAN("false");
}

static enum err encode_step(const struct ring *r, struct buf *out)
{
    const struct step *s = &r->step;
    enum err e;

    if ((e = append_field(out, SPAN(",\"from\":"), s->from)) ||
        (e = append_field(out, SPAN(",\"add\":"), s->add)) ||
        (e = append_json(out, SPAN(",\"category\":"), s->category)) ||
        (e = append_json(out, SPAN(",\"critical\":"), flag_text(s->is_critical))) ||
        (e = append_json(out, SPAN(",\"young\":"), flag_text(s->is_young))) ||
        (e = append_field(out, SPAN(",\"id\":"), r->id)))
        return e;
    return s->capability.p ? append_json(out, SPAN(",\"c\":"), s->capability) : ERR_NONE;
}

static enum err encode_many(const struct ring *r, struct buf *out)
{
    enum err e = buf_printf(out, "{\"type\":\"ring\",\"seq\":%" PRId64 ",\"spread_ms\":%" PRIu32,
                            r->seq, r->spread_ms);

    return e || r->step.add == 0 ? e : encode_step(r, out);
}

static enum err encode_ring(const struct ring *r, struct buf *out)
{
    switch (r->type) {
    case RING_PERSONAL:
        return encode_personal(r, out);
    case RING_MANY:
        return encode_many(r, out);
    default:
        return r->spread_ms
                   ? append_field(out, SPAN("{\"type\":\"ring\",\"spread_ms\":"), r->spread_ms)
                   : buf_append(out, SPAN("{\"type\":\"ring\""));
    }
}

static enum err encode_ping(int64_t seq, struct buf *out)
{
    enum err e = buf_append(out, SPAN("{\"type\":\"ping\""));

    return e || seq == 0 ? e : append_field(out, SPAN(",\"seq\":"), seq);
}

static enum err encode_error(enum event_fault fault, struct buf *out)
{
    static const char *const codes[FAULT_COUNT] = {
        [FAULT_UNKNOWN_TYPE] = "unknown_type",
        [FAULT_POLICY] = "policy",
        [FAULT_RESTART] = "restart",
        [FAULT_UNAVAILABLE] = "unavailable",
        [FAULT_TOKEN] = "token",
        [FAULT_KICKED] = "kicked",
        [FAULT_TOO_MANY] = "too_many",
    };

    return buf_printf(out, "{\"type\":\"error\",\"code\":\"%s\"}", codes[fault]);
}

enum err native_encode(const struct event *m, struct span epoch, struct buf *out)
{
    enum err e = ERR_INVALID;

    switch (m->type) {
    case EVENT_WELCOME:
        e = encode_welcome(m->as.user, out);
        break;
    case EVENT_RING:
    case EVENT_BROADCAST:
        e = encode_ring(&m->as.ring, out);
        break;
    case EVENT_PING:
        e = encode_ping(m->as.seq, out);
        break;
    case EVENT_ONLINE:
        return buf_printf(out, "{\"type\":\"online\",\"users\":%" PRIu32 ",\"pages\":%" PRIu32 "}",
                          m->as.online.users, m->as.online.pages);
    case EVENT_ERROR:
        return encode_error(m->as.fault, out);
    case EVENT_CLOSE_NOTICE:
        return buf_printf(out, "{\"type\":\"bye\",\"after_ms\":%" PRIu32 "}", m->as.after_ms);
    }
    return e ? e : end_with_epoch(epoch, out);
}

static enum err decode_login(struct span token, struct span online, struct native_frame *out)
{
    if (token.p) {
        struct span text;

        if (json_walk_text(token, out->token, sizeof(out->token), &text) || text.len > TOKEN_MAX)
            return ERR_MALFORMED;
        memmove(out->token, text.p, text.len);
        out->token_len = text.len;
        out->has_token = true;
    }
    if (online.p) {
        out->online = span_equal(online, SPAN("true"));
        if (!out->online && !span_equal(online, SPAN("false")))
            return ERR_MALFORMED;
        out->has_online = true;
    }
    out->type = NATIVE_LOGIN;
    return ERR_NONE;
}

static enum err decode_object(struct span root, struct native_frame *out)
{
    static const char *const names[] = {"type", "token", "online"};
    struct span members[3], type;
    char scratch[TYPE_MAX];
    enum err e;

    if (json_walk_members(root, names, 3, members) || !json_walk_is_text(members[0]))
        return ERR_MALFORMED;
    out->has_token = out->has_online = out->online = false;
    out->token_len = 0;
    out->type = NATIVE_UNKNOWN;
    e = json_walk_text(members[0], scratch, sizeof(scratch), &type);
    if (!e && span_equal(type, SPAN("login")))
        return decode_login(members[1], members[2], out);
    if (!e && span_equal(type, SPAN("pong")))
        out->type = NATIVE_PONG;
    return ERR_NONE;
}

enum err native_decode(struct span in, struct native_frame *out)
{
    /* What nearly every frame is, without a tree. */
    if (span_equal(in, SPAN("{\"type\":\"pong\"}"))) {
        out->type = NATIVE_PONG;
        return ERR_NONE;
    }
    if (json_check(in))
        return ERR_MALFORMED;
    return decode_object(json_walk_root(in), out);
}
