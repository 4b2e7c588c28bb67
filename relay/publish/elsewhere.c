/* SPDX-License-Identifier: MIT */
/* elsewhere.c - a call's body travels as it is, so that one codec reads it at either end: rings are
 * cut out of it by where they go, to the relays that hold a user or to all. What a call needs to
 * know of others is a question, and its answer the same whether others were asked or not. */
#include "relay/publish/elsewhere.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text/json.h"
#include "common/text/json_walk.h"
#include "relay/publish/online.h"
#include "relay/publish/revoked.h"

enum { AROUND_A_RING = 256 /* bytes of its channel and envelope, and of what was told with it */ };

static void init_body(const struct api *api, struct buf *body)
{
    buf_init(body, (size_t)api->config->relay.cluster_max_pending);
}

/* --- what others are told --- */

static enum err append_told(struct buf *body, const struct told *told)
{
    enum err e = ERR_NONE;

    if (told->epoch.len > 0 && !(e = buf_append(body, SPAN(",\"epoch\":"))))
        e = json_append_text(body, epoch_name_span(&told->epoch));
    if (!e && told->seq > 0)
        e = buf_printf(body, ",\"seq\":%" PRId64, told->seq);
    return e ? e : buf_append_char(body, '}');
}

static void tell_user(struct api *api, struct span user, const struct published_ring *pr,
                      const struct told *told, struct buf *body)
{
    buf_reset(body);
    if (buf_append(body, SPAN("{\"rings\":[")) || buf_append(body, pr->json) ||
        buf_append_char(body, ']') || append_told(body, told))
        return;
    (void)cluster_tell(api->cluster, CLUSTER_USER, user, ENVELOPE_RINGS, buf_span(body));
}

static bool is_for_all(const struct published_ring *pr)
{
    return !pr->to.p || pr->user_count > ELSEWHERE_USERS_MAX;
}

/* Whether to tell each user of their rings would take most of what may wait for Redis: lists of
 * users come to many times the body that they are in, which all relays can be told at once. */
static bool is_much(const struct api *api, const struct rings *p)
{
    size_t bytes = 0;

    for (size_t i = 0; i < p->ring_count; i++)
        if (!is_for_all(&p->rings[i]))
            bytes += p->rings[i].user_count * (p->rings[i].json.len + AROUND_A_RING);
    return bytes > (size_t)api->config->relay.cluster_max_pending / 2;
}

static void tell_users(struct api *api, const struct rings *p, struct buf *body)
{
    struct span user;

    for (size_t i = 0; i < p->ring_count; i++) {
        struct rings_users users = rings_users(&p->rings[i]);

        if (is_for_all(&p->rings[i]))
            continue;
        while (rings_next_user(&users, &user))
            tell_user(api, user, &p->rings[i], &p->told, body);
    }
}

static bool is_news(const struct told *known, const struct told *told)
{
    return (told->epoch.len > 0 &&
            !span_equal(epoch_name_span(&told->epoch), epoch_name_span(&known->epoch))) ||
           told->seq > known->seq;
}

/* The rings that are for all relays, or `all_of_them`, in one; none, if there is nothing to tell.
 */
static void tell_all(struct api *api, const struct rings *p, bool all_of_them, struct buf *body)
{
    const char *comma = "";
    enum err e;

    buf_reset(body);
    e = buf_append(body, SPAN("{\"rings\":["));
    for (size_t i = 0; i < p->ring_count && !e; i++) {
        if (!all_of_them && !is_for_all(&p->rings[i]))
            continue;
        if (!(e = buf_append(body, span_of(comma))))
            e = buf_append(body, p->rings[i].json);
        comma = ",";
    }
    if (e || (!comma[0] && !is_news(&api->shared, &p->told)) || buf_append_char(body, ']') ||
        append_told(body, &p->told))
        return;
    if (cluster_tell(api->cluster, CLUSTER_ALL, SPAN(""), ENVELOPE_RINGS, buf_span(body)))
        api->shared = p->told;
}

void elsewhere_revoke(struct api *api, struct span body)
{
    struct revoked list;
    const char *why;
    int64_t at_us;
    struct span user;

    /* An empty one only asks whether the relays are the same. */
    if (!revoked_decode(body, &list, &why) && revoked_next(&list, &user, &at_us))
        (void)cluster_tell(api->cluster, CLUSTER_ALL, SPAN(""), ENVELOPE_REVOKED, body);
}

static enum err append_any_text(struct buf *body, struct span text)
{
    return span_is_utf8(text) ? json_append_text(body, text) : json_append_ascii(body, text);
}

