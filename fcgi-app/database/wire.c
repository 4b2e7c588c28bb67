/* SPDX-License-Identifier: MIT */
#include "fcgi-app/database/wire.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "common/os/clock.h"

bool wire_wait(const PGconn *pg, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(pg), .events = events};
    int n;

    do {
        int64_t left_ms = deadline_ms - clock_ms();

        n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

enum err wire_wait_for_result(PGconn *pg, int64_t deadline_ms)
{
    int unsent;

    while ((unsent = PQflush(pg)) > 0) {
        if (!wire_wait(pg, POLLIN | POLLOUT, deadline_ms) || !PQconsumeInput(pg))
            return ERR_UNAVAILABLE;
    }
    if (unsent < 0)
        return ERR_UNAVAILABLE;
    while (PQisBusy(pg)) {
        if (!wire_wait(pg, POLLIN, deadline_ms) || !PQconsumeInput(pg))
            return ERR_UNAVAILABLE;
    }
    return ERR_NONE;
}

enum err wire_fetch(PGconn *pg, int64_t deadline_ms, PGresult **out)
{
    PGresult *last = NULL, *next;

    do {
        if (wire_wait_for_result(pg, deadline_ms)) {
            PQclear(last);
            return ERR_UNAVAILABLE;
        }
        next = PQgetResult(pg);
        if (next) {
            PQclear(last);
            last = next;
        }
    } while (next);
    if (!last || PQstatus(pg) == CONNECTION_BAD) {
        PQclear(last);
        return ERR_UNAVAILABLE;
    }
    *out = last;
    return ERR_NONE;
}
