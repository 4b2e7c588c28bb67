/* SPDX-License-Identifier: MIT */
/* POST /messages/batch: many different messages in one call. Each is read as the body of a POST
 * /messages would be, with the defaults under it, and goes into one text for one statement, so that
 * all are one transaction. */
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/endpoints/sending.h"
#include "fcgi-app/store/messages.h"

#include <inttypes.h>
#include <json-c/json_object_iterator.h>

#include "common/bytes/arena.h"
#include "common/http/status.h"
#include "common/text/json.h"

enum {
    DRAFT_MAX = 512 * 1024, /* all texts of one message */
    /* A body of ROUTES_BODY_MAX becomes less than that; only defaults multiply. */
    BATCH_MAX = 32 * 1024 * 1024,
};

/* What became of a message, or why it was refused. */
struct outcome {
    enum err refusal;
    const char *reason;
    struct sent sent;
};

struct batch {
    const struct request *req;
    struct response *res;
    struct json_object *list, *defaults;
    size_t count;
    struct outcome *outcomes; /* for each message */
    size_t *places;           /* of those in `drafts`, in the list */
    struct buf drafts;
    struct batch_terms terms;
    struct arena arena;         /* of one message at a time */
    struct sending_lists lists; /* the same */
};

static enum err add_members(struct json_object *to, struct json_object *from, bool has_audience)
{
    struct json_object_iterator i = json_object_iter_begin(from);
    struct json_object_iterator end = json_object_iter_end(from);

    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        const char *name = json_object_iter_peek_name(&i);
        struct json_object *value = json_object_iter_peek_value(&i);

        if (has_audience && sending_names_audience(name))
            continue;
        if (json_object_object_add(to, name, json_object_get(value)) != 0) {
            json_object_put(value);
            return ERR_NO_MEMORY;
        }
    }
    return ERR_NONE;
}

/* Whoever a message itself goes to takes the place of all that the defaults say of that. Caller
 * owns *out. */
static enum err merge(struct json_object *defaults, struct json_object *item,
                      struct json_object **out)
{
    const struct body own = {.root = item};
    bool has_audience = sending_has_audience(&own);
    struct json_object *merged;
    enum err e;

    if (!defaults) {
        *out = json_object_get(item);
        return ERR_NONE;
    }
    merged = json_object_new_object();
    if (!merged)
        return ERR_NO_MEMORY;
    e = add_members(merged, defaults, has_audience);
    if (!e)
        e = add_members(merged, item, false);
    if (e)
        json_object_put(merged);
    else
        *out = merged;
    return e;
}

/* An empty list is an empty object, which PHP writes so. */
static enum err read_defaults(struct batch *b)
{
    struct json_object *node = body_find(b->req->body, "defaults");

    if (!node ||
        (json_object_is_type(node, json_type_array) && json_object_array_length(node) == 0))
        return ERR_NONE;
    if (!json_object_is_type(node, json_type_object))
        return body_fail(b->req->body, ERR_INVALID, "\"defaults\" must be an object");
    if (json_object_object_get_ex(node, "key", NULL))
        return body_fail(b->req->body, ERR_INVALID,
                         "\"key\" cannot be among the defaults: give each message its own");
    b->defaults = node;
    return ERR_NONE;
}

static enum err read_list(struct batch *b, int64_t max)
{
    struct body *body = b->req->body;

    b->list = body_find_list(body, "messages");
    if (!b->list)
        return body_fail(body, ERR_INVALID, "\"messages\" must be a list");
    b->count = json_object_array_length(b->list);
    if (b->count == 0)
        return body_fail(body, ERR_INVALID, "\"messages\" is empty");
    if (b->count > (uint64_t)max)
        return body_fail(body, ERR_INVALID,
                         "\"messages\" has more than %" PRId64 " items, which is max_batch; send "
                         "several batches",
                         max);
    b->outcomes = arena_alloc(b->req->arena, b->count * sizeof(*b->outcomes));
    b->places = arena_alloc(b->req->arena, b->count * sizeof(*b->places));
    return b->outcomes && b->places ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err read_terms(struct batch *b, int64_t max)
{
    static const char *const fields[] = {"messages", "defaults", "atomic"};
    struct body *body = b->req->body;
    enum err e;

    if (body->is_form)
        return body_fail(body, ERR_INVALID, "a batch is JSON: send application/json");
    e = body_only(body, fields, sizeof(fields) / sizeof(fields[0]));
    if (!e)
        e = body_bool(body, "atomic", &b->terms.is_atomic);
    if (!e)
        e = read_defaults(b);
    return e ? e : read_list(b, max);
}

/* The call fails of what is too much in all, in whatever mode. */
static enum err add_draft(struct batch *b, const struct draft *d)
{
    enum err e;

    b->terms.users += d->to_count > 0 ? d->to_count : 1;
    if (b->terms.users > BODY_LIST_MAX)
        return response_fail(b->res, ERR_TOO_BIG,
                             "the messages go to more than %d users in all; send several batches",
                             BODY_LIST_MAX);
    e = messages_batch_add(&b->drafts, d);
    if (e == ERR_TOO_BIG)
        return response_fail(b->res, e,
                             "with its defaults the batch is longer than %d MiB; send several",
                             BATCH_MAX / 1024 / 1024);
    b->terms.count++;
    b->terms.is_repeatable = b->terms.is_repeatable && d->key;
    return e;
}

static enum err read_draft(struct batch *b, struct body *body)
{
    struct request one = *b->req;
    struct draft draft = {.title = NULL};
    enum err e;

