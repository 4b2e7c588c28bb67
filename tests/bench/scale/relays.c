/* SPDX-License-Identifier: MIT */
/* relays.c - all relays of a site in one process, and what their pages' sockets are to them: the
 * pure core, with the time as an argument. relays COUNT PAGES [SETTING…] first opens a session for
 * each page; then each message from stdin is a moment at which all loops turn once. Messages are
 * words of 32 bits, the number of those that follow first:
 *
 *     to us: the time in ms, then any of
 *         1 relay page           a page's request for a socket
 *         2 relay                this relay ends without a word
 *         3 type seq add         a ring to everybody, at each relay
 *         4 epoch seq            what a publish call tells of the database, at each relay
 *     from us: whether a broadcast is under way, then any of
 *         1 page text            a frame, as the number of its text
 *         2 page status          refused
 *         3 page                 accepted
 *         4 page code            closed
 *         5 length bytes         the next text, filled up to a word
 *
 * Pages answer pings at once. Between the relays is no Redis: what one says the others hear in the
 * same turn. */
#include "relay/engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/access/handshake.h"
#include "relay/cluster/cluster.h"
#include "relay/engine/ringer.h"
#include "relay/engine/sweep.h"
#include "relay/native/session.h"
#include "relay/server/protocols.h"

enum { START_MS = 100000, CLUSTER_TICK_MS = 20, TEXTS_MAX = 64, TEXT_MAX = 512, BUS_MAX = 4096 };

enum command { COMMAND_OPEN = 1, COMMAND_END, COMMAND_RING, COMMAND_LEARN };
enum record { RECORD_FRAME = 1, RECORD_REFUSED, RECORD_ACCEPTED, RECORD_CLOSED, RECORD_TEXT };

/* A page's end. */
struct line {
    struct conn conn;
    struct relay *relay; /* NULL: it has no session */
    uint32_t page;
};

struct relay {
    struct engine engine;
    struct cluster cluster;
    struct config share; /* as site.c has it */
    bool is_up;
};

struct text {
    size_t len;
    char bytes[TEXT_MAX];
};

struct said {
    size_t len;
    char bytes[256];
};

static struct config *config;
static struct secrets secrets;
static struct relay *relays;
static struct line *lines;
static size_t relay_count, page_count;
static struct text texts[TEXTS_MAX]; /* the newest ones, by their number */
static uint32_t text_count;
static struct said bus[BUS_MAX];
static size_t bus_len;
static struct instant now;
static bool is_recording;

static uint32_t *out;
static size_t out_len, out_room;

static void fail(const char *why)
{
    (void)fprintf(stderr, "relays: %s\n", why);
    exit(1);
}

/* --- what is said to the simulator --- */

static void say(uint32_t word)
{
    if (out_len == out_room) {
        out_room = out_room ? 2 * out_room : 65536;
        out = realloc(out, out_room * sizeof(*out));
        if (!out)
            fail("out of memory");
    }
    out[out_len++] = word;
}

static void say_text(struct span s)
{
    uint32_t word;

    say(RECORD_TEXT);
    say((uint32_t)s.len);
    for (size_t i = 0; i < s.len; i += sizeof(word)) {
        size_t rest = s.len - i;

        word = 0;
        memcpy(&word, s.p + i, rest < sizeof(word) ? rest : sizeof(word));
        say(word);
    }
}

/* Its number; few frames differ from those before them. */
static uint32_t number_of(struct span s)
{
    struct text *t;

    for (uint32_t i = text_count; i > 0 && i + TEXTS_MAX > text_count; i--) {
        t = &texts[(i - 1) % TEXTS_MAX];
        if (t->len == s.len && memcmp(t->bytes, s.p, s.len) == 0)
            return i - 1;
    }
    if (s.len > TEXT_MAX)
        fail("a frame is too long");
    t = &texts[text_count % TEXTS_MAX];
    t->len = s.len;
    memcpy(t->bytes, s.p, s.len);
    say_text(s);
    return text_count++;
}

