/* SPDX-License-Identifier: MIT */
/* relay.c - doorbell-relay without its loop: the pure core, the publish port included, with a
 * transport that is lines. Each line from the simulator is an event of the loop, and makes a turn:
 *
 *     open ID TOKEN, text ID BYTES, blocked ID, writable ID, gone ID    of a client's connection
 *     post PATH BODY                                                    a publish call
 *     tick, walk, drain, config LINE…                                   of the loop itself
 *
 * What the turn wrote comes back before a line "done" with ringer_wait_ms():
 *
 *     refused ID STATUS, frame ID BYTES, close ID CODE, kill ID, answer STATUS BODY
 */
#include "relay/engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/access/handshake.h"
#include "relay/engine/ringer.h"
#include "relay/engine/sweep.h"
#include "relay/native/session.h"
#include "relay/publish/api.h"
#include "relay/server/protocols.h"
#include "tests/sim/wire.h"

#define KEY "the-key-of-all-simulated-programs"

enum { LINES_MAX = 65536, HEAD_MAX = 8192 };

/* A client's connection. */
struct line {
    struct conn conn;
    unsigned id;
    bool is_blocked;
};

struct relay {
    struct engine engine;
    struct api api;
    struct config *config;
    struct secrets secrets;
    struct line *lines[LINES_MAX]; /* by id */
};

/* --- the transport --- */

static enum send_result send_frame(struct conn *c, const struct frame *f)
{
    struct line *line = (struct line *)c;
    struct span bytes = frame_span(f);

    if (line->is_blocked)
        return SEND_BLOCKED;
    wire_say("frame\t%u\t%.*s", line->id, SPAN_ARGS(bytes));
    return SEND_DONE;
}

static void close_line(struct conn *c, uint16_t code, const char *reason)
{
    (void)reason;
    wire_say("close\t%u\t%u", ((struct line *)c)->id, code);
}

static void kill_line(struct conn *c)
{
    wire_say("kill\t%u", ((struct line *)c)->id);
}

static const struct transport transport = {send_frame, close_line, kill_line};

/* --- what the engine asks for --- */

static void log_nothing(const struct session *s, const char *what)
{
    (void)s;
    (void)what;
}

static void answer_nobody(struct http_conn *parked, struct http_response *res)
{
    (void)parked;
    (void)res;
    wire_fail("a request of socket.io, which is not simulated");
}

/* Chance is the time: the simulator draws that. */
static enum err draw(void *out, size_t len)
{
    uint64_t n = (uint64_t)wire_now_us() * 6364136223846793005u + 1442695040888963407u;

    for (size_t i = 0; i < len; i++, n *= 6364136223846793005u)
        ((unsigned char *)out)[i] = (unsigned char)(n >> 56);
    return ERR_NONE;
}

static const struct engine_ops engine_ops = {log_nothing, answer_nobody, draw, wire_now_us};

static enum err ring_user(void *ctx, struct span user, const struct ring *ring, size_t *count)
{
    return ringer_ring_user(ctx, user, ring, count);
}

static enum err ring_all(void *ctx, const struct ring *ring, size_t *count)
{
    return ringer_ring_all(ctx, ring, count);
}

static void learn(void *ctx, const struct epoch_name *name, int64_t seq)
{
    (void)ringer_learn(ctx, name, seq);
}

static const struct api_ops api_ops = {ring_user, ring_all, learn, NULL};

static struct instant instant_now(void)
{
    int64_t us = wire_now_us();

    return (struct instant){us / 1000, us / 1000000, us, us};
}

/* --- events --- */

static struct line *line_of(struct relay *r, const char *id)
{
    unsigned long n = strtoul(id, NULL, 10);

    if (n >= LINES_MAX || !r->lines[n])
        wire_fail("no such connection");
    return r->lines[n];
}

static void refuse(const char *id, int status)
{
    wire_say("refused\t%s\t%d", id, status);
}

static void open_line(struct relay *r, const char *id, const char *token)
{
    char head[HEAD_MAX];
    struct http_request req;
    struct http_response res = {0};
    struct upgrade upgrade = {0};
    unsigned long n = strtoul(id, NULL, 10);
    struct line *line;

    (void)snprintf(head, sizeof(head),
                   "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Sec-WebSocket-Protocol: doorbell.v1\r\nOrigin: http://a.example\r\n"
                   "Cookie: doorbell_token=%s\r\n\r\n",
                   token);
    if (http_decode_head(span_of(head), HTTP_LINE_MAX, &req) || n >= LINES_MAX)
        wire_fail("cannot open this connection");
    buf_init(&res.body, HEAD_MAX);
    if (native_protocol.requests.answer(&r->engine, &req, &res, &upgrade) != REQUEST_UPGRADES) {
        refuse(id, res.status);
    } else if ((line = calloc(1, sizeof(*line)))) {
        *line = (struct line){.conn = {.transport = &transport}, .id = (unsigned)n};
        r->lines[n] = line;
        if (native_protocol.open(&r->engine, &line->conn, &upgrade))
            wire_fail("out of memory");
    }
    buf_deinit(&res.body);
}

