/* SPDX-License-Identifier: MIT */
#include "relay/metrics/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "common/metrics/text.h"
#include "relay/session/hub.h"
#include "relay/session/protocol.h"

#define PREFIX "doorbell_relay_"

/* Rows of one metric follow each other: only the first says what it is. */
static const struct {
    const char *name;
    const char *labels; /* with their braces; empty: none */
    const char *help;
} rows[COUNTER_COUNT] = {
    [COUNT_ACCEPTS] = {PREFIX "accepts_total", "", "Connections accepted at either port"},
    [COUNT_ACCEPT_PAUSES] = {PREFIX "accept_pauses_total", "", "Times that accepting was paused"},
    [COUNT_HIDDEN_ADDRESSES] = {PREFIX "hidden_addresses_total", "",
                                "Handshakes whose X-Forwarded-For is not believed"},
    [COUNT_OPENED] = {PREFIX "opened_total", "", "Sessions opened"},
    [COUNT_LOGINS] = {PREFIX "logins_total", "", "Sessions that logged in"},
    [COUNT_UNTIMELY_TOKENS] = {PREFIX "untimely_tokens_total", "",
                               "Tokens refused since they are over, or from the future"},
    [COUNT_CLOCK_STEPS] = {PREFIX "clock_steps_total", "", "Times that the clock was set"},
    [COUNT_CALLS] = {PREFIX "publish_calls_total", "", "Calls at the publish port"},
    [COUNT_REFUSED_CALLS] = {PREFIX "refused_publish_calls_total", "",
                             "Calls at the publish port refused"},
    [COUNT_RINGS_PERSONAL] = {PREFIX "rings_total", "{kind=\"personal\"}", "Rings published"},
    [COUNT_RINGS_MANY] = {PREFIX "rings_total", "{kind=\"many\"}", "Rings published"},
    [COUNT_RINGS_ALL] = {PREFIX "rings_total", "{kind=\"all\"}", "Rings published"},
    [COUNT_FRAMES] = {PREFIX "frames_total", "", "Frames written to sessions"},
    [COUNT_BYTES] = {PREFIX "frame_bytes_total", "", "Bytes of the frames written to sessions"},
    [COUNT_MERGED] = {PREFIX "merged_total", "", "Messages merged into the slot of a slow session"},
};

void metrics_count(struct metrics *s, enum counter what, uint64_t n)
{
    s->counters[what] += n;
}

void metrics_count_refusal(struct metrics *s, int status, const char *reason)
{
    if (status >= 400 && status <= 599)
        tally_count(&s->refusals, (unsigned)status, reason);
}

void metrics_count_close(struct metrics *s, unsigned code, const char *reason)
{
    tally_count(&s->closes, code, reason);
}

void metrics_count_left(struct metrics *s)
{
    s->left++;
}

static enum err encode_counters(const struct metrics *s, struct buf *out)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; i < COUNTER_COUNT && !e; i++) {
        if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
            e = metrics_text_head(out, rows[i].name, "counter", rows[i].help);
        if (!e)
            e = buf_printf(out, "%s%s %" PRIu64 "\n", rows[i].name, rows[i].labels, s->counters[i]);
    }
    return e;
}

static enum err encode_refusals(const struct metrics *s, struct buf *out)
{
    static const char name[] = PREFIX "refused_upgrades_total";
    enum err e = metrics_text_head(out, name, "counter", "Requests of clients refused, and why");

    return e ? e : tally_encode(&s->refusals, name, "status", out);
}

static enum err encode_closes(const struct metrics *s, struct buf *out)
{
    static const char name[] = PREFIX "closed_total";
    enum err e = metrics_text_head(out, name, "counter", "Sessions closed, by whom and why");

    if (!e)
        e = buf_printf(out, "%s{code=\"peer\",reason=\"peer went away\"} %" PRIu64 "\n", name,
                       s->left);
    return e ? e : tally_encode(&s->closes, name, "code", out);
}

static enum err encode_times(const struct metrics *s, struct buf *out)
{
    static const char *const kinds[DELAY_COUNT] = {[DELAY_PERSONAL] = "kind=\"personal\"",
                                                   [DELAY_MANY] = "kind=\"many\"",
                                                   [DELAY_ALL] = "kind=\"all\""};
    enum err e = metrics_text_head(out, PREFIX "publish_to_write_seconds", "histogram",
                                   "Time from a publish call's arrival to the write of its ring");