void elsewhere_text(struct api *api, struct span user, struct span text)
{
    struct buf body;
    enum err e;

    init_body(api, &body);
    e = buf_append(&body, SPAN("{\"text\":"));
    if (!e)
        e = append_any_text(&body, text);
    if (!e)
        e = buf_append_char(&body, '}');
    if (!e)
        (void)cluster_tell(api->cluster, user.len > 0 ? CLUSTER_USER : CLUSTER_ALL, user,
                           ENVELOPE_TEXT, buf_span(&body));
    buf_deinit(&body);
}

/* --- answers of calls --- */

static enum err encode_users(const struct question *one, bool is_online, struct buf *out)
{
    struct rings_users users = {.rest = {one->users, one->users_len}};
    const char *comma = "";
    struct span user;
    enum err e = ERR_NONE;

    for (size_t i = 0; !e && i < one->count && rings_next_user(&users, &user); i++) {
        if ((one->counts[i] > 0) == is_online)
            e = json_append_next(out, &comma, user);
    }
    return e;
}

static enum err encode_counts(const struct question *one, struct buf *out)
{
    struct rings_users users = {.rest = {one->users, one->users_len}};
    const char *comma = "";
    struct span user;
    enum err e = ERR_NONE;

    for (size_t i = 0; !e && i < one->count && rings_next_user(&users, &user); i++) {
        e = json_append_next(out, &comma, user);
        if (!e)
            e = buf_printf(out, ":%" PRIu32, one->counts[i]);
    }
    return e;
}

static enum err encode_body(const struct question *one, struct buf *out)
{
    enum err e;

    switch (one->kind) {
    case QUESTION_REPORT:
        e = buf_printf(out, "{\"sessions\":%" PRId64 ",\"offline\":[", one->sessions);
        if (!e)
            e = encode_users(one, false, out);
        return e ? e : buf_append_char(out, ']');
    case QUESTION_ONLINE:
        e = buf_append(out, SPAN("{\"users\":["));
        if (!e)
            e = encode_users(one, true, out);
        return e ? e : buf_append_char(out, ']');
    case QUESTION_COUNTS:
        e = buf_append(out, SPAN("{\"online\":{"));
        if (!e)
            e = encode_counts(one, out);
        return e ? e : buf_append_char(out, '}');
    default:
        return buf_printf(out, "{\"sessions\":%" PRId64, one->sessions);
    }
}

static enum err encode_answer(const struct question *one, bool is_partial,
                              struct http_response *res)
{
    enum err e;

    if (one->kind == QUESTION_OLD) {
        res->content_type = "text/html;charset=utf-8";
        return buf_append(&res->body, one->sessions > 0 ? SPAN("ok") : SPAN("offline"));
    }
    e = encode_body(one, &res->body);
    if (!e && is_partial)
        e = buf_append(&res->body, SPAN(",\"partial\":true"));
    return e ? e : buf_append_char(&res->body, '}');
}

static void abandon(void *ctx)
{
    ((struct question *)ctx)->caller = NULL;
}

static void park(struct api *api, struct question *one, struct http_request *req)
{
    one->caller = req->conn;
    req->waiter = (struct http_waiter){abandon, one};
    api->is_parked = true;
}

void elsewhere_finish(struct api *api, const struct question *one, bool is_partial)
{
    struct http_response res = {.status = 200, .content_type = "application/json", .headers = ""};

    if (!one->caller)
        return;
    init_body(api, &res.body);
    if (encode_answer(one, is_partial, &res)) {
        res.status = 503;
        buf_reset(&res.body);
    }
    api->ops->answer(one->caller, &res);
    buf_deinit(&res.body);
}

/* What is known here. */
static void fill_in(const struct api *api, struct question *one, bool has_counts, int64_t sessions)
{
    struct rings_users users = {.rest = {one->users, one->users_len}};
    struct span user;

    one->sessions = sessions;
    for (size_t i = 0; has_counts && i < one->count && rings_next_user(&users, &user); i++)
        one->counts[i] = (uint32_t)api_count_sessions(api, user);
}

/* Nobody else is asked, or can be. */
static enum err answer_alone(struct api *api, struct question *one, bool has_counts,
                             int64_t sessions, bool is_partial, struct http_response *res)
{
    enum err e = ERR_NO_MEMORY;

    one->counts = calloc(one->count + 1, sizeof(*one->counts));
    if (one->counts) {
        fill_in(api, one, has_counts, sessions);
        e = encode_answer(one, is_partial, res);
    }
    free(one->counts);
    return e;
}

/* Asks all relays about users, the items of a list; of `sessions` it is known already. */
static enum err ask_all(struct api *api, struct question *about, enum envelope_kind envelope,
                        struct span body, int64_t sessions, struct http_request *req,
                        struct http_response *res)
{
    struct span users = {about->users, about->users_len};
    bool has_counts = about->kind != QUESTION_KICK;
    struct question *one;
    enum err e = cluster_ask(api->cluster, about->kind, envelope, users, about->count, body,
                             api->now.ms, &one);

