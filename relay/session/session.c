/* SPDX-License-Identifier: MIT */
#include "relay/session/session.h"

void session_init(struct session *s, const struct protocol *protocol, struct instant now)
{
    *s = (struct session){.protocol = protocol, .opened_ms = now.ms, .state = SESSION_NEW};
}

bool session_is_over(const struct session *s, struct instant now, const struct session_end *late,
                     struct session_end *end)
{
    if (s->deadline_ms && now.ms >= s->deadline_ms) {
        *end = *late;
        return true;
    }
    if (s->state != SESSION_OPEN || now.s < s->token_expires_at + TOKEN_GRACE_S)
        return false;
    *end = (struct session_end){"token expired", CLOSE_TOKEN};
    return true;
}

enum event_fault session_close_fault(const struct session *s)
{
    switch (s->end.code) {
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
