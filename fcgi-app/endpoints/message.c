/* SPDX-License-Identifier: MIT */
/* /messages/{id} and what can be done to one message. */
#include "fcgi-app/endpoints/endpoints.h"

enum err show_message(struct worker *w, const struct request *req, struct response *res)
{
    struct reader reader = endpoint_reader(w, req);
    struct span json;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = inbox_message(&w->store, &reader, id, &json);
    return e ? e : response_json(res, json);
}

static enum err mark(struct worker *w, enum mark what, const struct request *req,
                     struct response *res)
{
    struct counts counts;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = marks_set(&w->store, what, req->who.user, id, &counts);
    return e ? e : endpoint_counts(req, res, &counts, false);
}

enum err mark_message_read(struct worker *w, const struct request *req, struct response *res)
{
    return mark(w, MARK_READ, req, res);
}

enum err mark_message_unread(struct worker *w, const struct request *req, struct response *res)
{
    return mark(w, MARK_UNREAD, req, res);
}

enum err archive_message(struct worker *w, const struct request *req, struct response *res)
{
    return mark(w, MARK_ARCHIVED, req, res);
}

enum err acknowledge_message(struct worker *w, const struct request *req, struct response *res)
{
    return mark(w, MARK_ACKNOWLEDGED, req, res);
}

enum err remove_message(struct worker *w, const struct request *req, struct response *res)
{
    return mark(w, MARK_REMOVED, req, res);
}
