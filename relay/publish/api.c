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

static size_t deliver(struct api *api, const struct published_ring *pr)
{
    struct rings_users users = rings_users(pr);
    struct ring ring = pr->ring;
    struct span user;
    size_t sessions = 0;

    api->ops->learn(api->ctx, &pr->epoch, pr->to.p ? 0 : ring.seq);
    if (!pr->to.p) {
        metrics_count(api->metrics, COUNT_RINGS_ALL, 1);
        return api->ops->ring_all(api->ctx, &ring, &sessions) ? 0 : sessions;
    }
    metrics_count(api->metrics,
                  ring.type == RING_PERSONAL ? COUNT_RINGS_PERSONAL : COUNT_RINGS_MANY, 1);
    if (ring.type != RING_PERSONAL)
        ring.spread_ms =
            pace_spread_ms(pr->user_count, api->config->relay.pace, api->config->relay.check_rate);
    while (rings_next_user(&users, &user))
        sessions += ring_user(api, user, &ring);
    return sessions;
}

static enum err report_offline(struct api *api, const struct rings *p, struct buf *out)
{
    const char *comma = "";
    enum err e = buf_append(out, SPAN(",\"offline\":["));

    for (size_t i = 0; i < p->ring_count; i++) {
        struct rings_users users = rings_users(&p->rings[i]);
        struct span user;

        while (!e && rings_next_user(&users, &user)) {
            if (hub_find(api->hub, user))
                continue;
            if (!(e = buf_append(out, span_of(comma))))
                e = json_append_text(out, user);
            comma = ",";
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
    for (size_t i = 0; i < p.ring_count; i++)
        sessions += deliver(api, &p.rings[i]);
    api->ops->learn(api->ctx, &p.told.epoch, p.told.seq); /* rings may be older than the call */
    e = buf_append(&res->body, SPAN("{\"sessions\":"));
    if (!e)
        e = buf_append_int(&res->body, (int64_t)sessions);
    if (!e && p.wants_report)
        e = report_offline(api, &p, &res->body);
    if (!e)
        e = buf_append_char(&res->body, '}');
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

static size_t count_sessions(struct api *api, struct span user)
{
    struct session *s = hub_find(api->hub, user);

    return s ? hub_user_sessions(s) : 0;
}

static enum err encode_online_user(struct api *api, struct span user, const char *before,
                                   struct buf *out)
{
    enum err e;

    if ((e = buf_append(out, span_of(before))) || (e = json_append_text(out, user)))
        return e;
    return buf_printf(out, ":%zu", count_sessions(api, user));
}

static enum err encode_counts(struct api *api, struct buf *out)
{
    return buf_printf(out, "\"users\":%zu,\"pages\":%zu,\"sessions\":%zu", hub_users(api->hub),
                      hub_pages(api->hub), hub_sessions(api->hub));
}

static enum err handle_online(struct api *api, struct http_request *req, struct http_response *res)
{
    struct query q;
    struct form_field field;
    const char *before = "{\"online\":{";
    enum err e = query_init(&q, req->query);

    while (!e && !(e = form_next(&q.form, &field))) {
        if (!span_equal(field.name, SPAN("user")) || field.suffix == FORM_NESTED ||
            !user_is_valid(field.value))
            return api_refuse(res, 400, "user=id is the only parameter here");
        e = encode_online_user(api, field.value, before, &res->body);
        before = ",";
    }
    if (e != ERR_END)
        return api_refuse(res, 400, "bad query string, or more than 100 users");
    if (res->body.len > 0)
        return buf_append(&res->body, SPAN("}}"));
    if ((e = buf_append_char(&res->body, '{')) || (e = encode_counts(api, &res->body)))
        return e;
    return buf_append_char(&res->body, '}');
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
    while (!e && rings_next_user(&users, &user)) {
        if (!hub_find(api->hub, user))
            continue;
        if (!(e = buf_append(&res->body, span_of(before))))
            e = json_append_text(&res->body, user);
        before = ",";
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
    return buf_printf(out, ",\"age\":%" PRId64 ",\"pending\":%s}", api->now.ms / 1000 - s->opened_s,
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
    e = revocations_kick(api->revocations, user, api->now.unix_us,
                         api->config->auth.token_ttl_max_s);
    if (!e)
        count = close_sessions(api, user, INT64_MAX, "kicked");
    json_object_put(root);
    if (e)
        return refuse_by(res, e, "too many users are kicked at present");
    return buf_printf(&res->body, "{\"sessions\":%zu}", count);
}

/* Those that are known already close nobody: they are told again whenever somebody is in doubt.
 * `instance` is another one after a restart, which has forgotten all. */
static enum err handle_revocations(struct api *api, struct http_request *req,
                                   struct http_response *res)
{
    struct revoked list;
    struct span user;
    const char *why;
    int64_t at_us;
    size_t count = 0;
    enum err e = revoked_decode((struct span){req->body, req->content_length}, &list, &why);

    if (e)
        return refuse_by(res, e, why);
    while (revoked_next(&list, &user, &at_us)) {
        e = revocations_add(api->revocations, user, at_us, api->now.unix_us,
                            api->config->auth.token_ttl_max_s);
        if (!e)
            count += close_sessions(api, user, at_us, "tokens revoked");
        else if (e != ERR_END)
            return refuse_by(res, e, "too many users are revoked at present");
    }
    return buf_printf(&res->body, "{\"instance\":%" PRId64 ",\"sessions\":%zu}",
                      api->started.unix_us, count);
}

/* --- GET /health, GET /metrics --- */

bool api_has_key(const struct api *api, struct span key)
{
    return key.len > 0 && keyring_accepts(&api->secrets->publish, key);
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
    return buf_printf(&res->body, ",\"uptime\":%" PRId64 "}",
                      (api->now.ms - api->started.ms) / 1000);
}

static enum err handle_metrics(struct api *api, struct http_request *req, struct http_response *res)
{
    struct gauges g = {
        .hub = api->hub,
        .revocations = revocations_count(api->revocations),
        .uptime_s = (api->now.ms - api->started.ms) / 1000,
    };

    (void)req;
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

void api_handle(struct api *api, struct http_request *req, struct http_response *res)
{
    const struct route *route = find_route(req->method, req->path);

    begin_response(res);
    if ((route ? route->handle : web_msg_sender_handle)(api, req, res)) {
        res->status = 503;
        res->headers = "Retry-After: 1\r\n";
        buf_reset(&res->body);
    }
    count_response(api, res);
}
