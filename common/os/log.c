/* SPDX-License-Identifier: MIT */
#include "common/os/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes/invariant.h"
#include "common/bytes/span.h"

static enum log_level level_max = LOG_LEVEL_INFO;

/* Of those who write: between the look whether stderr takes a line and the line comes no other. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static uint64_t lost, told; /* lines, and of how many of them a line has told */

void log_set_level(enum log_level level)
{
    level_max = level;
}

/* Control characters, C1 ones (U+0080 to U+009F) with them: terminals obey both. */
static bool is_control(const unsigned char *p, size_t len)
{
    return len == 1 ? p[0] < 0x20 || p[0] == 0x7f : len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

/* Writes the first character of `text` to `out`, escaped, and its length in `text` to *taken. */
static size_t escape(struct span text, char out[static 9], size_t *taken)
{
    size_t len = span_utf8_len(text);
    size_t n = 0;

    *taken = len > 0 ? len : 1;
    if (len > 0 && !is_control((const unsigned char *)text.p, len)) {
        memcpy(out, text.p, len);
        return len;
    }
    for (size_t i = 0; i < *taken; i++)
        n += (size_t)snprintf(out + n, 5, "\\x%02x", (unsigned char)text.p[i]);
    return n;
}

/* As many whole characters of `text` as fit `out`, followed by "..." if some are left out. */
static size_t escape_line(struct span text, char *out, size_t size)
{
    size_t len = 0;

    while (text.len > 0) {
        char piece[9];
        size_t taken;
        size_t n = escape(text, piece, &taken);
        size_t reserved = text.len > taken ? 3 : 0;

        if (n + reserved > size - len) {
            memcpy(out + len, "...", 3);
            return len + 3;
        }
        memcpy(out + len, piece, n);
        len += n;
        text.p += taken;
        text.len -= taken;
    }
    return len;
}

/* A pipe that can be written takes PIPE_BUF bytes without waiting, which is more than a line. */
static bool put(const char *line, size_t len)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n;

    if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
        return false;
    while ((n = write(STDERR_FILENO, line, len)) < 0 && errno == EINTR)
        continue;
    return n == (ssize_t)len;
}

static void tell_lost(void)
{
    char line[128];
    int len = snprintf(line, sizeof(line),
                       "<%d>%" PRIu64 " lines of the log were lost: what reads it is too slow\n",
                       LOG_LEVEL_WARN, lost - told);

    if (put(line, (size_t)len))
        told = lost;
}

/* One write: lines of several threads do not mix. */
static void write_line(const char *line, size_t len)
{
    (void)pthread_mutex_lock(&turn);
    if (lost != told)
        tell_lost();
    if (!put(line, len))
        lost++;
    (void)pthread_mutex_unlock(&turn);
}

uint64_t log_lost(void)
{
    uint64_t count;

    (void)pthread_mutex_lock(&turn);
    count = lost;
    (void)pthread_mutex_unlock(&turn);
    return count;
}

void log_at(enum log_level level, const char *format, ...)
{
    int saved = errno;
    char raw[LOG_LINE_MAX];
    char line[LOG_LINE_MAX];
    va_list args;
    size_t len;
    int n;

    if (level > level_max)
        return;
    va_start(args, format);
    n = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    if (n < 0)
        n = snprintf(raw, sizeof(raw), "a log line with a bad format: %s", format);
    len = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
    len += escape_line((struct span){raw, strnlen(raw, sizeof(raw))}, line + len,
                       sizeof(line) - len - 1);
    line[len++] = '\n';
    write_line(line, len);
    errno = saved;
}

static void log_bug(const char *place)
{
    log_error("a bug in this program, please report it: broken invariant %s", place);
}

void log_bugs(void)
{
#ifndef DOORBELL_FATAL_INVARIANTS
    invariant_listen(log_bug);
#else
    (void)log_bug;
#endif
}