static void on_text(struct relay *r, struct line *line, const char *bytes)
{
    struct piece piece = {.bytes = span_of(bytes), .kind = PIECE_TEXT, .is_last = true};

    engine_on_piece(&r->engine, &line->conn, &piece);
}

static void on_writable(struct relay *r, struct line *line)
{
    line->is_blocked = false;
    engine_on_writable(&r->engine, &line->conn);
}

static void on_gone(struct relay *r, struct line *line)
{
    engine_on_gone(&r->engine, &line->conn);
    r->lines[line->id] = NULL;
    free(line);
}

static void on_post(struct relay *r, const char *path, char *body)
{
    struct http_request req = {.method = HTTP_POST,
                               .path = span_of(path),
                               .content_length = strlen(body),
                               .body = body,
                               .header_count = 1,
                               .headers = {{SPAN("Authorization"), SPAN("Bearer " KEY)}}};
    struct http_response res = {0};

    buf_init(&res.body, 1024 * 1024);
    r->api.now = r->engine.now;
    r->api.is_draining = r->engine.admission.drain_ends_ms != 0;
    api_handle(&r->api, &req, &res);
    wire_say("answer\t%d\t%.*s", res.status, SPAN_ARGS(buf_span(&res.body)));
    buf_deinit(&res.body);
}

/* --- configuration --- */

static struct config *parse(char *const lines[])
{
    char text[4096] = "[relay]\n";
    char *const no_environment[] = {NULL};
    struct config *config;

    for (; *lines; lines++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", *lines);
    if (config_parse(span_of(text), NULL, no_environment, stderr, &config))
        wire_fail("these settings are wrong");
    return config;
}

static void reload(struct relay *r, char *const lines[])
{
    struct config *old = r->config;

    r->config = parse(lines);
    r->api.config = r->config;
    engine_configure(&r->engine, r->config, &r->secrets);
    config_free(old);
}

static void read_keys(struct relay *r)
{
    struct owned token, publish;
    const char *why;
    size_t bad;

    if (owned_copy(&token, SPAN(KEY "-for-tokens")) || owned_copy(&publish, SPAN(KEY)) ||
        token_keys_new(&r->config->auth, &token, 1, &r->secrets.token, &bad, &why) ||
        keyring_init(&r->secrets.publish, &publish, &why))
        wire_fail("the keys are wrong");
}

static void begin(struct relay *r, char *const lines[])
{
    r->config = parse(lines);
    read_keys(r);
    r->engine.now = instant_now();
    if (engine_init(&r->engine, &engine_ops, protocols, r->config, &r->secrets))
        wire_fail("out of memory");
    r->api = (struct api){.config = r->config,
                          .secrets = &r->secrets,
                          .hub = r->engine.hub,
                          .revocations = r->engine.authenticator.revocations,
                          .metrics = &r->engine.metrics,
                          .ops = &api_ops,
                          .ctx = &r->engine,
                          .started = r->engine.now,
                          .is_local = true};
}

/* --- the loop --- */

static bool is_word(const struct wire_line *l, const char *word, int arguments)
{
    return l->count == arguments + 1 && strcmp(l->fields[0], word) == 0;
}

static void on_event(struct relay *r, const struct wire_line *l)
{
    char *const *f = l->fields;

    if (is_word(l, "tick", 0))
        (void)sweep_tick(&r->engine);
    else if (is_word(l, "walk", 0))
        ringer_walk(&r->engine);
    else if (is_word(l, "drain", 0))
        engine_drain(&r->engine, false);
    else if (is_word(l, "open", 2))
        open_line(r, f[1], f[2]);
    else if (is_word(l, "text", 2))
        on_text(r, line_of(r, f[1]), f[2]);
    else if (is_word(l, "blocked", 1))
        line_of(r, f[1])->is_blocked = true;
    else if (is_word(l, "writable", 1))
        on_writable(r, line_of(r, f[1]));
    else if (is_word(l, "gone", 1))
        on_gone(r, line_of(r, f[1]));
    else if (is_word(l, "post", 2))
        on_post(r, f[1], f[2]);
    else if (l->count > 0 && strcmp(f[0], "config") == 0)
        reload(r, f + 1);
    else
        wire_fail("not understood");
}

int main(void)
{
    static struct relay relay;
    struct wire_line line;

    wire_hear(&line);
    begin(&relay, line.fields + 1);
    for (;;) {
        engine_turn(&relay.engine);
        wire_say("done\t%" PRId64, ringer_wait_ms(&relay.engine));
        wire_flush();
        wire_hear(&line);
        relay.engine.now = instant_now();
        on_event(&relay, &line);
    }
}