/* --- the transport --- */

static bool begins_with(struct span s, struct span head)
{
    return s.len >= head.len && memcmp(s.p, head.p, head.len) == 0;
}

static enum send_result send_frame(struct conn *c, const struct frame *f)
{
    static const struct piece pong = {.kind = PIECE_PONG, .is_last = true};
    struct line *line = (struct line *)c;
    struct span bytes = frame_span(f);

    if (is_recording) {
        uint32_t number = number_of(bytes);

        say(RECORD_FRAME);
        say(line->page);
        say(number);
    }
    if (begins_with(bytes, SPAN("{\"type\":\"ping\"")))
        engine_on_piece(&line->relay->engine, c, &pong);
    return SEND_DONE;
}

static void close_line(struct conn *c, uint16_t code, const char *reason)
{
    struct line *line = (struct line *)c;

    (void)reason;
    say(RECORD_CLOSED);
    say(line->page);
    say(code);
    engine_on_gone(&line->relay->engine, c);
    line->relay = NULL;
    c->session = NULL;
}

static void kill_line(struct conn *c)
{
    close_line(c, CLOSE_POLICY, "");
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
    fail("a request of socket.io, which is not simulated");
}

static enum err draw_nothing(void *bytes, size_t len)
{
    memset(bytes, 0, len);
    return ERR_NONE;
}

static int64_t clock_now(void)
{
    return now.us;
}

static const struct engine_ops engine_ops = {log_nothing, answer_nobody, draw_nothing, clock_now};

/* --- one of several relays, as relay/server/site.c makes it --- */

static bool publish(void *link, enum cluster_to to, struct span name, struct span payload,
                    uint32_t question)
{
    struct said *said = &bus[bus_len];

    (void)link;
    (void)name;
    (void)question;
    if (to != CLUSTER_ALL || bus_len == BUS_MAX || payload.len > sizeof(said->bytes))
        fail("the relays say what is not simulated");
    bus_len++;
    said->len = payload.len;
    memcpy(said->bytes, payload.p, payload.len);
    return true;
}

static bool count_subscribers(void *link, const struct question *one)
{
    (void)link;
    (void)one;
    return false;
}

static void receive(void *here, struct span user, const struct envelope *e)
{
    (void)here;
    (void)user;
    (void)e;
}

static void finish(void *here, const struct question *one, bool is_partial)
{
    (void)here;
    (void)one;
    (void)is_partial;
}

static void lose(void *here)
{
    static const struct ring ask = {.type = RING_ASK};
    struct relay *r = here;
    size_t count;

    if (ringer_ring_all(&r->engine, &ask, &count))
        fail("out of memory");
}

static const struct cluster_ops cluster_ops = {publish, count_subscribers, receive, finish, lose};

static struct hello own_hello(const struct relay *r)
{
    const struct hub *hub = r->engine.hub;

    return (struct hello){.users = (int64_t)hub_users(hub),
                          .pages = (int64_t)hub_pages(hub),
                          .sessions = (int64_t)hub_sessions(hub)};
}

static void take_share(struct relay *r)
{
    struct config_relay *relay = &r->share.relay;

    r->share = *config;
    relay->pace = cluster_share(&r->cluster, relay->pace);
    relay->notify_pace = cluster_share(&r->cluster, relay->notify_pace);
    relay->check_rate = cluster_share(&r->cluster, relay->check_rate);
    relay->max_accepts_per_second = cluster_share(&r->cluster, relay->max_accepts_per_second);
    r->engine.config = &r->share;
}

static void hear_others(void)
{
    for (size_t i = 0; i < bus_len; i++)
        for (size_t n = 0; n < relay_count; n++) {
            struct relay *r = &relays[n];
            struct hello own;

            if (!r->is_up)
                continue;
            own = own_hello(r);
            cluster_on_message(&r->cluster, SPAN(""), (struct span){bus[i].bytes, bus[i].len}, &own,
                               now.ms);
        }
    bus_len = 0;
}

