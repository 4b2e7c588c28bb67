/* SPDX-License-Identifier: MIT */
/* libfcgi reads and closes connections through functions of its own that it exports, OS_Read() and
 * OS_IpcClose(). A program's definition of an exported function comes before a library's, so those
 * below are the ones that libfcgi calls. The first gives it checked bytes; the second only notes
 * that libfcgi would have closed. How they find the exchange, having no argument for it, is a
 * thread-local pointer that is set while an exchange is open.
 *
 * If a build of libfcgi should not call them (linked with -Bsymbolic, say), all checks would be
 * bypassed in silence: exchange_init_library() passes a request through to see that it does. */
#include "fcgi-app/server/exchange.h"

#include <errno.h>
#include <fcgios.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes/invariant.h"
#include "common/os/log.h"

enum {
    READ_SIZE = 16 * 1024,
    /* Up to the end of the parameters, with the records' headers and padding */
    HEAD_MAX = FCGI_PARAMS_MAX + FCGI_OVERHEAD_MAX + 2 * READ_SIZE,
};

static _Thread_local struct exchange *current;

/* A request of no parameters and no body, in the place of one that libfcgi must not see. */
static const char stand_in[] = "\x01\x01\x00\x01\x00\x08\x00\x00"
                               "\x00\x01\x00\x00\x00\x00\x00\x00"  /* BEGIN_REQUEST, responder */
                               "\x01\x04\x00\x01\x00\x00\x00\x00"  /* the end of PARAMS */
                               "\x01\x05\x00\x01\x00\x00\x00\x00"; /* the end of STDIN */

void exchange_init(struct exchange *x)
{
    *x = (struct exchange){.fd = -1};
    buf_init(&x->head, HEAD_MAX);
}

void exchange_deinit(struct exchange *x)
{
    buf_deinit(&x->head);
}