    one.body = body;
    one.arena = &b->arena;
    arena_reset(&b->arena);
    sending_lists_reset(&b->lists);
    e = sending_read(&one, &b->lists, &draft);
    if (e)
        return response_fail(b->res, e, "%s", body->fault[0] ? body->fault : err_text(e));
    e = sending_check_key(b->req, &draft, b->res);
    return e ? e : add_draft(b, &draft);
}

static enum err read_message(struct batch *b, struct json_object *item)
{
    struct body body = {.root = NULL};
    enum err e;

    if (!json_object_is_type(item, json_type_object))
        return response_fail(b->res, ERR_INVALID, "a message must be an object");
    e = merge(b->defaults, item, &body.root);
    if (!e)
        e = read_draft(b, &body);
    body_deinit(&body);
    return e;
}

static bool is_refusal(enum err e)
{
    return e == ERR_MALFORMED || e == ERR_INVALID || e == ERR_FORBIDDEN;
}

static enum err note_refusal(struct batch *b, size_t place, enum err e)
{
    struct outcome *outcome = &b->outcomes[place];

    outcome->refusal = e;
    outcome->reason = arena_text(b->req->arena, span_of(b->res->fault));
    b->res->fault[0] = '\0';
    return outcome->reason ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err read_messages(struct batch *b)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; i < b->count && !e; i++) {
        b->places[b->terms.count] = i;
        e = read_message(b, json_object_array_get_idx(b->list, i));
        if (!is_refusal(e))
            continue;
        if (b->terms.is_atomic)
            response_blame(b->res, i);
        else
            e = note_refusal(b, i, e);
    }
    return e;
}

static enum err take_row(void *context, const struct batch_row *row)
{
    struct batch *b = context;
    struct outcome *outcome;

    if (row->place >= b->terms.count)
        return ERR_UNAVAILABLE;
    outcome = &b->outcomes[b->places[row->place]];
    outcome->sent = row->sent;
    outcome->refusal = row->refusal;
    if (!row->refusal) {
        b->res->has_rung = b->res->has_rung || (row->sent.id && !row->sent.is_duplicate);
        return ERR_NONE;
    }
    outcome->reason = arena_text(b->req->arena, row->reason);
    return outcome->reason ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err send_drafts(const struct endpoint *ep, struct batch *b)
{
    size_t refused = SIZE_MAX;
    enum err e;

    if (b->terms.count == 0)
        return ERR_NONE;
    e = messages_send_batch(ep->store, &b->drafts, &b->terms, (struct batch_taker){b, take_row},
                            &refused);
    if (refused < b->terms.count)
        response_blame(b->res, b->places[refused]);
    if (e == ERR_UNAVAILABLE && !b->terms.is_repeatable)
        return response_fail(b->res, e,
                             "the messages may or may not have been sent; give each a \"key\" to "
                             "be able to send them again safely");
    return e;
}

static enum err write_outcome(struct response *res, const struct outcome *outcome)
{
    enum err e;

    if (!outcome->refusal)
        return sending_write(res, &outcome->sent);
    e = response_printf(
        res, "{\"error\":{\"code\":\"%s\",\"message\":", status_of(outcome->refusal)->code);
    if (!e)
        e = json_append_text(&res->body, span_of(outcome->reason));
    return e ? e : response_json(res, SPAN("}}"));
}

static enum err write_outcomes(const struct batch *b)
{
    enum err e = response_json(b->res, SPAN("{\"results\":["));

    for (size_t i = 0; i < b->count && !e; i++) {
        if (i > 0)
            e = response_json(b->res, SPAN(","));
        if (!e)
            e = write_outcome(b->res, &b->outcomes[i]);
    }
    return e ? e : response_json(b->res, SPAN("]}"));
}

enum err endpoint_send_batch(const struct endpoint *ep, const struct request *req,
                             struct response *res)
{
    struct batch b = {.req = req, .res = res, .terms = {.is_atomic = true, .is_repeatable = true}};
    enum err e;

    arena_init(&b.arena, DRAFT_MAX);
    sending_lists_init(&b.lists);
    buf_init(&b.drafts, BATCH_MAX);
    e = read_terms(&b, ep->config->app.max_batch);
    if (!e)
        e = read_messages(&b);
    if (!e)
        e = send_drafts(ep, &b);
    if (!e)
        e = write_outcomes(&b);
    buf_deinit(&b.drafts);
    sending_lists_deinit(&b.lists);
    arena_deinit(&b.arena);
    return e;
}

bool endpoint_is_batch_broadcast(const struct request *req)
{
    struct json_object *list = body_find_list(req->body, "messages");
    struct json_object *defaults = body_find(req->body, "defaults");
    const struct body by_default = {
        .root = json_object_is_type(defaults, json_type_object) ? defaults : NULL};

    if (sending_is_broadcast(&by_default))
        return true;
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const struct body one = {.root = json_object_is_type(item, json_type_object) ? item : NULL};

        if (sending_is_broadcast(&one))
            return true;
    }
    return false;
}