static void begin_relay(struct relay *r, int64_t id)
{
    struct hello own;

    r->is_up = true;
    r->engine.now = now;
    if (engine_init(&r->engine, &engine_ops, protocols, config, &secrets))
        fail("out of memory");
    cluster_init(&r->cluster, &cluster_ops, id, CONFIG_FILE_MAX);
    r->cluster.here = r;
    r->engine.ticks = (unsigned)id; /* their seconds begin at other times */
    own = own_hello(r);
    (void)cluster_on_linked(&r->cluster, id, &own, now.ms);
}

/* --- pages --- */

static void open_session(struct relay *r, struct line *line)
{
    struct upgrade upgrade = {.protocol = &native_protocol, .token = SPAN("good")};
    struct token_claims *claims = &upgrade.verdict.claims;

    *claims = (struct token_claims){.expires_at = INT32_MAX};
    (void)snprintf(claims->user, sizeof(claims->user), "%" PRIu32, line->page);
    line->relay = r;
    line->conn = (struct conn){.transport = &transport};
    if (native_protocol.open(&r->engine, &line->conn, &upgrade))
        fail("out of memory");
}

/* What native/session.c does once the token has been found good. */
static void request_session(struct relay *r, struct line *line)
{
    char user[16];
    struct newcomer who = {.user = {user, 0}};
    const char *why;
    int status;

    who.user.len = (size_t)snprintf(user, sizeof(user), "%" PRIu32, line->page);
    status = r->is_up ? engine_check_room(&r->engine, &who, &why) : 502;
    say(status ? RECORD_REFUSED : RECORD_ACCEPTED);
    say(line->page);
    if (status)
        say((uint32_t)status);
    else
        open_session(r, line);
}

/* --- the loops --- */

static void set_now(int64_t ms)
{
    now = (struct instant){ms, ms / 1000, ms * 1000, ms * 1000};
    for (size_t n = 0; n < relay_count; n++)
        relays[n].engine.now = now;
}

static void turn_cluster(void)
{
    for (size_t n = 0; n < relay_count; n++) {
        struct hello own;

        if (!relays[n].is_up)
            continue;
        own = own_hello(&relays[n]);
        if (cluster_tick(&relays[n].cluster, &own, now.ms))
            take_share(&relays[n]);
    }
    hear_others();
}

/* True: a broadcast is under way. */
static bool turn_relay(struct relay *r)
{
    if (now.ms % SWEEP_TICK_MS == 0)
        (void)sweep_tick(&r->engine);
    ringer_walk(&r->engine);
    engine_turn(&r->engine);
    return ringer_wait_ms(&r->engine) >= 0;
}

static bool turn_all(void)
{
    bool is_walking = false;

    if (now.ms % CLUSTER_TICK_MS == 0)
        turn_cluster();
    for (size_t n = 0; n < relay_count; n++)
        if (relays[n].is_up)
            is_walking |= turn_relay(&relays[n]);
    return is_walking;
}

/* Over one interval of pings, so that they are as spread as those of pages that came when they
 * liked. */
static void open_all(void)
{
    int64_t span_ms = config->relay.ping_interval_ms;
    size_t opened = 0;

    for (int64_t at = 0; at < span_ms; at += CLUSTER_TICK_MS) {
        size_t due = page_count * (size_t)(at + CLUSTER_TICK_MS) / (size_t)span_ms;

        set_now(START_MS - span_ms + at);
        for (; opened < due && opened < page_count; opened++)
            open_session(&relays[opened % relay_count], &lines[opened]);
        (void)turn_all();
    }
}

/* --- commands --- */

static void end_relay(struct relay *r)
{
    r->is_up = false;
    for (size_t i = 0; i < page_count; i++)
        if (lines[i].relay == r)
            lines[i].relay = NULL;
    engine_end_sessions(&r->engine);
}

