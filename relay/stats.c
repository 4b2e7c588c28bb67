/* SPDX-License-Identifier: MIT */
#include "relay/stats.h"

#include <inttypes.h>
#include <string.h>

#include "relay/session.h"

/* Rows of one metric stand together: only the first says what it is. */
static const struct {
    const char *name;
    const char *label; /* empty: none */
    const char *help;
} rows[COUNTER_COUNT] = {
    [COUNT_ACCEPTS] = {"accepts_total", "", "Connections accepted at either port"},
    [COUNT_ACCEPT_PAUSES] = {"accept_pauses_total", "", "Times that accepting was paused"},
    [COUNT_REFUSED_UPGRADES] = {"refused_upgrades_total", "", "Requests of clients refused"},
    [COUNT_OPENED] = {"opened_total", "", "Sessions opened"},
    [COUNT_LOGINS] = {"logins_total", "", "Sessions that logged in"},
    [COUNT_CALLS] = {"publish_calls_total", "", "Calls at the publish port"},
    [COUNT_REFUSED_CALLS] = {"refused_publish_calls_total", "",
                             "Calls at the publish port refused"},
    [COUNT_RINGS_PERSONAL] = {"rings_total", "kind=\"personal\"", "Rings published"},
    [COUNT_RINGS_MANY] = {"rings_total", "kind=\"many\"", "Rings published"},
    [COUNT_RINGS_ALL] = {"rings_total", "kind=\"all\"", "Rings published"},
    [COUNT_FRAMES] = {"frames_total", "", "Frames written to sessions"},
    [COUNT_BYTES] = {"frame_bytes_total", "", "Bytes of the frames written to sessions"},
    [COUNT_MERGED] = {"merged_total", "", "Messages merged into the slot of a slow session"},
    [COUNT_CLOSED_BY_PEER] = {"closed_total", "code=\"peer\"", "Sessions closed"},
    [COUNT_CLOSED_POLICY] = {"closed_total", "code=\"1008\"", "Sessions closed"},
    [COUNT_CLOSED_TOO_BIG] = {"closed_total", "code=\"1009\"", "Sessions closed"},
    [COUNT_CLOSED_RESTART] = {"closed_total", "code=\"1012\"", "Sessions closed"},
    [COUNT_CLOSED_LATER] = {"closed_total", "code=\"1013\"", "Sessions closed"},
    [COUNT_CLOSED_TOKEN] = {"closed_total", "code=\"4401\"", "Sessions closed"},
    [COUNT_CLOSED_KICKED] = {"closed_total", "code=\"4403\"", "Sessions closed"},
    [COUNT_CLOSED_NO_LOGIN] = {"closed_total", "code=\"4408\"", "Sessions closed"},
    [COUNT_CLOSED_TOO_MANY] = {"closed_total", "code=\"4429\"", "Sessions closed"},
};

void stats_count(struct stats *s, enum counter what, uint64_t n)
{
    s->counters[what] += n;
}

void stats_count_close(struct stats *s, unsigned code)
{
    static const struct {
        unsigned code;
        enum counter counter;
    } codes[] = {
        {CLOSE_POLICY, COUNT_CLOSED_POLICY},     {CLOSE_TOO_BIG, COUNT_CLOSED_TOO_BIG},
        {CLOSE_RESTART, COUNT_CLOSED_RESTART},   {CLOSE_LATER, COUNT_CLOSED_LATER},
        {CLOSE_TOKEN, COUNT_CLOSED_TOKEN},       {CLOSE_KICKED, COUNT_CLOSED_KICKED},
        {CLOSE_NO_LOGIN, COUNT_CLOSED_NO_LOGIN}, {CLOSE_TOO_MANY, COUNT_CLOSED_TOO_MANY},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == code)
            stats_count(s, codes[i].counter, 1);
}

static enum err encode_row(const struct stats *s, size_t i, struct buf *out)
{
    bool is_first = i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0;
    bool has_label = rows[i].label[0] != '\0';

    if (is_first &&
        buf_printf(out, "# HELP doorbell_relay_%s %s.\n# TYPE doorbell_relay_%s counter\n",
                   rows[i].name, rows[i].help, rows[i].name))
        return ERR_TOO_BIG;
    return buf_printf(out, "doorbell_relay_%s%s%s%s %" PRIu64 "\n", rows[i].name,
                      has_label ? "{" : "", rows[i].label, has_label ? "}" : "", s->counters[i]);
}

static enum err encode_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    return buf_printf(out,
                      "# HELP doorbell_relay_%s %s.\n# TYPE doorbell_relay_%s gauge\n"
                      "doorbell_relay_%s %" PRId64 "\n",
                      name, help, name, name, value);
}

enum err stats_encode(const struct stats *s, const struct gauges *g, struct buf *out)
{
    enum err e;

    for (size_t i = 0; i < COUNTER_COUNT; i++)
        if ((e = encode_row(s, i, out)))
            return e;
    if ((e = encode_gauge(out, "sessions", "Sessions open", (int64_t)g->sessions)) ||
        (e = encode_gauge(out, "users", "Users with a session", (int64_t)g->users)) ||
        (e = encode_gauge(out, "pages", "Sessions logged in", (int64_t)g->pages)) ||
        (e = encode_gauge(out, "paced", "Sessions a broadcast has to ring", (int64_t)g->due)) ||
        (e = encode_gauge(out, "kicks", "Users whose old tokens are refused", (int64_t)g->kicks)))
        return e;
    return encode_gauge(out, "uptime_seconds", "Seconds since the start", g->uptime_s);
}
