/* SPDX-License-Identifier: MIT */
/* api.c - the calls of the publish port as a table: method, path, whether the key is needed, and a
 * handler. The table decides 405 and 401 by the head alone, so a handler is only its business; what
 * it rings it rings by ops. A path that is not in the table is web-msg-sender's call. */
#include "relay/publish/api.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <string.h>

#include "common/http/error.h"
#include "common/http/status.h"
#include "common/security/user.h"
#include "common/text/form.h"
#include "common/text/json.h"
#include "relay/engine/pace.h"
#include "relay/publish/elsewhere.h"
#include "relay/publish/online.h"
#include "relay/publish/revoked.h"
#include "relay/publish/rings.h"
#include "relay/publish/web_msg_sender_call.h"
#include "relay/session/protocol.h"

enum { SESSIONS_LIMIT = 100, SESSIONS_LIMIT_MAX = 1000, ONLINE_USERS_MAX = 100 };

typedef enum err (*handler)(struct api *api, struct http_request *req, struct http_response *res);

enum err api_refuse(struct http_response *res, int status, const char *message)
{
    res->status = status;
    res->content_type = "application/json";
    buf_reset(&res->body);
    error_encode(&res->body, status_code(status), message);
    return ERR_NONE;
}

static enum err refuse_by(struct http_response *res, enum err e, const char *why)
{
    switch (e) {
    case ERR_TOO_BIG:
        return api_refuse(res, 413, why);
    case ERR_TOO_MANY:
    case ERR_NO_MEMORY:
        res->headers = "Retry-After: 1\r\n";
        return api_refuse(res, 503, why);
    default:
        return api_refuse(res, 400, why);
    }
}

/* --- POST /publish --- */

/* Out of memory a ring is lost, as any may be. */
static size_t ring_user(struct api *api, struct span user, const struct ring *ring)
{
    size_t count = 0;

    return api->ops->ring_user(api->ctx, user, ring, &count) ? 0 : count;
}

/* The ring as its users get it. */
static struct ring ring_of_many(const struct api *api, const struct published_ring *pr)
{
    struct ring ring = pr->ring;

    if (ring.type != RING_PERSONAL)
        ring.spread_ms =
            pace_spread_ms(pr->user_count, api->config->relay.pace, api->config->relay.check_rate);
    return ring;
}

size_t api_deliver_to(struct api *api, const struct published_ring *pr, struct span user)
{
    struct ring ring = ring_of_many(api, pr);

    api->ops->learn(api->ctx, &pr->epoch, 0);
    return ring_user(api, user, &ring);
}

size_t api_deliver(struct api *api, const struct published_ring *pr)
{
    struct rings_users users = rings_users(pr);
    struct ring ring = ring_of_many(api, pr);
    struct span user;
    size_t sessions = 0;

    api->ops->learn(api->ctx, &pr->epoch, pr->to.p ? 0 : ring.seq);
    if (!pr->to.p)
        return api->ops->ring_all(api->ctx, &pr->ring, &sessions) ? 0 : sessions;
    while (rings_next_user(&users, &user))
        sessions += ring_user(api, user, &ring);
    return sessions;
}

static void count_ring(struct api *api, const struct published_ring *pr)
{
    enum counter many = pr->ring.type == RING_PERSONAL ? COUNT_RINGS_PERSONAL : COUNT_RINGS_MANY;

    metrics_count(api->metrics, pr->to.p ? many : COUNT_RINGS_ALL, 1);
}

static enum err report_offline(struct api *api, const struct rings *p, struct buf *out)
{
    const char *comma = "";
    enum err e = buf_append(out, SPAN(",\"offline\":["));

    for (size_t i = 0; i < p->ring_count; i++) {
        struct rings_users users = rings_users(&p->rings[i]);
        struct span user;

        while (!e && rings_next_user(&users, &user)) {
            if (!hub_find(api->hub, user))
                e = json_append_next(out, &comma, user);
        }
    }
    return e ? e : buf_append_char(out, ']');
}

bool api_is_too_fast(struct api *api, bool has_key)
{
    const struct config_relay *relay = &api->config->relay;
    int64_t per_second = has_key ? relay->max_publishes_per_second : relay->max_keyless_per_second;
    struct token_bucket *rate = has_key ? &api->rate : &api->keyless_rate;

    return !token_bucket_take(rate, per_second, per_second, api->now.ms);
}