static void ring_all(const struct ring *ring)
{
    size_t count;

    for (size_t n = 0; n < relay_count; n++)
        if (relays[n].is_up && ringer_ring_all(&relays[n].engine, ring, &count))
            fail("a ring is refused");
}

static void learn(const struct epoch_name *name, int64_t seq)
{
    for (size_t n = 0; n < relay_count; n++)
        if (relays[n].is_up)
            (void)ringer_learn(&relays[n].engine, name, seq);
}

static struct relay *relay_at(uint32_t n)
{
    if (n >= relay_count)
        fail("no such relay");
    return &relays[n];
}

static struct line *line_at(uint32_t page)
{
    if (page >= page_count || lines[page].relay)
        fail("no such page, or it has a session");
    return &lines[page];
}

/* Returns how many words it was. */
static size_t run(const uint32_t *w)
{
    struct epoch_name name;
    char text[16];

    switch (w[0]) {
    case COMMAND_OPEN:
        request_session(relay_at(w[1]), line_at(w[2]));
        return 3;
    case COMMAND_END:
        end_relay(relay_at(w[1]));
        return 2;
    case COMMAND_RING:
        ring_all(&(struct ring){.type = (enum ring_type)w[1],
                                .seq = w[2],
                                .id = w[2],
                                .step = {.from = (int64_t)w[2] - 1, .add = w[3]}});
        return 4;
    case COMMAND_LEARN:
        (void)snprintf(text, sizeof(text), "%" PRIu32, w[1]);
        if (epoch_name_set(&name, span_of(text)))
            fail("a bad epoch");
        learn(&name, w[2]);
        return 3;
    default:
        fail("not understood");
        return 0;
    }
}

static bool read_words(uint32_t *words, size_t count)
{
    return fread(words, sizeof(*words), count, stdin) == count;
}

static void write_words(const uint32_t *words, size_t count)
{
    if (count > 0 && fwrite(words, sizeof(*words), count, stdout) != count)
        exit(1);
}

static void serve(void)
{
    static uint32_t in[65536];
    uint32_t count, is_walking;

    while (read_words(&count, 1) && count > 0 && count <= sizeof(in) / sizeof(*in) - 4 &&
           read_words(in, count)) {
        out_len = 0;
        set_now(in[0]);
        for (size_t i = 1; i < count; i += run(in + i))
            continue;
        is_walking = turn_all();
        count = (uint32_t)out_len + 1;
        write_words(&count, 1);
        write_words(&is_walking, 1);
        write_words(out, out_len);
        (void)fflush(stdout);
    }
}

static struct config *parse(char *const given[])
{
    char text[4096] = "[relay]\n";
    char *const no_environment[] = {NULL};
    struct config *parsed;

    for (; *given; given++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", *given);
    if (config_parse(span_of(text), NULL, no_environment, stderr, &parsed))
        fail("these settings are wrong");
    return parsed;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        fail("usage: relays COUNT PAGES [SETTING...]");
    relay_count = strtoul(argv[1], NULL, 10);
    page_count = strtoul(argv[2], NULL, 10);
    config = parse(argv + 3);
    relays = calloc(relay_count, sizeof(*relays));
    lines = calloc(page_count, sizeof(*lines));
    if (relay_count == 0 || page_count == 0 || !relays || !lines)
        fail("too few, or too many");
    for (size_t i = 0; i < page_count; i++)
        lines[i].page = (uint32_t)i;
    set_now(START_MS - 2 * config->relay.ping_interval_ms);
    for (size_t n = 0; n < relay_count; n++)
        begin_relay(&relays[n], (int64_t)n + 1);
    for (size_t n = 0; n < relay_count; n++)
        take_share(&relays[n]);
    open_all();
    is_recording = true;
    serve();
    return 0;
}
