/* SPDX-License-Identifier: MIT */
/* native.c - doorbell.v1: JSON text frames. */
#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "relay/protocol/protocol.h"

static enum err encode_welcome(struct span user, struct buf *out)
{
    enum err e;

    if ((e = buf_append(out, SPAN("{\"type\":\"welcome\",\"user\":"))) ||
        (e = json_append_text(out, user)))
        return e;
    return buf_append_char(out, '}');
}

static enum err encode_personal(const struct ring *r, struct buf *out)
{
    enum err e = buf_printf(out,
                            "{\"type\":\"ring\",\"version\":%" PRId64 ",\"seq\":%" PRId64
                            ",\"num\":%" PRId64 ",\"hit\":%d",
                            r->version, r->seq, r->num, r->hit);

    if (!e && r->id)
        e = buf_printf(out, ",\"id\":%" PRId64, r->id);
    return e ? e : buf_append_char(out, '}');
}

static enum err encode_ring(const struct ring *r, struct buf *out)
{
    switch (r->type) {
    case RING_PERSONAL:
        return encode_personal(r, out);
    case RING_MANY:
        return buf_printf(out, "{\"type\":\"ring\",\"seq\":%" PRId64 ",\"spread_ms\":%" PRIu32 "}",
                          r->seq, r->spread_ms);
    default:
        return buf_append(out, SPAN("{\"type\":\"ring\"}"));
    }
}

static enum err encode_error(enum message_fault fault, struct buf *out)
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

static enum err encode(const struct message *m, struct buf *out)
{
    switch (m->type) {
    case MESSAGE_WELCOME:
        return encode_welcome(m->as.user, out);
    case MESSAGE_RING:
        return encode_ring(&m->as.ring, out);
    case MESSAGE_ONLINE:
        return buf_printf(out, "{\"type\":\"online\",\"users\":%" PRIu32 ",\"pages\":%" PRIu32 "}",
                          m->as.online.users, m->as.online.pages);
    case MESSAGE_PING:
        return buf_append(out, SPAN("{\"type\":\"ping\"}"));
    case MESSAGE_ERROR:
        return encode_error(m->as.fault, out);
    case MESSAGE_BYE:
        return buf_printf(out, "{\"type\":\"bye\",\"after_ms\":%" PRIu32 "}", m->as.after_ms);
    }
    return ERR_INVALID;
}

static enum err decode_login(struct json_object *root, struct client_frame *out)
{
    struct json_object *token, *online;

    if (json_object_object_get_ex(root, "token", &token)) {
        struct span text = json_text(token);

        if (!json_object_is_type(token, json_type_string) || text.len > TOKEN_MAX)
            return ERR_MALFORMED;
        memcpy(out->token, text.p, text.len);
        out->token_len = text.len;
        out->has_token = true;
    }
    if (json_object_object_get_ex(root, "online", &online)) {
        if (!json_object_is_type(online, json_type_boolean))
            return ERR_MALFORMED;
        out->online = json_object_get_boolean(online);
        out->has_online = true;
    }
    out->type = CLIENT_LOGIN;
    return ERR_NONE;
}

static enum err decode_object(struct json_object *root, struct client_frame *out)
{
    struct json_object *node;
    struct span type;

    if (!json_object_is_type(root, json_type_object) ||
        !json_object_object_get_ex(root, "type", &node) ||
        !json_object_is_type(node, json_type_string))
        return ERR_MALFORMED;
    type = json_text(node);
    out->has_token = out->has_online = out->online = false;
    out->token_len = 0;
    out->type = CLIENT_UNKNOWN;
    if (span_equal(type, SPAN("login")))
        return decode_login(root, out);
    if (span_equal(type, SPAN("pong")))
        out->type = CLIENT_PONG;
    return ERR_NONE;
}

static enum err decode(struct span in, struct client_frame *out)
{
    struct json_object *root;
    enum err e;

    /* What nearly every frame is, without a tree. */
    if (span_equal(in, SPAN("{\"type\":\"pong\"}"))) {
        out->type = CLIENT_PONG;
        return ERR_NONE;
    }
    if ((e = json_decode(in, &root)))
        return e == ERR_NO_MEMORY ? e : ERR_MALFORMED;
    e = decode_object(root, out);
    json_object_put(root);
    return e;
}

const struct protocol native_protocol = {
    .id = PROTOCOL_NATIVE,
    .name = "native",
    .encode = encode,
    .decode = decode,
};
