/* SPDX-License-Identifier: MIT */
/* swarm.c - thousands of pages in one process: opens WebSocket sessions to a relay from several
 * loopback addresses, logs each in with a token of its own, answers pings, and times the rings.
 *
 *     swarm [-cdes] [-a ADDRESS] ADDRESS TOKENS-FILE
 *
 *     TOKENS-FILE  a token a line; session n uses the n-th, round and round
 *     -a ADDRESS   pages ask GET /doorbell/unread there, at once: on a ring without an answer, and
 *                  when they are back
 *     -c           pages compute what a ring to all tells; they ask when they log in, or without -a
 *                  know that there is nothing yet
 *     -d           pages read nothing once they are logged in, but go on sending
 *     -e           they are clients of socket.io (Engine.IO 4) by WebSocket, without a token: an
 *                  event is a ring, and its argument what the ring tells
 *     -s           pages keep to spread_ms
 *
 * Lines of stdin command it, until its end; each is answered by a line of stdout:
 *
 *     open N          until N sessions in all are logged in    → opened {…}
 *     wave FRAMES MS  counts rings anew                        → ready
 *                     when there are FRAMES and all questions
 *                     have an answer, or after MS; `right` is
 *                     when each knew its number                → wave {…}
 *     return MS       from now on what is lost comes back, as
 *                     doorbell.js does                         → ready
 *                     when each was lost and is back, and has
 *                     its answer, or after MS                  → return {…}
 *
 * Publishers write the time of sending (now_us()) into `id` of personal rings and into `seq` of
 * the others: what arrives can so be timed without any exchange between the two. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/asker.h"
#include "tests/bench/kit.h"
#include "tests/bench/page.h"

enum {
    CLIENTS_MAX = 100000,
    INPUT_MAX = 1024,
    TOKEN_LEN_MAX = 4096,
    LOGIN_MAX = TOKEN_LEN_MAX + 64,
    HANDSHAKES_AT_ONCE = 64,
    SOURCES = 16,
    FIRST_SOURCE = 0x7f000102, /* 127.0.1.2 */
    EVENTS_PER_TURN = 512,
    OPEN_TIMEOUT_US = 60 * 1000 * 1000,
    COMMAND_MAX = 256,
    DEAF_BUFFER = 4096, /* in the kernel: full after a few rings */
    TALK_EVERY_US = 5 * 1000 * 1000,
    /* www/bell/core/rules.js, www/bell/network/connection.js */
    FIRST_DELAY_US = 1000 * 1000,
    LONGEST_DELAY_US = 60 * 1000 * 1000,
    LASTED_US = 10 * 1000 * 1000,
    LOOK_EVERY_US = 5 * 1000,
};

enum client_state {
    CLIENT_CONNECTING,
    CLIENT_UPGRADING,
    CLIENT_LOGGING_IN,
    CLIENT_IN,
    CLIENT_GONE
};

struct client {
    int fd;
    enum client_state state;
    unsigned wave;  /* the last one that reached it */
    unsigned right; /* the last one in which it came to know its number */
    struct page page;
    int64_t ask_us; /* when it asks; 0: not */
    unsigned failures;
    bool has_been_lost; /* since return */
    int64_t live_since_us;
    int64_t come_back_us; /* told by bye; 0: nothing was */
    int64_t due_us;       /* if gone: when it comes back */
    size_t in_len;
    char in[INPUT_MAX];
};

struct wave {
    bool is_open;
    unsigned number;
    size_t goal; /* 0: the deadline alone ends it */
    int64_t since_us, deadline_us;
    size_t frames;
    size_t reached; /* sessions */
    struct samples personal;
    struct samples many;
    struct samples right;
};

struct homecoming {
    bool is_open;  /* waited for */
    bool is_asked; /* what is lost comes back, from the first command on */
    int64_t since_us, deadline_us, next_look_us;
    size_t lost, back, refused, turned_away;
    int64_t first_lost_us, last_back_us;
    struct moments attempts;
};

