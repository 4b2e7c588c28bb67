/* SPDX-License-Identifier: MIT */
/* epoll_ref.c - the limit that the relay is measured against: a bare epoll loop that does the same
 * work with nothing around it. It takes the swarm's sessions and the relay's publish calls, encodes
 * one frame a call, and hands it to the kernel by one send() a session. It knows no user (number n
 * of a call is the n-th session that logged in), pings nobody, and keeps nothing that a socket does
 * not take.
 *
 *     epoll_ref [SECRET-FILE]
 *
 *     SECRET-FILE  checks each login's token, HS256 and its time, by this secret; else none is
 * looked at
 *
 * Prints "listening CLIENT-PORT PUBLISH-PORT"; runs until it is ended. */
#define _GNU_SOURCE /* accept4, memmem */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/bench/kit.h"

enum {
    SESSIONS_MAX = 100000,
    INPUT_MAX = 8192,
    FRAME_MAX = 128, /* under 126 bytes of text: a header of two bytes */
    EVENTS_PER_TURN = 512,
    SECRET_MAX = 256,
    TOKEN_PART_MAX = 1024,
    MAC_LEN = 32,
};

enum kind { KIND_CLIENT_LISTENER, KIND_PUBLISH_LISTENER, KIND_CLIENT, KIND_PUBLISHER };

struct peer {
    enum kind kind;
    int fd;
    bool is_upgraded;
    bool is_in;
    size_t session; /* its place, if is_in */
    char *in;       /* of a publisher: INPUT_MAX + 1 bytes, NUL-terminated */
    size_t in_len;
};

struct frame {
    char bytes[FRAME_MAX];
    size_t len;
};

struct server {
    int epoll_fd;
    struct peer **sessions;
    size_t session_count;
    char secret[SECRET_MAX]; /* empty: tokens are not looked at */
};

static const char upgrade_answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                     "Upgrade: websocket\r\n"
                                     "Connection: Upgrade\r\n"
                                     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                     "Sec-WebSocket-Protocol: doorbell.v1\r\n"
                                     "\r\n";

static struct peer *new_peer(struct server *s, enum kind kind, int fd)
{
    struct peer *p = calloc(1, sizeof(*p));

    if (!p || (kind == KIND_PUBLISHER && !(p->in = calloc(1, INPUT_MAX + 1))))
        die("memory");
    p->kind = kind;
    p->fd = fd;
    watch_add(s->epoll_fd, fd, EPOLLIN, p);
    return p;
}

/* The peer's memory is left to the end of the process: the events of this turn may still name it.
 */
static void end_peer(struct server *s, struct peer *p)
{
    if (p->is_in) {
        struct peer *last = s->sessions[--s->session_count];

        s->sessions[p->session] = last;
        last->session = p->session;
        p->is_in = false;
    }
    close(p->fd);
    p->fd = -1;
}

static void frame_text(struct frame *f, const char *format, int64_t a, int64_t b)
{
    int len = snprintf(f->bytes + 2, FRAME_MAX - 2, format, a, b);

    f->bytes[0] = (char)0x81;
    f->bytes[1] = (char)len;
    f->len = (size_t)len + 2;
}

