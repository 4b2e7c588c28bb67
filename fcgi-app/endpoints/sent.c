/* SPDX-License-Identifier: MIT */
/* /sent, /sent/{id} and /messages/{id}/explain: what became of messages, and taking them back. */
#include "fcgi-app/store/sent.h"
#include "fcgi-app/endpoints/endpoint.h"

#include <inttypes.h>

#include "common/text/json.h"
#include "fcgi-app/store/messages.h"

enum {
    RECALL_DEFAULT = 100,
    RECALL_MAX = 1000,
};

enum err endpoint_show_sent(const struct endpoint *ep, const struct request *req,
                            struct response *res)
{
    struct span json;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = messages_sent(ep->store, id, &json);
    return e ? e : response_json(res, json);
}

enum err endpoint_explain_message(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    const char *user;
    struct span json;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = endpoint_query_user(req, res, &user);
    if (!e)
        e = sent_explain(ep->store, user, id, &json);
    return e ? e : response_json(res, json);
}

enum err endpoint_recall_sent(const struct endpoint *ep, const struct request *req,
                              struct response *res)
{
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = messages_recall(ep->store, id);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, SPAN("{\"recalled\":true}"));
}

static bool is_recall_param(struct span name)
{
    static const char *const names[] = {"subject_type", "subject_id", "sender", "category",
                                        "since",        "before",     "limit"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal(name, span_of(names[i])))
            return true;
    return false;
}

/* Other calls pass over what they do not know. Here more would be taken back than was meant. */
static enum err check_params(const struct request *req, struct response *res)
{
    for (size_t i = 0; i < req->query.count; i++) {
        struct span name = req->query.params[i].name;

        if (!is_recall_param(name))
            return response_fail(res, ERR_INVALID, "the parameter \"%.*s\" is unknown",
                                 SPAN_ARGS(name));
        if (req->query.params[i].value.len == 0)
            return response_fail(res, ERR_INVALID,
                                 "\"%.*s\" is empty: give it a value, or leave it out",
                                 SPAN_ARGS(name));
    }
    return ERR_NONE;
}

static enum err read_param(const struct request *req, struct response *res, const char *name,
                           const char **out)
{
    enum err e = request_query(req, name, out);

    return e == ERR_INVALID ? response_fail(res, e, "\"%s\" is given twice", name) : e;
}

static enum err read_since(const struct request *req, struct response *res, int64_t *since)
{
    const char *text;
    enum err e = read_param(req, res, "since", &text);

    *since = 0;
    if (e || !text)
        return e;
    if (span_parse_int(span_of(text), since) || *since < 1 || *since > INT64_C(253402300799))
        return response_fail(res, ERR_INVALID, "\"since\" must be a time in unix seconds");
    return ERR_NONE;
}

static enum err read_recall(const struct request *req, struct response *res, struct recall *which)
{
    const struct {
        const char *name, **value;
    } texts[] = {
        {"subject_type", &which->subject_type},
        {"subject_id", &which->subject_id},
        {"sender", &which->sender},
        {"category", &which->category},
        {"before", &which->before},
    };
    enum err e = check_params(req, res);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !e; i++)
        e = read_param(req, res, texts[i].name, texts[i].value);
    if (!e)
        e = read_since(req, res, &which->since);
    return e ? e : endpoint_limit(req, res, RECALL_DEFAULT, RECALL_MAX, &which->limit);
}

static enum err write_recalled(struct response *res, const struct recalled *recalled)
{
    enum err e = response_printf(res, "{\"recalled\":%" PRId64 ",\"next\":", recalled->count);

    if (!e)
        e = recalled->is_last ? response_json(res, SPAN("null"))
                              : json_append_text(&res->body, recalled->next);
    return e ? e : response_json(res, SPAN("}"));
}

enum err endpoint_recall_many(const struct endpoint *ep, const struct request *req,
                              struct response *res)
{
    struct recall which;
    struct recalled recalled;
    enum err e = read_recall(req, res, &which);

    if (!e)
        e = sent_recall(ep->store, &which, &recalled);
    if (e)
        return e;
    res->has_rung = recalled.count > 0;
    return write_recalled(res, &recalled);
}