static enum err answer_publish(struct api *api, const struct rings *p, size_t sessions,
                               struct http_response *res)
{
    enum err e = buf_printf(&res->body, "{\"sessions\":%zu", sessions);

    if (!e && p->wants_report)
        e = report_offline(api, p, &res->body);
    return e ? e : buf_append_char(&res->body, '}');
}

static enum err handle_publish(struct api *api, struct http_request *req, struct http_response *res)
{
    struct rings p;
    const char *why;
    size_t sessions = 0;
    enum err e;

    if (api_is_too_fast(api, true)) {
        res->headers = "Retry-After: 1\r\n";
        return api_refuse(res, 429, "more than max_publishes_per_second");
    }
    e = rings_decode((struct span){req->body, req->content_length}, &p, &why);
    if (e)
        return refuse_by(res, e, why);
    for (size_t i = 0; i < p.ring_count; i++) {
        count_ring(api, &p.rings[i]);
        sessions += api_deliver(api, &p.rings[i]);
    }
    api->ops->learn(api->ctx, &p.told.epoch, p.told.seq); /* rings may be older than the call */
    if (api->cluster)
        e = elsewhere_publish(api, &p, sessions, req, res);
    else
        e = answer_publish(api, &p, sessions, res);
    rings_deinit(&p);
    return e;
}

/* --- GET and POST /online, GET /online/sessions --- */

/* Walks the parameters of the query string, which is decoded in place of a copy. */
struct query {
    char text[HTTP_LINE_MAX];
    struct form form;
};

static enum err query_init(struct query *q, struct span query)
{
    memcpy(q->text, query.p ? query.p : "", query.len);
    return form_init(&q->form, SPAN(""), q->text, query.len, ONLINE_USERS_MAX);
}

size_t api_count_sessions(const struct api *api, struct span user)
{
    struct session *s = hub_find(api->hub, user);

    return s ? hub_user_sessions(s) : 0;
}

/* Where other relays are asked, too, a list of the users is made first. */
static enum err encode_online_user(struct api *api, struct span user, const char **before,
                                   struct buf *out)
{
    enum err e = json_append_next(out, before, user);

    return e || api->cluster ? e : buf_printf(out, ":%zu", api_count_sessions(api, user));
}

static enum err encode_counts(struct api *api, struct buf *out)
{
    return buf_printf(out, "\"users\":%zu,\"pages\":%zu,\"sessions\":%zu", hub_users(api->hub),
                      hub_pages(api->hub), hub_sessions(api->hub));
}

/* Of all relays. */
static enum err encode_totals(struct api *api, struct buf *out)
{
    struct hello there = {0};

    if (api->cluster)
        there = peers_totals(&api->cluster->peers);
    return buf_printf(out, "{\"users\":%zu,\"pages\":%zu,\"sessions\":%zu}",
                      hub_users(api->hub) + (size_t)there.users,
                      hub_pages(api->hub) + (size_t)there.pages,
                      hub_sessions(api->hub) + (size_t)there.sessions);
}

static enum err handle_online(struct api *api, struct http_request *req, struct http_response *res)
{
    struct query q;
    struct form_field field;
    const char *before = api->cluster ? "" : "{\"online\":{";
    enum err e = query_init(&q, req->query);

    while (!e && !(e = form_next(&q.form, &field))) {
        if (!span_equal(field.name, SPAN("user")) || field.suffix == FORM_NESTED ||
            !user_is_valid(field.value))
            return api_refuse(res, 400, "user=id is the only parameter here");
        e = encode_online_user(api, field.value, &before, &res->body);
    }
    if (e != ERR_END)
        return api_refuse(res, 400, "bad query string, or more than 100 users");
    if (res->body.len == 0)
        return encode_totals(api, &res->body);
    if (api->cluster)
        return elsewhere_count(api, req, res);
    return buf_append(&res->body, SPAN("}}"));
}

/* Those of the users that have a session. */
static enum err handle_ask_online(struct api *api, struct http_request *req,
                                  struct http_response *res)
{
    struct rings_users users;
    struct told told;
    struct span user;
    const char *why, *before = "{\"users\":[";
    enum err e = online_decode((struct span){req->body, req->content_length}, &users, &told, &why);