/* As read(); the connection has a timeout. */
static ssize_t read_connection(int fd, char *bytes, size_t len)
{
    ssize_t n;

    do
        n = read(fd, bytes, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Reads some bytes of the request to `bytes`, and checks them. */
static enum err read_checked(struct exchange *x, char *bytes, size_t len, size_t *used)
{
    ssize_t n = read_connection(x->fd, bytes, len);
    enum err e;

    if (n <= 0)
        return ERR_END;
    e = fcgi_parser_feed(&x->parser, (struct span){bytes, (size_t)n}, used);
    x->has_excess = *used < (size_t)n;
    return e == ERR_INCOMPLETE ? ERR_NONE : e;
}

static int read_for_library(struct exchange *x, char *bytes, size_t len)
{
    struct span head = buf_span(&x->head);
    size_t used = head.len < len ? head.len : len;

    if (used > 0) {
        memcpy(bytes, head.p, used);
        buf_consume(&x->head, used);
        return (int)used;
    }
    if (x->parser.part == FCGI_PART_NONE || x->parser.failure)
        return 0;
    if (read_checked(x, bytes, len, &used)) {
        errno = EPROTO;
        return -1;
    }
    return (int)used;
}

/* libfcgi's, replaced. */
int OS_Read(int fd, char *bytes, size_t len)
{
    if (!current || fd != current->fd) {
        errno = EBADF;
        return -1;
    }
    return read_for_library(current, bytes, len);
}

/* libfcgi's, replaced. It closes after any failure, also where unread bytes wait, and the peer
 * would lose the reply. */
int OS_IpcClose(int fd, int is_shut_down)
{
    (void)is_shut_down;
    if (current && fd == current->fd)
        current->is_given_up = true;
    return 0;
}

static enum err read_head(struct exchange *x)
{
    enum err e = ERR_NONE;

    while (!fcgi_parser_has_params(&x->parser) && !e) {
        size_t used;

        e = buf_reserve(&x->head, READ_SIZE);
        if (!e)
            e = read_checked(x, x->head.data + x->head.len, READ_SIZE, &used);
        if (!e)
            x->head.len += used;
    }
    return e;
}

/* libfcgi is handed one connection for one request. It must not accept: there is no listener. */
static enum err begin_request(struct exchange *x)
{
    if (FCGX_InitRequest(&x->fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
        return ERR_NO_MEMORY;
    x->fcgi.ipcFd = x->fd;
    x->fcgi.keepConnection = 1; /* it first ends the request before this one */
    x->is_begun = FCGX_Accept_r(&x->fcgi) == 0;
    return x->is_begun ? ERR_NONE : ERR_MALFORMED;
}

static enum err put_stand_in(struct exchange *x)
{
    static const size_t records[] = {0, 16, 24};
    enum err e;

    buf_reset(&x->head);
    e = buf_append(&x->head, (struct span){stand_in, sizeof(stand_in) - 1});
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]) && !e; i++) {
        x->head.data[records[i] + 2] = (char)(x->parser.request_id >> 8);
        x->head.data[records[i] + 3] = (char)x->parser.request_id;
    }
    return e;
}

enum err exchange_open(struct exchange *x, int fd)
{
    enum err e, begun = ERR_NONE;

    (void)INVARIANT(!current); /* a thread has one request at a time */
    x->fd = fd;
    x->has_excess = false;
    x->is_begun = false;
    x->is_given_up = false;
    buf_reset(&x->head);
    fcgi_parser_init(&x->parser);
    current = x;
    e = read_head(x);
    if (e == ERR_TOO_BIG)
        begun = put_stand_in(x);
    if (!begun && (!e || e == ERR_TOO_BIG))
        begun = begin_request(x);
    return begun ? begun : e;
}

char **exchange_params(const struct exchange *x)
{
    return x->fcgi.envp;
}

enum err exchange_read(struct exchange *x, char *bytes, size_t max, size_t *len)
{
    int n = 1;

    *len = 0;
    while (*len < max && n > 0) {
        size_t left = max - *len;

        n = FCGX_GetStr(bytes + *len, left > INT_MAX ? INT_MAX : (int)left, x->fcgi.in);
        if (n > 0)
            *len += (size_t)n;
    }
    return FCGX_GetError(x->fcgi.in) == 0 ? ERR_NONE : ERR_MALFORMED;
}

void exchange_write(struct exchange *x, struct span bytes)
{
    while (bytes.len > 0) {
        int len = bytes.len > INT_MAX ? INT_MAX : (int)bytes.len;

        if (FCGX_PutStr(bytes.p, len, x->fcgi.out) != len)
            return;
        bytes.p += len;
        bytes.len -= (size_t)len;
    }
}

static void log_fault(const struct exchange *x)
{
    if (x->parser.failure)
        log_warn("a request was refused: %s", x->parser.fault);
    else if (x->has_excess)
        log_warn("a connection was closed: it sent a request before the last one was answered");
}

/* libfcgi gives a connection up that is not to be kept, and after any failure. A failure in the
 * input is ours to judge; one of the output leaves nothing to wait for. */
static enum exchange_fate finish_request(struct exchange *x)
{
    bool is_kept = x->fcgi.keepConnection != 0, has_bad_input = FCGX_GetError(x->fcgi.in) != 0;

    x->fcgi.keepConnection = 1;
    FCGX_Finish_r(&x->fcgi);
    if (x->is_given_up && !has_bad_input)
        return EXCHANGE_CLOSE;
    if (x->parser.part != FCGI_PART_NONE || x->parser.failure || x->has_excess)
        return EXCHANGE_LINGER;
    return is_kept ? EXCHANGE_KEEP : EXCHANGE_CLOSE;
}

enum exchange_fate exchange_close(struct exchange *x)
{
    enum exchange_fate fate = EXCHANGE_CLOSE;

    log_fault(x);
    if (x->is_begun)
        fate = finish_request(x);
    current = NULL;
    return fate;
}

/* Passes the stand-in request through libfcgi. A libfcgi that reads by itself finds nothing there;
 * one that closes by itself does not tell us. */
static enum err check_library(struct exchange *x)
{
    enum err e;

    fcgi_parser_init(&x->parser);
    x->parser.request_id = 1;
    e = put_stand_in(x);
    current = x;
    if (!e && begin_request(x))
        e = ERR_UNSUPPORTED;
    if (!e) {
        x->fcgi.keepConnection = 0;
        FCGX_Finish_r(&x->fcgi);
        e = x->is_given_up ? ERR_NONE : ERR_UNSUPPORTED;
    }
    current = NULL;
    return e;
}

enum err exchange_init_library(void)
{
    struct exchange x;
    enum err e = FCGX_Init() == 0 ? ERR_NONE : ERR_NO_MEMORY;

    exchange_init(&x);
    x.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (!e)
        e = check_library(&x);
    if (e == ERR_UNSUPPORTED)
        log_error("this libfcgi reads or closes connections by itself, so it is not safe here; "
                  "use the one that doorbell-app was built with");
    if (x.fd >= 0)
        (void)close(x.fd);
    exchange_deinit(&x);
    return e;
}
