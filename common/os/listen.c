/* SPDX-License-Identifier: MIT */
/* listen.c - opens what the programs accept connections from, once, at their start. The idea: a
 * unix socket is bound under a umask that lets nobody in, and opened up by group and mode after
 * that, so there is no moment at which the wrong one could connect. Each failure says what to do,
 * and whether starting again may mend it. Accepting is left to the programs. */
#include "common/os/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/os/log.h"

/* The kernel lowers it to net.core.somaxconn. */
enum { BACKLOG = 4096, UNIX_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

_Static_assert(UNIX_PATH_MAX >= 107, "address_parse() lets longer paths through");

static bool set_flags(int fd)
{
    int status = fcntl(fd, F_GETFL);

    return status >= 0 && fcntl(fd, F_SETFL, status | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* Closes nothing: an inherited descriptor that is not what it should be is not ours. */
static enum err take_inherited(int inherited, int *fd)
{
    int is_listening = 0;
    socklen_t len = sizeof(is_listening);

    if (getsockopt(inherited, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) != 0 ||
        !is_listening) {
        log_error("fd:%d: not a listening socket", inherited);
        return ERR_INVALID;
    }
    if (!set_flags(inherited)) {
        log_error("fd:%d: %s", inherited, strerror(errno));
        return ERR_UNAVAILABLE;
    }
    *fd = inherited;
    return ERR_NONE;
}

static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd >= 0 && !set_flags(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Whether the file is a socket on which nobody listens any more. */
static bool is_stale(const struct sockaddr_un *name)
{
    struct stat info;
    bool is_refused;
    int fd;

    if (lstat(name->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    fd = open_socket(AF_UNIX);
    if (fd < 0)
        return false;
    is_refused =
        connect(fd, (const struct sockaddr *)name, sizeof(*name)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

/* Under a umask that leaves nothing, so that nobody gets in before mode and group are set. The
 * umask is the whole process's: listeners are opened before threads start. */
static int bind_closed(int fd, const struct sockaddr_un *name)
{
    mode_t before = umask(0777);
    int result = bind(fd, (const struct sockaddr *)name, sizeof(*name));

    if (result != 0 && errno == EADDRINUSE) {
        if (is_stale(name) && unlink(name->sun_path) == 0)
            result = bind(fd, (const struct sockaddr *)name, sizeof(*name));
        else
            errno = EADDRINUSE;
    }
    umask(before);
    return result;
}

/* Starting again mends an address in use, and none of these. */
static enum err judge_errno(int number)
{
    switch (number) {
    case EACCES:
    case ENOENT:
    case ENOTDIR:
    case EPERM:
    case EROFS:
        return ERR_INVALID;
    default:
        return ERR_UNAVAILABLE;
    }
}

/* Logs why nothing can listen there, and what to do. */
static enum err refuse_errno(const char *where, int number, const char *remedy)
{
    enum err e = judge_errno(number);

    if (number == EADDRINUSE)
        remedy = "another program, or another file, has this address";
    else if (e != ERR_INVALID)
        remedy = NULL;
    log_error("cannot listen at %s: %s%s%s", where, strerror(number), remedy ? "; " : "",
              remedy ? remedy : "");
    return e;
}

static enum err refuse_unix(const char *path, int number)
{
    return refuse_errno(
        path, number,
        "its directory must exist, and this program's user must be able to write there");
}

static enum err set_group(const char *path, const char *name)
{
    const struct group *group = getgrnam(name);
    int number;

    if (!group) {
        log_error("listen_group = %s: no such group; name the one that the web server runs in",
                  name);
        return ERR_INVALID;
    }
    if (chown(path, (uid_t)-1, group->gr_gid) == 0)
        return ERR_NONE;
    number = errno;
    log_error("listen_group = %s: chown of %s: %s; make this program's user a member of the group "
              "(SupplementaryGroups= of its unit), and let SystemCallFilter= allow @chown",
              name, path, strerror(number));
    return judge_errno(number);
}

static enum err open_up(const char *path, mode_t mode, const char *group)
{
    enum err e = group && group[0] ? set_group(path, group) : ERR_NONE;
    int number;

    if (e || chmod(path, mode) == 0)
        return e;
    number = errno;
    log_error("listen_mode = %04o: chmod of %s: %s", (unsigned)mode, path, strerror(number));
    return judge_errno(number);
}

static enum err listen_unix(const struct address *a, mode_t mode, const char *group, int *fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int s = open_socket(AF_UNIX);
    enum err e;

    memcpy(name.sun_path, a->host, strnlen(a->host, UNIX_PATH_MAX));
    if (s < 0 || bind_closed(s, &name) != 0) {
        e = refuse_unix(a->host, errno);
        if (s >= 0)
            close(s);
        return e;
    }
    e = open_up(name.sun_path, mode, group);
    if (!e && listen(s, BACKLOG) != 0)
        e = refuse_unix(a->host, errno);
    if (e) {
        unlink(name.sun_path);
        close(s);
        return e;
    }
    *fd = s;
    return ERR_NONE;
}

/* -1 with errno on failure. */
static int listen_on(const struct addrinfo *at)
{
    int on = 1;
    int off = 0;
    int fd = open_socket(at->ai_family);
    int saved;

    if (fd < 0)
        return -1;
    /* [::] takes IPv4 too, whatever the system's default is. */
    if (at->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static enum err listen_tcp(const struct address *a, int *fd)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char where[sizeof(a->host) + 8];
    char port[8];
    enum err e = ERR_NONE;
    int result;
    int s = -1;

    snprintf(where, sizeof(where), "%s:%u", a->host, (unsigned)a->port);
    snprintf(port, sizeof(port), "%u", (unsigned)a->port);
    result = getaddrinfo(a->host, port, &hints, &found);
    if (result != 0) {
        log_error("cannot listen at %s: %s", where, gai_strerror(result));
        return ERR_UNAVAILABLE;
    }
    for (const struct addrinfo *at = found; at && s < 0; at = at->ai_next)
        s = listen_on(at);
    if (s < 0)
        e = refuse_errno(where, errno, "a port below 1024 needs CAP_NET_BIND_SERVICE");
    else
        *fd = s;
    freeaddrinfo(found);
    return e;
}

enum err listen_open(const struct address *a, mode_t mode, const char *group, int *fd)
{
    switch (a->type) {
    case ADDRESS_UNIX:
        return listen_unix(a, mode, group, fd);
    case ADDRESS_TCP:
        return listen_tcp(a, fd);
    case ADDRESS_INHERITED:
        return take_inherited(a->fd, fd);
    }
    return ERR_INVALID;
}

void listen_unlink(const struct address *a)
{
    if (a->type == ADDRESS_UNIX)
        unlink(a->host);
}