    if (e)
        return refuse_by(res, e, why);
    api->ops->learn(api->ctx, &told.epoch, told.seq);
    if (api->cluster)
        return elsewhere_ask_online(api, users.rest, &told, req, res);
    while (!e && rings_next_user(&users, &user)) {
        if (hub_find(api->hub, user))
            e = json_append_next(&res->body, &before, user);
    }
    if (e)
        return e;
    return buf_append(&res->body, res->body.len > 0 ? SPAN("]}") : SPAN("{\"users\":[]}"));
}

static enum err encode_session(struct api *api, const struct session *s, struct buf *out)
{
    char address[IP_TEXT_MAX];
    enum err e;

    ip_format(&s->origin.peer, address);
    if ((e = buf_append(out, SPAN("{\"user\":"))) ||
        (e = s->user ? json_append_text(out, hub_user_id(s)) : buf_append(out, SPAN("null"))) ||
        (e = buf_printf(out, ",\"protocol\":\"%s\",\"address\":", s->protocol->name)) ||
        (e = json_append_text(out, span_of(address))))
        return e;
    return buf_printf(out, ",\"age\":%" PRId64 ",\"pending\":%s}",
                      (api->now.ms - s->opened_ms) / 1000,
                      s->blocked_ms || s->pending_on != HUB_NOT_LISTED ? "true" : "false");
}

/* The sessions of one user, or all of them; at most `limit`. */
static enum err encode_sessions(struct api *api, bool is_of_user, struct span user, int64_t limit,
                                struct buf *out)
{
    const struct session *first = is_of_user ? hub_find(api->hub, user) : hub_first(api->hub);
    const struct session *s = first;
    enum err e = buf_append(out, SPAN("{\"sessions\":["));

    for (int64_t n = 0; s && n < limit && !e; n++) {
        if (n > 0)
            e = buf_append_char(out, ',');
        if (!e)
            e = encode_session(api, s, out);
        s = is_of_user ? s->of_user.next : s->all.next;
        if (s == first)
            break;
    }
    return e ? e : buf_append(out, SPAN("]}"));
}

static enum err handle_sessions(struct api *api, struct http_request *req,
                                struct http_response *res)
{
    struct query q;
    struct form_field field;
    struct span user = {NULL, 0};
    int64_t limit = SESSIONS_LIMIT;
    enum err e = query_init(&q, req->query);

    while (!e && !(e = form_next(&q.form, &field))) {
        if (field.suffix == FORM_PLAIN && span_equal(field.name, SPAN("user")))
            user = field.value;
        else if (field.suffix != FORM_PLAIN || !span_equal(field.name, SPAN("limit")) ||
                 span_parse_int(field.value, &limit) || limit < 1 || limit > SESSIONS_LIMIT_MAX)
            return api_refuse(res, 400, "user=id and limit=1 to 1000 are known here");
    }
    if (e != ERR_END)
        return api_refuse(res, 400, "bad query string");
    return encode_sessions(api, user.p != NULL, user, limit, &res->body);
}

/* --- POST /kick, POST /revocations --- */

/* Those of the user's sessions that have shown no token from after that. */
static size_t close_sessions(struct api *api, struct span user, int64_t revoked_us,
                             const char *reason)
{
    struct session *s, *next;
    size_t count = 0;

    for (s = hub_find(api->hub, user); s; s = next) {
        next = s->of_user.next;
        if (!token_is_revoked(s->token_generation, revoked_us))
            continue;
        hub_close(api->hub, s, CLOSE_KICKED, reason);
        count++;
    }
    return count;
}

enum err api_kick(struct api *api, struct span user, int64_t at_us, size_t *count)
{
    enum err e = revocations_kick(api->revocations, user, at_us, api->config->auth.token_ttl_max_s);

    if (!e)
        *count = close_sessions(api, user, INT64_MAX, "kicked");
    return e;
}

static enum err handle_kick(struct api *api, struct http_request *req, struct http_response *res)
{
    struct json_object *root;
    struct span user;
    const char *why;
    size_t count = 0;
    enum err e =
        rings_decode_user((struct span){req->body, req->content_length}, &root, &user, &why);