    if (e)
        return answer_alone(api, about, has_counts, sessions, true, res);
    fill_in(api, one, has_counts, sessions);
    park(api, one, req);
    return ERR_NONE;
}

/* --- POST /publish --- */

/* What a list of users begins with in the body of a question, and ends with. */
#define USERS_HEAD "{\"users\":["
#define USERS_END "]}"

/* Of such a body. */
static void set_users(struct question *about, const struct buf *body)
{
    about->users = body->data + sizeof(USERS_HEAD) - 1;
    about->users_len = body->len - (sizeof(USERS_HEAD USERS_END) - 1);
    about->count = json_walk_count((struct span){about->users, about->users_len});
}

static enum err list_users(const struct rings *p, struct buf *out)
{
    const char *comma = "";
    enum err e = buf_append(out, SPAN(USERS_HEAD));

    for (size_t i = 0; i < p->ring_count; i++) {
        struct rings_users users = rings_users(&p->rings[i]);
        struct span user;

        while (!e && rings_next_user(&users, &user))
            e = json_append_next(out, &comma, user);
    }
    return e ? e : buf_append(out, SPAN(USERS_END));
}

/* The sessions that rings for all reach at other relays. */
static int64_t count_for_all(const struct api *api, const struct rings *p)
{
    int64_t pages = peers_totals(&api->cluster->peers).pages, sum = 0;

    for (size_t i = 0; i < p->ring_count; i++)
        sum += p->rings[i].to.p ? 0 : pages;
    return sum;
}

static enum err report(struct api *api, const struct rings *p, size_t sessions, struct buf *body,
                       struct http_request *req, struct http_response *res)
{
    struct question about = {.kind = QUESTION_REPORT};
    enum err e;

    buf_reset(body);
    if ((e = list_users(p, body)))
        return e;
    set_users(&about, body);
    return ask_all(api, &about, ENVELOPE_ASK, buf_span(body),
                   (int64_t)sessions + count_for_all(api, p), req, res);
}

enum err elsewhere_publish(struct api *api, const struct rings *p, size_t sessions,
                           struct http_request *req, struct http_response *res)
{
    bool to_all = is_much(api, p);
    struct buf body;
    enum err e;

    init_body(api, &body);
    tell_all(api, p, to_all, &body);
    if (!to_all)
        tell_users(api, p, &body);
    if (p->wants_report)
        e = report(api, p, sessions, &body, req, res);
    else
        e = buf_printf(&res->body, "{\"sessions\":%zu}", sessions);
    buf_deinit(&body);
    return e;
}

/* --- POST /online, GET /online?user=, POST /kick, web-msg-sender's --- */

/* Asks Redis who else holds the users, unless all of them are here. */
static enum err ask_redis(struct api *api, struct question *about, struct http_request *req,
                          struct http_response *res)
{
    struct span users = {about->users, about->users_len};
    struct rings_users rest = {.rest = users};
    struct question *one;
    bool has_all = true;
    struct span user;

    while (has_all && rings_next_user(&rest, &user))
        has_all = api_count_sessions(api, user) > 0;
    if (has_all)
        return answer_alone(api, about, true, 0, false, res);
    if (cluster_ask_online(api->cluster, about->kind, users, about->count, api->now.ms, &one)) {
        /* Who is told nothing now is to ask once the link is back. */
        api->cluster->owes_question |= !api->cluster->is_linked;
        return answer_alone(api, about, true, 0, true, res);
    }
    fill_in(api, one, true, 0);
    park(api, one, req);
    return ERR_NONE;
}

static void share_told(struct api *api, const struct told *told)
{
    struct rings none = {.told = *told};
    struct buf body;

    if (!is_news(&api->shared, told))
        return;
    init_body(api, &body);
    tell_all(api, &none, false, &body);
    buf_deinit(&body);
}

enum err elsewhere_ask_online(struct api *api, struct span users, const struct told *told,
                              struct http_request *req, struct http_response *res)
{
    struct question about = {.kind = QUESTION_ONLINE,
                             .users = (char *)users.p,
                             .users_len = users.len,
                             .count = json_walk_count(users)};

    share_told(api, told);
    return ask_redis(api, &about, req, res);
}

enum err elsewhere_ask_old(struct api *api, struct span user, struct http_request *req,
                           struct http_response *res)
{
    struct question about = {.kind = QUESTION_OLD, .count = 1};
    struct buf list;
    enum err e;

    init_body(api, &list);
    if (!(e = append_any_text(&list, user))) {
        about.users = list.data;
        about.users_len = list.len;
        e = ask_redis(api, &about, req, res);
    }
    buf_deinit(&list);
    return e;
}

enum err elsewhere_count(struct api *api, struct http_request *req, struct http_response *res)
{
    struct question about = {.kind = QUESTION_COUNTS};
    struct buf body;
    enum err e;

