/* SPDX-License-Identifier: MIT */
#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum err system_failure(const char **why)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        *why = "no such file";
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        *why = "permission denied; the user of this program must be able to read it";
        return ERR_FORBIDDEN;
    case EISDIR:
        *why = "is a directory";
        return ERR_INVALID;
    default:
        *why = "cannot be read";
        return ERR_INVALID;
    }
}

/* Reads to the end, or until `size` bytes are full. Negative on failure. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

enum err file_read(const char *path, size_t max, struct owned *out, const char **why)
{
    struct owned read = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum err e;
    ssize_t n;

    if (fd < 0)
        return system_failure(why);
    e = owned_init(&read, max + 1);
    if (e) {
        close(fd);
        *why = err_text(e);
        return e;
    }
    n = read_all(fd, read.bytes, max + 1);
    if (n < 0) {
        e = system_failure(why);
    } else if ((size_t)n > max) {
        *why = "is too big";
        e = ERR_TOO_BIG;
    }
    close(fd);
    read.len = n > 0 ? (size_t)n : 0;
    if (e) {
        owned_deinit(&read);
        return e;
    }
    read.bytes[read.len] = '\0';
    *out = read;
    return ERR_NONE;
}
