/* SPDX-License-Identifier: MIT */
/* libfcgi reads, writes and closes connections through functions of its own that it exports,
 * OS_Read(), OS_Write() and OS_IpcClose(). A program's definition of an exported function comes
 * before a library's, so those below are the ones that libfcgi calls. The first gives it checked
 * bytes out of memory, the second collects what it writes, the third does nothing. How they find
 * the exchange, having no argument for it, is a thread-local pointer that is set around each call
 * of libfcgi. The descriptor that libfcgi is told is /dev/null's: were it to read by itself, there
 * would be nothing.
 *
 * If a build of libfcgi should not call them (linked with -Bsymbolic, say), all checks would be
 * bypassed in silence: exchange_init_library() passes a request through to see that it does. */
#include "fcgi-app/jobs/exchange.h"

#include <errno.h>
#include <fcgios.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "common/bytes/invariant.h"
#include "common/os/log.h"
#include "fcgi-app/http/fcgi_parser.h"
#include "fcgi-app/http/response.h"

enum {
    /* Up to the end of the parameters, with the records' headers and padding, and a read beyond */
    IN_MAX = FCGI_PARAMS_MAX + FCGI_OVERHEAD_MAX + 64 * 1024,
    /* The largest reply, in records of libfcgi's 8 KiB */
    OUT_MAX = RESPONSE_MAX + RESPONSE_MAX / 256 + 64 * 1024,
    KEPT_MAX = 64 * 1024, /* of each buffer's memory, for the next request */
};

static _Thread_local struct exchange *current;
static int null_fd = -1;

/* A request of no parameters and no body, in the place of one that libfcgi must not see. */
static const char unseen[] = "\x01\x01\x00\x01\x00\x08\x00\x00"
                             "\x00\x01\x01\x00\x00\x00\x00\x00"  /* BEGIN_REQUEST, responder */
                             "\x01\x04\x00\x01\x00\x00\x00\x00"  /* the end of PARAMS */
                             "\x01\x05\x00\x01\x00\x00\x00\x00"; /* the end of STDIN */

void exchange_init(struct exchange *x)
{
    *x = (struct exchange){.is_begun = false};
    buf_init(&x->in, IN_MAX);
    buf_init(&x->out, OUT_MAX);
}

void exchange_deinit(struct exchange *x)
{
    (void)exchange_end(x);
    buf_deinit(&x->in);
    buf_deinit(&x->out);
}

static void empty(struct buf *b, size_t max)
{
    if (b->cap > KEPT_MAX) {
        buf_deinit(b);
        buf_init(b, max);
    }
    buf_reset(b);
}

void exchange_reset(struct exchange *x)
{
    (void)exchange_end(x);
    empty(&x->in, IN_MAX);
    empty(&x->out, OUT_MAX);
    x->is_broken = false;
}

static void enter(struct exchange *x)
{
    (void)INVARIANT(!current); /* nothing that libfcgi calls comes back here */
    current = x;
}

static void leave(void)
{
    current = NULL;
}

/* libfcgi's, replaced. */
int OS_Read(int fd, char *bytes, size_t len)
{
    struct span in;

    if (!current || fd != null_fd) {
        errno = EBADF;
        return -1;
    }
    in = buf_span(&current->in);
    if (len > in.len)
        len = in.len;
    if (len > INT_MAX)
        len = INT_MAX;
    if (len > 0)
        memcpy(bytes, in.p, len);
    buf_consume(&current->in, len);
    return (int)len;
}

/* libfcgi's, replaced. */
int OS_Write(int fd, char *bytes, size_t len)
{
    if (!current || fd != null_fd || len > INT_MAX) {
        errno = EBADF;
        return -1;
    }
    if (buf_append(&current->out, (struct span){bytes, len})) {
        current->is_broken = true;
        errno = ENOMEM;
        return -1;
    }
    return (int)len;
}

/* libfcgi's, replaced. The connection is not its to close. */
int OS_IpcClose(int fd, int is_shut_down)
{
    (void)fd;
    (void)is_shut_down;
    return 0;
}

enum err exchange_add(struct exchange *x, struct span bytes)
{
    return buf_append(&x->in, bytes);
}

/* libfcgi is handed one connection for one request. It must not accept: there is no listener. */
enum err exchange_begin(struct exchange *x)
{
    (void)INVARIANT(!x->is_begun);
    if (FCGX_InitRequest(&x->fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
        return ERR_NO_MEMORY;
    x->fcgi.ipcFd = null_fd;
    x->fcgi.keepConnection = 1; /* it first ends the request before this one */
    enter(x);
    x->is_begun = FCGX_Accept_r(&x->fcgi) == 0;
    leave();
    return x->is_begun ? ERR_NONE : ERR_MALFORMED;
}

enum err exchange_begin_unseen(struct exchange *x, unsigned request_id)
{
    static const size_t records[] = {0, 16, 24};
    enum err e;

    buf_reset(&x->in);
    e = buf_append(&x->in, (struct span){unseen, sizeof(unseen) - 1});
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]) && !e; i++) {
        x->in.data[records[i] + 2] = (char)(request_id >> 8);
        x->in.data[records[i] + 3] = (char)request_id;
    }
    return e ? e : exchange_begin(x);
}

char **exchange_params(const struct exchange *x)
{
    return x->fcgi.envp;
}

enum err exchange_read(struct exchange *x, char *bytes, size_t len)
{
    enum err e = ERR_NONE;

    enter(x);
    while (len > 0 && !e) {
        int part = len > INT_MAX ? INT_MAX : (int)len;

        if (FCGX_GetStr(bytes, part, x->fcgi.in) != part)
            e = ERR_MALFORMED;
        bytes += part;
        len -= (size_t)part;
    }
    leave();
    return e;
}

void exchange_write(struct exchange *x, struct span bytes)
{
    enter(x);
    while (bytes.len > 0) {
        int len = bytes.len > INT_MAX ? INT_MAX : (int)bytes.len;

        if (FCGX_PutStr(bytes.p, len, x->fcgi.out) != len)
            break;
        bytes.p += len;
        bytes.len -= (size_t)len;
    }
    leave();
}

bool exchange_end(struct exchange *x)
{
    bool is_kept = x->is_begun && x->fcgi.keepConnection != 0;

    if (x->is_begun) {
        enter(x);
        FCGX_Finish_r(&x->fcgi);
        leave();
    }
    x->is_begun = false;
    return is_kept && !x->is_broken;
}

void exchange_dismiss(struct exchange *x)
{
    static const char unknown_type[] = {1, 11, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    if (buf_append(&x->out, (struct span){unknown_type, sizeof(unknown_type)}))
        x->is_broken = true; /* the connection is closed all the same */
}

/* Passes a request through libfcgi. One that reads or writes by itself finds nothing, and leaves
 * nothing. */
static enum err check_library(struct exchange *x)
{
    enum err e = exchange_begin_unseen(x, 1);

    if (e == ERR_MALFORMED)
        return ERR_UNSUPPORTED;
    if (e)
        return e;
    return exchange_end(x) && x->out.len > 0 ? ERR_NONE : ERR_UNSUPPORTED;
}

enum err exchange_init_library(void)
{
    struct exchange x;
    enum err e = FCGX_Init() == 0 ? ERR_NONE : ERR_NO_MEMORY;

    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        return ERR_NO_MEMORY;
    exchange_init(&x);
    if (!e)
        e = check_library(&x);
    if (e == ERR_UNSUPPORTED)
        log_error("this libfcgi reads or writes connections by itself, so it is not safe here; "
                  "use the one that doorbell-app was built with");
    exchange_deinit(&x);
    return e;
}
