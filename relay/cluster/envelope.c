/* SPDX-License-Identifier: MIT */
#include "relay/cluster/envelope.h"

#include <inttypes.h>

#include "common/text/json.h"
#include "common/text/json_walk.h"

#define VERSION "doorbell1"

static const char *const kinds[ENVELOPE_KINDS] = {
    [ENVELOPE_HELLO] = "hello",   [ENVELOPE_BYE] = "bye",   [ENVELOPE_RINGS] = "rings",
    [ENVELOPE_TEXT] = "text",     [ENVELOPE_KICK] = "kick", [ENVELOPE_REVOKED] = "revoked",
    [ENVELOPE_LOGIN] = "login",   [ENVELOPE_KEEP] = "keep", [ENVELOPE_ASK] = "ask",
    [ENVELOPE_ANSWER] = "answer",
};

enum err envelope_encode(const struct envelope *e, struct buf *out)
{
    enum err error = buf_printf(out, VERSION " %s %" PRId64 " %" PRIu32 "\n", kinds[e->kind],
                                e->from, e->question);

    return error ? error : buf_append(out, e->body);
}

static enum err decode_kind(struct span word, enum envelope_kind *out)
{
    for (int i = 0; i < ENVELOPE_KINDS; i++) {
        if (!span_equal(word, span_of(kinds[i])))
            continue;
        *out = (enum envelope_kind)i;
        return ERR_NONE;
    }
    return ERR_UNSUPPORTED;
}

/* As it is written by envelope_encode(): one form for each number. */
static enum err decode_number(struct span word, int64_t max, int64_t *out)
{
    if (word.len == 0 || word.p[0] == '-' || (word.len > 1 && word.p[0] == '0') ||
        span_parse_int(word, out) || *out > max)
        return ERR_MALFORMED;
    return ERR_NONE;
}

enum err envelope_decode(struct span in, struct envelope *out)
{
    struct span body = in, line = span_cut(&body, '\n');
    struct span version = span_cut(&line, ' '), kind = span_cut(&line, ' ');
    struct span from = span_cut(&line, ' ');
    struct envelope e = {.body = body};
    int64_t question;
    enum err error;

    if (!span_equal(version, SPAN(VERSION)))
        return ERR_UNSUPPORTED;
    if (!body.p || decode_number(from, INT64_MAX, &e.from) ||
        decode_number(line, UINT32_MAX, &question))
        return ERR_MALFORMED;
    if ((error = decode_kind(kind, &e.kind)))
        return error;
    e.question = (uint32_t)question;
    *out = e;
    return ERR_NONE;
}

enum err hello_encode(const struct hello *h, struct buf *out)
{
    return buf_printf(out,
                      "{\"life\":%" PRId64 ",\"users\":%" PRId64 ",\"pages\":%" PRId64
                      ",\"sessions\":%" PRId64 "}",
                      h->life, h->users, h->pages, h->sessions);
}

enum err hello_decode(struct span body, struct hello *out)
{
    static const char *const names[] = {"life", "users", "pages", "sessions"};
    int64_t numbers[4];
    struct span members[4];

    if (json_check(body) || json_walk_members(json_walk_root(body), names, 4, members))
        return ERR_MALFORMED;
    for (int i = 0; i < 4; i++)
        if (span_parse_int(members[i], &numbers[i]) || numbers[i] < 0)
            return ERR_MALFORMED;
    for (int i = 1; i < 4; i++)
        if (numbers[i] > UINT32_MAX)
            return ERR_MALFORMED;
    *out = (struct hello){numbers[0], numbers[1], numbers[2], numbers[3]};
    return ERR_NONE;
}
