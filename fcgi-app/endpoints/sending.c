/* SPDX-License-Identifier: MIT */
/* What a message's texts must be like is checked by the schema, whose sentence goes to the caller;
 * here it is types and sizes. */
#include "fcgi-app/endpoints/sending.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <string.h>

#include "common/os/log.h"
#include "common/security/user.h"
#include "common/text/json.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/postgres/array.h"

enum {
    TITLE_MAX = 255,
    BODY_MAX = 64 * 1024,
    EXTRA_MAX = 16 * 1024,
    SHORT_MAX = 255,
    URL_MAX = 2048,
    USERS_MAX = ARRAY_TEXTS_MAX(BODY_LIST_MAX, USER_ID_MAX),
};

static const int64_t TIME_MAX = 253402300799; /* the year 9999 */

static const char *const fields[] = {
    "to",    "group",        "title",  "body",    "sender",        "url",          "category",
    "extra", "expires_in",   "key",    "send_at", "subject_type",  "subject_id",   "replace",
    "ack",   "to_new_users", "groups", "except",  "except_groups", "known_before", "group_key",
};

/* The first TARGETS say to whom it goes, the others to whom of them it does not. */
enum { TARGETS = 3 };
static const char *const audience[] = {"to",     "group",         "groups",
                                       "except", "except_groups", "known_before"};

void sending_lists_init(struct sending_lists *lists)
{
    buf_init(&lists->to, USERS_MAX);
    buf_init(&lists->groups, USERS_MAX);
    buf_init(&lists->except, USERS_MAX);
    buf_init(&lists->except_groups, USERS_MAX);
}

void sending_lists_reset(struct sending_lists *lists)
{
    buf_reset(&lists->to);
    buf_reset(&lists->groups);
    buf_reset(&lists->except);
    buf_reset(&lists->except_groups);
}

void sending_lists_deinit(struct sending_lists *lists)
{
    buf_deinit(&lists->to);
    buf_deinit(&lists->groups);
    buf_deinit(&lists->except);
    buf_deinit(&lists->except_groups);
}

bool sending_names_audience(const char *name)
{
    for (size_t i = 0; i < sizeof(audience) / sizeof(audience[0]); i++)
        if (strcmp(name, audience[i]) == 0)
            return true;
    return false;
}

bool sending_has_audience(const struct body *body)
{
    for (size_t i = 0; i < TARGETS; i++)
        if (body_has(body, audience[i]))
            return true;
    return false;
}

static bool is_everybody(struct json_object *to)
{
    return span_equal(json_text(to), SPAN("*"));
}

/* One id makes an array of one. */
static enum err append_one(struct body *body, struct buf *array)
{
    struct buf user;
    enum err e;

    buf_init(&user, USER_ID_MAX + 1);
    e = body_user(body, "to", &user);
    if (e == ERR_INVALID)
        e = ERR_MALFORMED;
    if (!e)
        e = array_open(array);
    if (!e)
        e = array_append_text(array, (struct span){user.data, user.len - 1});
    if (!e)
        e = array_close(array);
    buf_deinit(&user);
    return e;
}

static enum err read_users(const struct request *req, struct buf *users, struct draft *d)
{
    struct json_object *to = body_find(req->body, "to");
    enum err e;

    if (is_everybody(to)) {
        d->to_all = true;
        return ERR_NONE;
    }
    if (body_find_list(req->body, "to"))
        e = body_users(req->body, "to", users);
    else
        e = append_one(req->body, users);
    d->to = users->data;
    d->to_count = body_count(req->body, "to");
    return e;
}

/* An empty name is never the one that was meant. */
static enum err read_group(const struct request *req, struct draft *d)
{
    enum err e = request_text(req, "group", SHORT_MAX, BODY_NAME, &d->group);

    if (!e && (!d->group || !d->group[0]))
        e = body_fail(req->body, ERR_MALFORMED, "\"to\" or \"group\" is empty");
    return e;
}

static enum err read_names(const struct request *req, const char *name, struct buf *names,
                           const char **out)
{
    enum err e = body_texts(req->body, name, SHORT_MAX, names);

    *out = names->data;
    return e;
}

static enum err read_groups(const struct request *req, struct sending_lists *lists, struct draft *d)
{
    enum err e = read_names(req, "groups", &lists->groups, &d->groups);

    if (!e && body_count(req->body, "groups") == 0)
        e = body_fail(req->body, ERR_MALFORMED, "\"groups\" is empty");
    return e;
}

static enum err read_target(const struct request *req, struct sending_lists *lists, struct draft *d)
{
    const struct body *body = req->body;

