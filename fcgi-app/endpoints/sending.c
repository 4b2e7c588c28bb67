/* SPDX-License-Identifier: MIT */
/* What a message's texts must be like is checked by the schema, whose sentence goes to the caller;
 * here it is types and sizes. */
#include "fcgi-app/endpoints/sending.h"

#include <inttypes.h>
#include <json-c/json_object.h>

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
};

static const char *const fields[] = {
    "to",         "group",   "title",      "body",         "sender",  "url",
    "category",   "extra",   "expires_in", "key",          "send_at", "subject_type",
    "subject_id", "replace", "ack",        "to_new_users",
};

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

/* Exactly one of `to` and `group`, and neither of them empty. `array` keeps the users. */
static enum err read_audience(const struct request *req, struct buf *array, struct draft *d)
{
    struct json_object *to = body_find(req->body, "to");
    enum err e;

    if (body_has(req->body, "to") == body_has(req->body, "group"))
        return body_fail(req->body, ERR_MALFORMED, "exactly one of \"to\" and \"group\" is needed");
    if (!to) {
        e = request_text(req, "group", SHORT_MAX, BODY_NAME, &d->group);
        if (!e && (!d->group || !d->group[0]))
            e = body_fail(req->body, ERR_MALFORMED, "\"to\" or \"group\" is empty");
        return e;
    }
    if (is_everybody(to)) {
        d->to_all = true;
        return ERR_NONE;
    }
    if (body_find_list(req->body, "to"))
        e = body_users(req->body, "to", array);
    else
        e = append_one(req->body, array);
    d->to = array->data;
    d->to_count = body_count(req->body, "to");
    return e;
}

bool sending_is_broadcast(const struct body *body)
{
    struct json_object *to = body_find(body, "to");

    return to ? is_everybody(to) : body_find(body, "group") != NULL;
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
        e = body_int(req->body, "send_at", 1, INT64_C(253402300799), &d->send_at);
    if (!e)
        e = body_bool(req->body, "replace", &d->replace);
    if (!e)
        e = body_bool(req->body, "ack", &d->ack);
    return e ? e : body_bool(req->body, "to_new_users", &d->to_new_users);
}

enum err sending_read(const struct request *req, struct buf *array, struct draft *d)
{
    enum err e = body_only(req->body, fields, sizeof(fields) / sizeof(fields[0]));

    if (!e)
        e = read_audience(req, array, d);
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