    for (size_t i = 0; i < DELAY_COUNT && !e; i++)
        e = histogram_encode(&s->delays[i], PREFIX "publish_to_write_seconds", kinds[i], out);
    if (!e)
        e = metrics_text_head(out, PREFIX "loop_lag_seconds", "histogram",
                              "How late the loop's tick came");
    return e ? e : histogram_encode(&s->lag, PREFIX "loop_lag_seconds", "", out);
}

static enum err encode_sessions(const struct hub *hub, struct buf *out)
{
    const struct hub_share *shares = hub_shares(hub);
    enum err e = metrics_text_head(out, PREFIX "sessions", "gauge", "Sessions open");

    for (size_t i = 0; i < PROTOCOL_COUNT && !e; i++)
        if (shares[i].protocol)
            e = buf_printf(out, PREFIX "sessions{protocol=\"%s\"} %zu\n", shares[i].protocol->name,
                           shares[i].sessions);
    return e;
}

static enum err encode_gauges(const struct gauges *g, struct buf *out)
{
    const struct {
        const char *name, *help;
        int64_t value;
    } all[] = {
        {PREFIX "users", "Users with a session", (int64_t)hub_users(g->hub)},
        {PREFIX "pages", "Sessions logged in", (int64_t)hub_pages(g->hub)},
        {PREFIX "paced", "Sessions a broadcast has to ring", (int64_t)hub_due(g->hub)},
        {PREFIX "deferred", "Sessions that wait for the loop's next turn",
         (int64_t)hub_listed(g->hub, HUB_DEFERRED)},
        {PREFIX "slow_sessions", "Sessions that do not read", (int64_t)hub_blocked(g->hub)},
        {PREFIX "kicks", "Users whose old tokens are refused", (int64_t)g->revocations},
        {PREFIX "uptime_seconds", "Seconds since the start", g->uptime_s},
    };
    enum err e = encode_sessions(g->hub, out);

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !e; i++)
        e = metrics_text_one(out, all[i].name, "gauge", all[i].help, all[i].value);
    return e;
}

static enum err encode_cluster(const struct cluster_gauges *c, struct buf *out)
{
    const struct {
        const char *name, *type, *help;
        int64_t value;
    } all[] = {
        {PREFIX "cluster_connected", "gauge", "Whether Redis is linked", c->connected},
        {PREFIX "cluster_relays", "gauge", "Relays known, this one too", c->relays},
        {PREFIX "cluster_sent_total", "counter", "Messages published for other relays",
         (int64_t)c->sent},
        {PREFIX "cluster_received_total", "counter", "Messages of other relays",
         (int64_t)c->received},
        {PREFIX "cluster_links_total", "counter", "Times that Redis was linked", (int64_t)c->links},
        {PREFIX "cluster_lost_total", "counter", "Messages that other relays have missed",
         (int64_t)c->lost},
        {PREFIX "cluster_master_changes_total", "counter",
         "Times that another Redis than before was linked", (int64_t)c->moves},
        {PREFIX "cluster_sentinel_failures_total", "counter",
         "Times that a sentinel was asked for the master in vain", (int64_t)c->no_master},
    };
    enum err e = ERR_NONE;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !e; i++)
        e = metrics_text_one(out, all[i].name, all[i].type, all[i].help, all[i].value);
    return e;
}

/* Under the name that every program has for it. */
static enum err encode_process(const struct metrics *s, struct buf *out)
{
    return buf_printf(out,
                      "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
                      "# TYPE process_resident_memory_bytes gauge\n"
                      "process_resident_memory_bytes %" PRId64 "\n",
                      s->resident_bytes);
}

enum err metrics_append(const struct metrics *s, const struct gauges *g, struct buf *out)
{
    enum err e = encode_counters(s, out);

    if (!e)
        e = encode_refusals(s, out);
    if (!e)
        e = encode_closes(s, out);
    if (!e)
        e = encode_times(s, out);
    if (!e)
        e = encode_gauges(g, out);
    if (!e)
        e = encode_cluster(&g->cluster, out);
    if (!e)
        e = metrics_text_program(out, s->lost_lines);
    return e ? e : encode_process(s, out);
}