    if (body_has(body, "to") + body_has(body, "group") + body_has(body, "groups") != 1)
        return body_fail(req->body, ERR_MALFORMED,
                         "exactly one of \"to\", \"group\" and \"groups\" is needed");
    if (body_find(body, "to"))
        return read_users(req, &lists->to, d);
    if (body_find(body, "groups"))
        return read_groups(req, lists, d);
    return read_group(req, d);
}

static enum err read_exceptions(const struct request *req, struct sending_lists *lists,
                                struct draft *d)
{
    enum err e = ERR_NONE;

    if (body_find(req->body, "except")) {
        e = body_users(req->body, "except", &lists->except);
        d->except = lists->except.data;
    }
    if (!e && body_find(req->body, "except_groups"))
        e = read_names(req, "except_groups", &lists->except_groups, &d->except_groups);
    return e ? e : body_int(req->body, "known_before", 1, TIME_MAX, &d->known_before);
}

bool sending_is_broadcast(const struct body *body)
{
    struct json_object *to = body_find(body, "to");

    return to ? is_everybody(to) : body_find(body, "group") || body_find(body, "groups");
}

static enum err read_texts(const struct request *req, struct draft *d)
{
    const struct {
        const char *name;
        size_t max;
        enum body_text_kind kind;
        const char **out;
    } texts[] = {
        {"title", TITLE_MAX, BODY_LINE, &d->title},
        {"sender", SHORT_MAX, BODY_NAME, &d->sender},
        {"url", URL_MAX, BODY_LINE, &d->url},
        {"category", SHORT_MAX, BODY_NAME, &d->category},
        {"key", SHORT_MAX, BODY_NAME, &d->key},
        {"subject_type", SHORT_MAX, BODY_NAME, &d->subject_type},
        {"subject_id", SHORT_MAX, BODY_NAME, &d->subject_id},
        {"group_key", SHORT_MAX, BODY_NAME, &d->group_key},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        enum err e = request_text(req, texts[i].name, texts[i].max, texts[i].kind, texts[i].out);

        if (e)
            return e;
    }
    return request_text(req, "body", BODY_MAX, BODY_TEXT, &d->body);
}

static enum err read_send_options(const struct request *req, struct draft *d)
{
    enum err e = body_int(req->body, "expires_in", 1, INT32_MAX, &d->expires_in_s);

    if (!e)
        e = body_int(req->body, "send_at", 1, TIME_MAX, &d->send_at);
    if (!e)
        e = body_bool(req->body, "replace", &d->replace);
    if (!e)
        e = body_bool(req->body, "ack", &d->ack);
    return e ? e : body_bool(req->body, "to_new_users", &d->to_new_users);
}

enum err sending_read(const struct request *req, struct sending_lists *lists, struct draft *d)
{
    enum err e = body_only(req->body, fields, sizeof(fields) / sizeof(fields[0]));

    if (!e)
        e = read_target(req, lists, d);
    if (!e)
        e = read_exceptions(req, lists, d);
    if (!e)
        e = read_texts(req, d);
    if (!e)
        e = read_send_options(req, d);
    return e ? e : request_object(req, "extra", EXTRA_MAX, &d->extra);
}

enum err sending_check_key(const struct request *req, const struct draft *d, struct response *res)
{
    const struct service_key *key = req->key;

    if (key->purposes & PURPOSE_SEND)
        return ERR_NONE;
    if (!d->group)
        return endpoint_refuse_key(req, res, PURPOSE_SEND);
    if (key->group.len == 0 || span_equal(key->group, span_of(d->group)))
        return ERR_NONE;
    log_warn("refused a message to a group: the service key \"%.*s\" is for another one",
             SPAN_ARGS(key->name));
    return response_fail(res, ERR_FORBIDDEN,
                         "the key \"%.*s\" sends to one group, which is not this one; the "
                         "key's \"group\" line in the send_key_file says to which",
                         SPAN_ARGS(key->name));
}

enum err sending_write(struct response *res, const struct sent *sent)
{
    enum err e;

    /* Nobody to send to: nothing was stored. */
    if (sent->id == 0)
        e = response_json(res, SPAN("{\"id\":null"));
    else
        e = response_printf(res, "{\"id\":%" PRId64, sent->id);
    if (!e && sent->recipients < 0)
        e = response_json(res, SPAN(",\"recipients\":null"));
    else if (!e)
        e = response_printf(res, ",\"recipients\":%" PRId64, sent->recipients);
    if (e)
        return e;
    return response_printf(res, ",\"duplicate\":%s}", sent->is_duplicate ? "true" : "false");
}
