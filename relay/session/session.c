/* SPDX-License-Identifier: MIT */
#include "relay/session/session.h"

#include <stdlib.h>

#include "relay/session/protocol.h"

int64_t session_silence_ms(const struct session_limits *limits)
{
    /* One ping may be lost, and its answer may be slow; both ends are to know within 60 s. */
    int64_t ms = limits->ping_interval_ms * 11 / 5;

    return ms < SILENCE_MAX_MS ? ms : SILENCE_MAX_MS;
}

void session_init(struct session *s, const struct protocol *protocol,
                  const struct session_limits *limits, struct instant now)
{
    *s = (struct session){
        .protocol = protocol,
        .opened_ms = now.ms,
        .heard_ms = now.ms,
        .pinged_ms = now.ms,
        .deadline_ms = limits->login_timeout_ms ? now.ms + limits->login_timeout_ms : 0,
        .state = SESSION_NEW,
    };
}

void session_heard(struct session *s, struct instant now)
{
    s->heard_ms = now.ms;
}

static enum session_due close_by(uint16_t *code, const char **reason, uint16_t with,
                                 const char *because)
{
    *code = with;
    *reason = because;
    return DUE_CLOSE;
}

enum session_due session_check(const struct session *s, const struct session_limits *limits,
                               struct instant now, uint16_t *code, const char **reason)
{
    int64_t silence_ms = session_silence_ms(limits);

    if (s->deadline_ms && now.ms >= s->deadline_ms)
        return s->state == SESSION_NEW && !s->page
                   ? close_by(code, reason, CLOSE_NO_LOGIN, "no login in time")
                   : close_by(code, reason, CLOSE_RESTART, "restarting");
    if (s->state == SESSION_OPEN && now.s >= s->token_expires_at + TOKEN_GRACE_S)
        return close_by(code, reason, CLOSE_TOKEN, "token expired");
    if (s->protocol->has_own_beat)
        return DUE_NOTHING;
    if (!s->protocol->is_one_way && s->pinged_ms > s->heard_ms &&
        now.ms - s->heard_ms >= silence_ms)
        return close_by(code, reason, CLOSE_POLICY, "ping timeout");
    if (s->blocked_ms && now.ms - s->blocked_ms >= silence_ms)
        return close_by(code, reason, CLOSE_POLICY, "does not read");
    if (now.ms - s->pinged_ms >= limits->ping_interval_ms)
        return DUE_PING;
    return DUE_NOTHING;
}

enum event_fault session_close_fault(const struct session *s)
{
    switch (s->close_code) {
    case CLOSE_RESTART:
        return FAULT_RESTART;
    case CLOSE_LATER:
        return FAULT_UNAVAILABLE;
    case CLOSE_TOKEN:
        return FAULT_TOKEN;
    case CLOSE_KICKED:
        return FAULT_KICKED;
    case CLOSE_TOO_MANY:
        return FAULT_TOO_MANY;
    default:
        return FAULT_POLICY;
    }
}

enum err session_collect(struct session *s, struct span piece, bool is_last, size_t frame_max,
                         struct span *whole)
{
    enum err e;

    if (piece.len > frame_max)
        return ERR_TOO_BIG;
    if (is_last && !s->partial) {
        *whole = piece;
        return ERR_NONE;
    }
    if (!s->partial) {
        s->partial = malloc(sizeof(*s->partial));
        if (!s->partial)
            return ERR_NO_MEMORY;
        buf_init(s->partial, frame_max);
    }
    if ((e = buf_append(s->partial, piece)))
        return e;
    *whole = buf_span(s->partial);
    return is_last ? ERR_NONE : ERR_INCOMPLETE;
}

void session_drop_partial(struct session *s)
{
    if (!s->partial)
        return;
    buf_deinit(s->partial);
    free(s->partial);
    s->partial = NULL;
}