struct swarm {
    int epoll_fd;
    bool is_deaf, is_computing, is_socketio, is_spread;
    int64_t talk_us, next_ask_us;
    size_t planned;      /* questions */
    struct asker *asker; /* NULL: nobody asks */
    struct sockaddr_in relay;
    char **tokens;
    size_t token_count;
    struct client *clients;
    size_t started, open, failed, lost, target;
    bool is_opening;
    int64_t opening_since_us;
    struct wave wave;
    struct homecoming home;
    char command[COMMAND_MAX];
    size_t command_len;
};

/* The key of RFC 6455 1.3, whose answer is known. */
#define UPGRADE(target, more)                                                                      \
    "GET " target " HTTP/1.1\r\n"                                                                  \
    "Host: 127.0.0.1\r\n"                                                                          \
    "Upgrade: websocket\r\n"                                                                       \
    "Connection: Upgrade\r\n"                                                                      \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                              \
    "Sec-WebSocket-Version: 13\r\n" more "\r\n"

static const char native_upgrade[] = UPGRADE("/ws", "Sec-WebSocket-Protocol: doorbell.v1\r\n");
static const char socketio_upgrade[] = UPGRADE("/socket.io/?EIO=4&transport=websocket", "");
static const char upgrade_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static bool contains(const char *p, size_t len, const char *word)
{
    return memmem(p, len, word, strlen(word)) != NULL;
}

static size_t number_in_swarm(const struct swarm *s, const struct client *c)
{
    return (size_t)(c - s->clients);
}

static uint32_t source_of(const struct swarm *s, const struct client *c)
{
    return FIRST_SOURCE + (uint32_t)(number_in_swarm(s, c) % SOURCES);
}

static const char *token_of(const struct swarm *s, const struct client *c)
{
    return s->tokens[number_in_swarm(s, c) % s->token_count];
}

static void ask(struct swarm *s, struct client *c)
{
    if (s->asker)
        asker_ask(s->asker, source_of(s, c), token_of(s, c), c);
}

static void ask_within(struct swarm *s, struct client *c, int64_t spread_ms)
{
    if (!s->asker || !s->is_spread || spread_ms == 0) {
        ask(s, c);
        return;
    }
    s->planned += !c->ask_us;
    c->ask_us = now_us() + (int64_t)(drand48() * (double)spread_ms * 1000);
}

static void go_on_asking(struct swarm *s)
{
    int64_t now = now_us();

    if (now < s->next_ask_us)
        return;
    s->next_ask_us = now + LOOK_EVERY_US;
    for (size_t i = 0; i < s->started; i++) {
        struct client *c = &s->clients[i];

        if (!c->ask_us || c->ask_us > now)
            continue;
        c->ask_us = 0;
        s->planned--;
        ask(s, c);
    }
}

static void note_right(struct swarm *s, struct client *c)
{
    struct wave *w = &s->wave;

    if (!w->is_open || c->right == w->number || c->wave != w->number)
        return;
    c->right = w->number;
    samples_add(&w->right, now_us() - w->since_us);
}

static void on_answer(void *ctx, void *asked_by, const char *answer, size_t len)
{
    struct swarm *s = ctx;
    struct client *c = asked_by;

    page_learn(&c->page, answer, len);
    note_right(s, c);
}

/* As link.js: at the time that bye told, else at any moment under a ceiling that doubles. */
static void plan_return(struct client *c, int64_t now)
{
    bool has_lasted = c->live_since_us && now - c->live_since_us >= LASTED_US;
    int64_t wait_us = c->come_back_us - now;

    if (has_lasted || c->come_back_us)
        c->failures = 0;
    if (wait_us <= 0) {
        int64_t ceiling = c->failures < 6 ? (int64_t)FIRST_DELAY_US << c->failures : INT64_MAX;

        wait_us = (int64_t)(drand48() *
                            (double)(ceiling < LONGEST_DELAY_US ? ceiling : LONGEST_DELAY_US));
    }
    c->failures++;
    c->come_back_us = c->live_since_us = 0;
    c->due_us = now + wait_us;
}

static void note_lost(struct swarm *s, struct client *c, enum client_state was)
{
    struct homecoming *h = &s->home;
    int64_t now = now_us();

    if (was == CLIENT_CONNECTING) {
        h->refused++;
    } else if (was != CLIENT_IN) {
        h->turned_away++;
    } else if (c->has_been_lost) {
        h->back--;
    } else {
        c->has_been_lost = true;
        if (h->lost++ == 0)
            h->first_lost_us = now;
    }
    plan_return(c, now);
}