static void write_frame(struct peer *p, const struct frame *f)
{
    (void)send(p->fd, f->bytes, f->len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void accept_all(struct server *s, struct peer *listener)
{
    enum kind kind = listener->kind == KIND_CLIENT_LISTENER ? KIND_CLIENT : KIND_PUBLISHER;
    int fd;

    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        set_nodelay(fd);
        new_peer(s, kind, fd);
    }
}

static void on_login(struct server *s, struct peer *p)
{
    struct frame f;

    if (s->session_count == SESSIONS_MAX)
        die("too many sessions");
    p->is_in = true;
    p->session = s->session_count;
    s->sessions[s->session_count++] = p;
    frame_text(&f, "{\"type\":\"welcome\",\"user\":\"u%" PRId64 "\"}", (int64_t)p->session, 0);
    write_frame(p, &f);
}

static int64_t field(const char *text, const char *name)
{
    const char *found = strstr(text, name);

    return found ? strtoll(found + strlen(name), NULL, 10) : 0;
}

/* base64url of RFC 4648 5, into `out` with a NUL after it. Returns the length; 0: not good. */
static size_t decode(const char *text, size_t len, char out[TOKEN_PART_MAX])
{
    unsigned char in[TOKEN_PART_MAX];
    size_t padded = (len + 3) / 4 * 4;
    int n;

    if (len == 0 || padded >= TOKEN_PART_MAX)
        return 0;
    for (size_t i = 0; i < padded; i++)
        in[i] = (unsigned char)(i >= len         ? '='
                                : text[i] == '-' ? '+'
                                : text[i] == '_' ? '/'
                                                 : text[i]);
    n = EVP_DecodeBlock((unsigned char *)out, in, (int)padded);
    if (n < 0)
        return 0;
    out[(size_t)n - (padded - len)] = '\0';
    return (size_t)n - (padded - len);
}

/* {"type":"login","token":"HEAD.CLAIMS.MAC"}; the swarm's mask leaves the text as it is. */
static bool is_login_good(const struct server *s, const char *in, size_t len)
{
    static const char before[] = "\"token\":\"";
    const char *token = memmem(in, len, before, sizeof(before) - 1), *end, *claims, *mac;
    char decoded[TOKEN_PART_MAX];
    unsigned char right[MAC_LEN];

    if (!token)
        return false;
    token += sizeof(before) - 1;
    end = memchr(token, '"', len - (size_t)(token - in));
    claims = end ? memchr(token, '.', (size_t)(end - token)) : NULL;
    mac = claims ? memchr(claims + 1, '.', (size_t)(end - claims - 1)) : NULL;
    if (!mac || !HMAC(EVP_sha256(), s->secret, (int)strlen(s->secret), (const unsigned char *)token,
                      (size_t)(mac - token), right, NULL))
        return false;
    if (decode(mac + 1, (size_t)(end - mac - 1), decoded) != MAC_LEN ||
        CRYPTO_memcmp(decoded, right, MAC_LEN) != 0)
        return false;
    return decode(claims + 1, (size_t)(mac - claims - 1), decoded) > 0 &&
           strstr(decoded, "\"sub\":\"") && field(decoded, "\"exp\":") > time(NULL);
}

/* The swarm sends a request, a login, a pong, each in one segment, and the next after an answer. */
static void on_client(struct server *s, struct peer *p)
{
    char in[INPUT_MAX];
    ssize_t n = recv(p->fd, in, sizeof(in), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_peer(s, p);
    } else if (!p->is_upgraded) {
        p->is_upgraded = true;
        (void)send(p->fd, upgrade_answer, sizeof(upgrade_answer) - 1, MSG_NOSIGNAL);
    } else if (!p->is_in && s->secret[0] && !is_login_good(s, in, (size_t)n)) {
        end_peer(s, p);
    } else if (!p->is_in) {
        on_login(s, p);
    }
}

static size_t ring_all(struct server *s, const char *body)
{
    struct frame f;

    /* As the relay's with pace = 0 and check_rate = 1000: the same bytes. */
    frame_text(&f, "{\"type\":\"ring\",\"seq\":%" PRId64 ",\"spread_ms\":%" PRId64 "}",
               field(body, "\"seq\":"), (int64_t)s->session_count);
    for (size_t i = 0; i < s->session_count; i++)
        write_frame(s->sessions[i], &f);
    return s->session_count;
}

static size_t ring_one(struct server *s, const char *body)
{
    size_t number = (size_t)field(body, "\"to\":[\"u");
    struct frame f;

    if (s->session_count == 0)
        return 0;
    frame_text(&f,
               "{\"type\":\"ring\",\"version\":57,\"seq\":%" PRId64
               ",\"num\":4,\"hit\":1,\"id\":%" PRId64 "}",
               field(body, "\"seq\":"), field(body, "\"id\":"));
    write_frame(s->sessions[number % s->session_count], &f);
    return 1;
}

static void publish(struct server *s, struct peer *p, const char *body)
{
    size_t n = strstr(body, "\"all\":true") ? ring_all(s, body) : ring_one(s, body);
    char json[64], answer[256];
    int json_len = snprintf(json, sizeof(json), "{\"sessions\":%zu}", n);
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 200 OK\r\n"
                       "Content-Type: application/json\r\n"
                       "Content-Length: %d\r\n\r\n%s",
                       json_len, json);

    (void)send(p->fd, answer, (size_t)len, MSG_NOSIGNAL);
}

/* One call at a time: the next comes after the answer. */
static void on_publisher(struct server *s, struct peer *p)
{
    ssize_t n = recv(p->fd, p->in + p->in_len, INPUT_MAX - p->in_len, 0);
    const char *end, *length;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_peer(s, p);
        return;
    }
    p->in_len += (size_t)n;
    p->in[p->in_len] = '\0';
    end = strstr(p->in, "\r\n\r\n");
    length = strcasestr(p->in, "\r\nContent-Length:");
    if (!end || !length ||
        p->in_len < (size_t)(end + 4 - p->in) + (size_t)strtoul(length + 17, NULL, 10))
        return;
    publish(s, p, end + 4);
    p->in_len = 0;
}

static void turn(struct server *s)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(s->epoll_fd, events, EVENTS_PER_TURN, -1);

    for (int i = 0; i < n; i++) {
        struct peer *p = events[i].data.ptr;

        if (p->kind == KIND_CLIENT)
            on_client(s, p);
        else if (p->kind == KIND_PUBLISHER)
            on_publisher(s, p);
        else
            accept_all(s, p);
    }
}

static void read_secret(struct server *s, const char *path)
{
    FILE *f = fopen(path, "r");

    if (!f || !fgets(s->secret, SECRET_MAX, f))
        die(path);
    s->secret[strcspn(s->secret, "\n")] = '\0';
    fclose(f);
}

int main(int argc, char **argv)
{
    static struct server s;
    uint16_t client_port, publish_port;

    raise_descriptor_limit();
    s.sessions = calloc(SESSIONS_MAX, sizeof(struct peer *));
    if (!s.sessions)
        die("memory");
    if (argc > 1)
        read_secret(&s, argv[1]);
    s.epoll_fd = watch_new();
    new_peer(&s, KIND_CLIENT_LISTENER, listen_local(&client_port));
    new_peer(&s, KIND_PUBLISH_LISTENER, listen_local(&publish_port));
    printf("listening %u %u\n", client_port, publish_port);
    fflush(stdout);
    for (;;)
        turn(&s);
}