    init_body(api, &body);
    e = buf_append(&body, SPAN(USERS_HEAD));
    if (!e)
        e = buf_append(&body, buf_span(&res->body));
    if (!e)
        e = buf_append(&body, SPAN(USERS_END));
    buf_reset(&res->body);
    if (!e) {
        set_users(&about, &body);
        e = ask_all(api, &about, ENVELOPE_ASK, buf_span(&body), 0, req, res);
    }
    buf_deinit(&body);
    return e;
}

enum err elsewhere_kick(struct api *api, struct span user, size_t sessions,
                        struct http_request *req, struct http_response *res)
{
    struct question about = {.kind = QUESTION_KICK, .count = 1};
    struct buf body;
    enum err e;

    init_body(api, &body);
    e = buf_append(&body, SPAN("{\"revocations\":[{\"user\":"));
    if (!e)
        e = json_append_text(&body, user);
    if (!e)
        e = buf_printf(&body, ",\"at\":%" PRId64 "}]}", api->now.unix_us);
    if (!e)
        e = ask_all(api, &about, ENVELOPE_KICK, buf_span(&body), (int64_t)sessions, req, res);
    buf_deinit(&body);
    return e;
}

/* --- what others say --- */

static void receive_rings(struct api *api, struct span user, struct span body)
{
    struct rings p;
    const char *why;

    if (rings_decode(body, &p, &why))
        return;
    for (size_t i = 0; i < p.ring_count; i++) {
        if (user.len > 0)
            (void)api_deliver_to(api, &p.rings[i], user);
        else
            (void)api_deliver(api, &p.rings[i]);
    }
    api->ops->learn(api->ctx, &p.told.epoch, p.told.seq);
    rings_deinit(&p);
}

static void receive_text(struct api *api, struct span user, struct span body)
{
    static const char *const names[] = {"text"};
    struct ring ring = {.type = RING_ASK};
    char *scratch = malloc(body.len + 1);
    struct span member;
    size_t ignored;

    /* Lost for want of memory, as any may be. */
    if (scratch && !json_check(body) &&
        !json_walk_members(json_walk_root(body), names, 1, &member) &&
        !json_walk_text(member, scratch, body.len, &ring.text)) {
        if (user.len > 0)
            (void)!api->ops->ring_user(api->ctx, user, &ring, &ignored);
        else
            (void)!api->ops->ring_all(api->ctx, &ring, &ignored);
    }
    free(scratch);
}

static void answer_counts(struct api *api, const struct envelope *asked, const size_t *counts,
                          size_t count)
{
    struct buf body;
    enum err e;

    init_body(api, &body);
    e = buf_append(&body, SPAN("{\"sessions\":["));
    for (size_t i = 0; i < count && !e; i++)
        e = buf_printf(&body, i > 0 ? ",%zu" : "%zu", counts[i]);
    if (!e && !buf_append(&body, SPAN("]}")))
        cluster_answer(api->cluster, asked, buf_span(&body));
    buf_deinit(&body);
}

static void receive_kick(struct api *api, const struct envelope *asked)
{
    struct revoked list;
    const char *why;
    struct span user;
    int64_t at_us;
    size_t count = 0;

    if (revoked_decode(asked->body, &list, &why) || !revoked_next(&list, &user, &at_us))
        return;
    if (!api_kick(api, user, at_us < api->now.unix_us ? at_us : api->now.unix_us, &count))
        answer_counts(api, asked, &count, 1);
}

static void receive_revoked(struct api *api, struct span body)
{
    struct revoked list;
    const char *why;
    size_t count = 0;

    if (!revoked_decode(body, &list, &why))
        (void)!api_revoke(api, &list, &count);
}

static void receive_question(struct api *api, const struct envelope *asked)
{
    size_t counts[QUESTIONS_USERS_MAX];
    struct rings_users users;
    struct told told;
    struct span user;
    const char *why;
    size_t n = 0;

    if (online_decode(asked->body, &users, &told, &why))
        return;
    while (n < QUESTIONS_USERS_MAX && rings_next_user(&users, &user))
        counts[n++] = api_count_sessions(api, user);
    answer_counts(api, asked, counts, n);
}

void elsewhere_receive(struct api *api, struct span user, const struct envelope *e)
{
    switch (e->kind) {
    case ENVELOPE_RINGS:
        receive_rings(api, user, e->body);
        break;
    case ENVELOPE_TEXT:
        receive_text(api, user, e->body);
        break;
    case ENVELOPE_KICK:
        receive_kick(api, e);
        break;
    case ENVELOPE_REVOKED:
        receive_revoked(api, e->body);
        break;
    case ENVELOPE_ASK:
        receive_question(api, e);
        break;
    default:
        break;
    }
}