static void leave(struct swarm *s, struct client *c)
{
    enum client_state was = c->state;

    close(c->fd);
    c->state = CLIENT_GONE;
    if (was == CLIENT_IN) {
        s->open--;
        s->lost++;
    } else if (!s->home.is_asked) {
        s->failed++;
    }
    if (s->home.is_asked)
        note_lost(s, c, was);
}

/* What a session says is short, and the socket empty: it goes out whole or something is broken. */
static void say(struct swarm *s, struct client *c, const char *bytes, size_t len)
{
    if (send(c->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        leave(s, c);
}

/* A masked text frame (RFC 6455 5.3); the mask is zero, which leaves the text as it is. */
static void say_text(struct swarm *s, struct client *c, const char *text, size_t len)
{
    char frame[LOGIN_MAX + 8];
    size_t at = 0;

    frame[at++] = (char)0x81;
    if (len < 126) {
        frame[at++] = (char)(0x80 | len);
    } else {
        frame[at++] = (char)(0x80 | 126);
        frame[at++] = (char)(len >> 8);
        frame[at++] = (char)(len & 0xff);
    }
    memset(frame + at, 0, 4);
    memcpy(frame + at + 4, text, len);
    say(s, c, frame, at + 4 + len);
}

static void log_in(struct swarm *s, struct client *c)
{
    char text[LOGIN_MAX];
    int len = snprintf(text, sizeof(text), "{\"type\":\"login\",\"token\":\"%s\"}", token_of(s, c));

    c->state = CLIENT_LOGGING_IN;
    say_text(s, c, text, (size_t)len);
}

static void on_ring(struct swarm *s, struct client *c, const char *p, size_t len)
{
    struct wave *w = &s->wave;
    int64_t id = page_field(p, len, "id"), seq = page_field(p, len, "seq");
    bool is_personal = contains(p, len, "\"num\":");
    enum page_decision decision = PAGE_ASKS;

    if (w->is_open) {
        w->frames++;
        w->reached += c->wave != w->number;
        c->wave = w->number;
        if (id && is_personal)
            samples_add(&w->personal, now_us() - id);
        else if (seq)
            samples_add(&w->many, now_us() - seq);
    }
    if (is_personal)
        return;
    if (s->is_computing)
        decision = page_hear(&c->page, p, len);
    if (decision == PAGE_ASKS)
        ask_within(s, c, page_field(p, len, "spread_ms"));
    else
        note_right(s, c);
}

static void on_welcome(struct swarm *s, struct client *c)
{
    c->state = CLIENT_IN;
    c->live_since_us = now_us();
    s->open++;
    if (s->is_deaf)
        watch_change(s->epoll_fd, c->fd, 0, c);
    if (!c->has_been_lost && s->is_computing)
        ask(s, c);
    if (!c->has_been_lost)
        return;
    s->home.back++;
    s->home.last_back_us = c->live_since_us;
    ask(s, c);
}

static void on_text(struct swarm *s, struct client *c, const char *p, size_t len)
{
    if (contains(p, len, "\"type\":\"ring\"")) {
        on_ring(s, c, p, len);
    } else if (contains(p, len, "\"type\":\"ping\"")) {
        say_text(s, c, "{\"type\":\"pong\"}", 15);
    } else if (c->state == CLIENT_LOGGING_IN && contains(p, len, "\"type\":\"welcome\"")) {
        on_welcome(s, c);
    } else if (contains(p, len, "\"type\":\"bye\"")) {
        c->come_back_us = now_us() + page_field(p, len, "after_ms") * 1000;
    }
}

/* Engine.IO 4 and Socket.IO 5: "0…" opens, "40" connects, "2" is a ping, "42[…]" an event. */
static void on_packet(struct swarm *s, struct client *c, const char *p, size_t len)
{
    if (len >= 2 && memcmp(p, "42", 2) == 0)
        on_ring(s, c, p, len);
    else if (len == 1 && p[0] == '2')
        say_text(s, c, "3", 1);
    else if (len > 0 && p[0] == '0')
        say_text(s, c, "40", 2);
    else if (len >= 2 && memcmp(p, "40", 2) == 0 && c->state == CLIENT_LOGGING_IN)
        on_welcome(s, c);
}

static void on_frame(struct swarm *s, struct client *c, int opcode, const char *p, size_t len)
{
    static const char pong[] = {(char)0x8a, (char)0x80, 0, 0, 0, 0};

    if (opcode == 1 && s->is_socketio)
        on_packet(s, c, p, len);
    else if (opcode == 1)
        on_text(s, c, p, len);
    else if (opcode == 9)
        say(s, c, pong, sizeof(pong));
    else if (opcode == 8)
        leave(s, c);
}

/* Returns how many bytes the first message takes, 0 if it is not there as a whole. */
static size_t take_frame(struct swarm *s, struct client *c, const char *p, size_t len)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t head = 2, body;

    if (len < 2)
        return 0;
    body = u[1] & 0x7f;
    if (body == 126) {
        if (len < 4)
            return 0;
        head = 4;
        body = (size_t)u[2] << 8 | u[3];
    }
    if (len - head < body || len < head)
        return 0;
    on_frame(s, c, u[0] & 0x0f, p + head, body);
    return head + body;
}

static size_t take_upgrade(struct swarm *s, struct client *c, const char *p, size_t len)
{
    const char *end = memmem(p, len, "\r\n\r\n", 4);
    size_t head;

    if (!end)
        return 0;
    head = (size_t)(end - p) + 4;
    if (!contains(p, head, upgrade_accept))
        leave(s, c);
    else if (s->is_socketio)
        c->state = CLIENT_LOGGING_IN;
    else
        log_in(s, c);
    return head;
}

static void take_input(struct swarm *s, struct client *c)
{
    size_t at = 0;

    while (c->state != CLIENT_GONE && at < c->in_len) {
        size_t n = c->state == CLIENT_UPGRADING ? take_upgrade(s, c, c->in + at, c->in_len - at)
                                                : take_frame(s, c, c->in + at, c->in_len - at);

        if (n == 0)
            break;
        at += n;
    }
    c->in_len -= at;
    memmove(c->in, c->in + at, c->in_len);
    if (c->state != CLIENT_GONE && c->in_len == INPUT_MAX)
        leave(s, c);
}

static void on_client(struct swarm *s, struct client *c, uint32_t events)
{
    bool is_broken = events & (EPOLLERR | EPOLLHUP);
    ssize_t n;

    if (c->state == CLIENT_GONE)
        return;
    if (is_broken && (c->state == CLIENT_CONNECTING || s->is_deaf)) {
        leave(s, c);
        return;
    }
    if (c->state == CLIENT_CONNECTING) {
        c->state = CLIENT_UPGRADING;
        watch_change(s->epoll_fd, c->fd, EPOLLIN, c);
        if (s->is_socketio)
            say(s, c, socketio_upgrade, sizeof(socketio_upgrade) - 1);
        else
            say(s, c, native_upgrade, sizeof(native_upgrade) - 1);
        return;
    }
    n = recv(c->fd, c->in + c->in_len, INPUT_MAX - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        leave(s, c);
        return;
    }
    c->in_len += (size_t)n;
    take_input(s, c);
}

static void start_client(struct swarm *s, struct client *c)
{
    c->fd = connect_from(source_of(s, c), &s->relay, s->is_deaf ? DEAF_BUFFER : 0);
    c->state = CLIENT_CONNECTING;
    c->in_len = 0;
    watch_add(s->epoll_fd, c->fd, EPOLLOUT, c);
}

static void report_opened(struct swarm *s, int64_t now)
{
    s->is_opening = false;
    printf("opened {\"open\":%zu,\"failed\":%zu,\"lost\":%zu,\"ms\":%" PRId64 "}\n", s->open,
           s->failed, s->lost, (now - s->opening_since_us) / 1000);
}

static void go_on_opening(struct swarm *s)
{
    int64_t now = now_us();
    size_t done = s->open + s->failed + s->lost;

    while (s->started < s->target && s->started - done < HANDSHAKES_AT_ONCE)
        start_client(s, &s->clients[s->started++]);
    if (done >= s->target || now - s->opening_since_us > OPEN_TIMEOUT_US)
        report_opened(s, now);
}

static void print_questions(struct swarm *s)
{
    if (!s->asker)
        return;
    printf(",\"questions\":");
    asker_print(s->asker);
}

static bool is_all_answered(const struct swarm *s)
{
    return !s->asker || (s->planned == 0 && asker_pending(s->asker) == 0);
}

static void report_wave(struct swarm *s)
{
    struct wave *w = &s->wave;

    w->is_open = false;
    printf("wave {\"ms\":%" PRId64
           ",\"frames\":%zu,\"reached\":%zu,\"open\":%zu,\"lost\":%zu,\"many\":",
           (now_us() - w->since_us) / 1000, w->frames, w->reached, s->open, s->lost);
    samples_print(&w->many);
    printf(",\"personal\":");
    samples_print(&w->personal);
    printf(",\"right\":");
    samples_print(&w->right);
    print_questions(s);
    printf("}\n");
}

static void go_on_waiting(struct swarm *s)
{
    struct wave *w = &s->wave;

    if ((w->goal && w->frames >= w->goal && is_all_answered(s)) || now_us() >= w->deadline_us)
        report_wave(s);
}

static void start_wave(struct swarm *s, size_t goal, int64_t timeout_ms)
{
    struct wave *w = &s->wave;

    w->is_open = true;
    w->number++;
    w->goal = goal;
    w->since_us = now_us();
    w->deadline_us = w->since_us + timeout_ms * 1000;
    w->frames = w->reached = 0;
    w->personal.count = w->many.count = w->right.count = 0;
    if (s->asker)
        asker_reset(s->asker);
    printf("ready\n");
}

static void report_return(struct swarm *s)
{
    struct homecoming *h = &s->home;

    h->is_open = false;
    printf("return {\"lost\":%zu,\"back\":%zu,\"attempts\":%zu,\"refused\":%zu,\"turned_away\":%zu,"
           "\"peak\":%zu,\"first_lost_ms\":%" PRId64 ",\"last_back_ms\":%" PRId64,
           h->lost, h->back, h->attempts.count, h->refused, h->turned_away,
           moments_peak(&h->attempts), (h->first_lost_us - h->since_us) / 1000,
           (h->last_back_us - h->since_us) / 1000);
    print_questions(s);
    printf("}\n");
}

static void go_on_returning(struct swarm *s)
{
    struct homecoming *h = &s->home;
    int64_t now = now_us();

    if (now < h->next_look_us)
        return;
    h->next_look_us = now + LOOK_EVERY_US;
    for (size_t i = 0; i < s->started; i++) {
        struct client *c = &s->clients[i];

        if (c->state != CLIENT_GONE || now < c->due_us)
            continue;
        moments_add(&h->attempts, now);
        start_client(s, c);
    }
    if (h->is_open && ((h->back == s->started && is_all_answered(s)) || now >= h->deadline_us))
        report_return(s);
}

/* Sessions that were lost before are none of it. */
static void start_return(struct swarm *s, int64_t timeout_ms)
{
    struct homecoming *h = &s->home;

    for (size_t i = 0; i < s->started; i++) {
        s->clients[i].has_been_lost = false;
        s->clients[i].due_us = INT64_MAX;
    }
    h->is_open = h->is_asked = true;
    h->since_us = now_us();
    h->deadline_us = h->since_us + timeout_ms * 1000;
    h->lost = h->back = h->refused = h->turned_away = h->attempts.count = 0;
    if (s->asker)
        asker_reset(s->asker);
    printf("ready\n");
}

/* A session that does not read still talks. */
static void talk(struct swarm *s)
{
    int64_t now = now_us();

    if (now < s->talk_us)
        return;
    s->talk_us = now + TALK_EVERY_US;
    for (size_t i = 0; i < s->started; i++)
        if (s->clients[i].state == CLIENT_IN)
            say_text(s, &s->clients[i], "{\"type\":\"pong\"}", 15);
}

static void obey(struct swarm *s, const char *line)
{
    size_t n;
    int64_t timeout_ms;

    if (sscanf(line, "open %zu", &n) == 1 && n <= CLIENTS_MAX) {
        s->target = n;
        s->is_opening = true;
        s->opening_since_us = now_us();
    } else if (sscanf(line, "wave %zu %" SCNd64, &n, &timeout_ms) == 2) {
        start_wave(s, n, timeout_ms);
    } else if (sscanf(line, "return %" SCNd64, &timeout_ms) == 1) {
        start_return(s, timeout_ms);
    } else {
        fprintf(stderr, "swarm: what is \"%s\"?\n", line);
        exit(64);
    }
}

static void on_stdin(struct swarm *s)
{
    ssize_t n = read(0, s->command + s->command_len, COMMAND_MAX - 1 - s->command_len);
    char *end;

    if (n <= 0)
        exit(0);
    s->command_len += (size_t)n;
    s->command[s->command_len] = '\0';
    while ((end = strchr(s->command, '\n'))) {
        *end++ = '\0';
        obey(s, s->command);
        s->command_len -= (size_t)(end - s->command);
        memmove(s->command, end, s->command_len + 1);
    }
}

static void turn(struct swarm *s)
{
    struct epoll_event events[EVENTS_PER_TURN];
    bool is_busy = s->is_opening || s->wave.is_open || s->home.is_asked || s->is_deaf || s->planned;
    int n = epoll_wait(s->epoll_fd, events, EVENTS_PER_TURN, is_busy ? 10 : -1);

    for (int i = 0; i < n; i++) {
        void *ptr = events[i].data.ptr;

        if (!ptr)
            on_stdin(s);
        else if (s->asker && asker_owns(s->asker, ptr))
            asker_on_event(s->asker, ptr);
        else
            on_client(s, ptr, events[i].events);
    }
    if (s->is_opening)
        go_on_opening(s);
    if (s->wave.is_open)
        go_on_waiting(s);
    if (s->home.is_asked)
        go_on_returning(s);
    if (s->is_deaf)
        talk(s);
    if (s->planned)
        go_on_asking(s);
}

static void read_tokens(struct swarm *s, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[TOKEN_LEN_MAX];

    s->tokens = calloc(CLIENTS_MAX, sizeof(*s->tokens));
    if (!f || !s->tokens)
        die(path);
    while (s->token_count < CLIENTS_MAX && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!(s->tokens[s->token_count++] = strdup(line)))
            die(path);
    }
    fclose(f);
    if (s->token_count == 0) {
        fprintf(stderr, "%s: no token in it\n", path);
        exit(64);
    }
}