    if (e)
        return refuse_by(res, e, why);
    e = api_kick(api, user, api->now.unix_us, &count);
    if (e)
        e = refuse_by(res, e, "too many users are kicked at present");
    else if (api->cluster)
        e = elsewhere_kick(api, user, count, req, res);
    else
        e = buf_printf(&res->body, "{\"sessions\":%zu}", count);
    json_object_put(root);
    return e;
}

/* Those that are known already close nobody: they are told again whenever somebody is in doubt. */
enum err api_revoke(struct api *api, struct revoked *list, size_t *count)
{
    struct span user;
    int64_t at_us;

    while (revoked_next(list, &user, &at_us)) {
        enum err e = revocations_add(api->revocations, user, at_us, api->now.unix_us,
                                     api->config->auth.token_ttl_max_s);

        if (!e)
            *count += close_sessions(api, user, at_us, "tokens revoked");
        else if (e != ERR_END)
            return e;
    }
    return ERR_NONE;
}

/* `instance` is another one after a restart, which has forgotten all: of any relay, as whoever
 * calls may call one or the other. */
static int64_t instance(const struct api *api)
{
    const struct cluster *c = api->cluster;

    return c ? peers_instance(&c->peers, c->id, c->life) : api->started.unix_us;
}

static enum err handle_revocations(struct api *api, struct http_request *req,
                                   struct http_response *res)
{
    struct span body = {req->body, req->content_length};
    struct revoked list;
    const char *why;
    size_t count = 0;
    enum err e = revoked_decode(body, &list, &why);

    if (e)
        return refuse_by(res, e, why);
    if (api_revoke(api, &list, &count))
        return refuse_by(res, ERR_TOO_MANY, "too many users are revoked at present");
    if (api->cluster)
        elsewhere_revoke(api, body);
    return buf_printf(&res->body, "{\"instance\":%" PRId64 ",\"sessions\":%zu}", instance(api),
                      count);
}

/* --- GET /health, GET /metrics --- */

bool api_has_key(const struct api *api, struct span key)
{
    return key.len > 0 && keyring_accepts(&api->secrets->publish, key);
}

static enum err encode_cluster(const struct cluster *c, struct buf *out)
{
    const char *state = c->is_linked ? "linked" : "cut off";
    enum err e = buf_printf(out, ",\"cluster\":\"%s\"", state);

    if (!e && c->is_linked && !(e = buf_append(out, SPAN(",\"redis\":"))))
        e = json_append_text(out, span_of(c->redis));
    return e ? e : buf_printf(out, ",\"relays\":%zu", c->peers.count + 1);
}

static enum err handle_health(struct api *api, struct http_request *req, struct http_response *res)
{
    const char *ok = api->is_draining ? "false" : "true";
    enum err e;

    if (api->is_draining)
        res->status = 503;
    if (!api_has_key(api, http_bearer(req)))
        return buf_printf(&res->body, "{\"ok\":%s}", ok);
    if ((e = buf_printf(&res->body, "{\"ok\":%s,\"version\":\"" DOORBELL_VERSION "\",", ok)) ||
        (e = encode_counts(api, &res->body)))
        return e;
    if (api->cluster && (e = encode_cluster(api->cluster, &res->body)))
        return e;
    return buf_printf(&res->body, ",\"uptime\":%" PRId64 "}",
                      (api->now.ms - api->started.ms) / 1000);
}

static struct cluster_gauges cluster_gauges(const struct cluster *c)
{
    if (!c)
        return (struct cluster_gauges){.relays = 1};
    return (struct cluster_gauges){.connected = c->is_linked,
                                   .relays = (int64_t)c->peers.count + 1,
                                   .sent = c->counts[CLUSTER_SENT],
                                   .received = c->counts[CLUSTER_RECEIVED],
                                   .links = c->counts[CLUSTER_LINKS],
                                   .lost = c->counts[CLUSTER_LOST],
                                   .moves = c->counts[CLUSTER_MOVES],
                                   .no_master = c->counts[CLUSTER_NO_MASTER]};
}

static enum err handle_metrics(struct api *api, struct http_request *req, struct http_response *res)
{
    struct gauges g = {
        .hub = api->hub,
        .cluster = cluster_gauges(api->cluster),
        .uptime_s = (api->now.ms - api->started.ms) / 1000,
    };