static void read_options(struct swarm *s, int argc, char **argv)
{
    const char *app = NULL;
    int c;

    while ((c = getopt(argc, argv, "a:cdes")) != -1) {
        if (c == 'a')
            app = optarg;
        s->is_computing |= c == 'c';
        s->is_deaf |= c == 'd';
        s->is_socketio |= c == 'e';
        s->is_spread |= c == 's';
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: swarm [-cdes] [-a ADDRESS] ADDRESS TOKENS-FILE\n");
        exit(64);
    }
    s->relay = address_of(argv[optind]);
    read_tokens(s, argv[optind + 1]);
    if (app)
        s->asker = asker_new(s->epoll_fd, &(struct asker_site){.address = app,
                                                               .path = "/doorbell/unread",
                                                               .on_answer = on_answer,
                                                               .ctx = s});
}

int main(int argc, char **argv)
{
    static struct swarm s;

    setvbuf(stdout, NULL, _IOLBF, 0);
    raise_descriptor_limit();
    srand48(now_us());
    s.epoll_fd = watch_new();
    read_options(&s, argc, argv);
    s.clients = calloc(CLIENTS_MAX, sizeof(*s.clients));
    if (!s.clients)
        die("memory");
    samples_init(&s.wave.personal);
    samples_init(&s.wave.many);
    samples_init(&s.wave.right);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        s.clients[i].page.is_known = !s.asker;
    moments_init(&s.home.attempts);
    watch_add(s.epoll_fd, 0, EPOLLIN, NULL);
    for (;;)
        turn(&s);
}