    (void)req;
    revocations_forget(api->revocations, api->now.unix_us, api->config->auth.token_ttl_max_s);
    g.revocations = revocations_count(api->revocations);
    res->content_type = "text/plain; version=0.0.4";
    return metrics_append(api->metrics, &g, &res->body);
}

/* --- the table --- */

static const struct route {
    enum http_method method;
    const char *path;
    const char *allow; /* what a 405 says */
    bool needs_key;
    handler handle;
} routes[] = {
    {HTTP_POST, "/publish", "Allow: POST\r\n", true, handle_publish},
    {HTTP_GET, "/online", "Allow: GET, POST\r\n", true, handle_online},
    {HTTP_POST, "/online", "Allow: GET, POST\r\n", true, handle_ask_online},
    {HTTP_GET, "/online/sessions", "Allow: GET\r\n", true, handle_sessions},
    {HTTP_POST, "/kick", "Allow: POST\r\n", true, handle_kick},
    {HTTP_POST, "/revocations", "Allow: POST\r\n", true, handle_revocations},
    {HTTP_GET, "/health", "Allow: GET\r\n", false, handle_health},
    {HTTP_GET, "/metrics", "Allow: GET\r\n", true, handle_metrics},
};

/* With another method if the path has none of this one; NULL for an unknown path. */
static const struct route *find_route(enum http_method method, struct span path)
{
    const struct route *found = NULL;

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (span_equal(path, span_of(routes[i].path)) && (!found || routes[i].method == method))
            found = &routes[i];
    return found;
}

static bool is_refused(struct api *api, const struct http_request *req, struct http_response *res)
{
    enum http_method method = req->method == HTTP_HEAD ? HTTP_GET : req->method;
    const struct route *route = find_route(method, req->path);

    if ((method != HTTP_GET && method != HTTP_POST) ||
        (route ? route->method != method : req->method == HTTP_HEAD)) {
        res->headers = route ? route->allow : "Allow: POST\r\n";
        api_refuse(res, 405, "this method is not known here");
        return true;
    }
    if (!route)
        return web_msg_sender_refuses(api, req, res);
    if (!route->needs_key || api_has_key(api, http_bearer(req)))
        return false;
    if (api_is_too_fast(api, false)) {
        res->headers = "Retry-After: 1\r\n";
        api_refuse(res, 429, "more than max_keyless_per_second; send the publish key");
    } else {
        res->headers = "WWW-Authenticate: Bearer\r\n";
        api_refuse(res, 401, "this call needs the publish key");
    }
    return true;
}

static void begin_response(struct http_response *res)
{
    res->status = 200;
    res->content_type = "application/json";
    res->headers = "";
}

static void count_response(struct api *api, const struct http_response *res)
{
    metrics_count(api->metrics, COUNT_CALLS, 1);
    if (res->status >= 400)
        metrics_count(api->metrics, COUNT_REFUSED_CALLS, 1);
}

bool api_refuses(struct api *api, const struct http_request *req, struct http_response *res)
{
    begin_response(res);
    if (!is_refused(api, req, res))
        return false;
    count_response(api, res);
    return true;
}

static const char *why_refused(int status)
{
    switch (status) {
    case 411:
        return "a body needs a Content-Length, or comes in chunks";
    case 413:
        return "the body is longer than max_publish_body: send it in parts, or raise that";
    case 417:
        return "Expect can only be 100-continue";
    case 431:
        return "the head is longer than max_head, its first line than 8 KiB, or its fields are "
               "more than 64";
    default:
        return "this is not HTTP/1.1, or the chunks of the body are malformed";
    }
}

void api_note_refusal(struct api *api, struct http_response *res)
{
    api_refuse(res, res->status, why_refused(res->status));
    count_response(api, res);
}

bool api_handle(struct api *api, struct http_request *req, struct http_response *res)
{
    const struct route *route = find_route(req->method, req->path);

    begin_response(res);
    api->is_parked = false;
    if ((route ? route->handle : web_msg_sender_handle)(api, req, res)) {
        res->status = 503;
        res->headers = "Retry-After: 1\r\n";
        buf_reset(&res->body);
    }
    count_response(api, res);
    return api->is_parked;
}
