/* SPDX-License-Identifier: MIT */
/* /messages/{id} and what can be done to one message. */
#include "fcgi-app/endpoints/endpoint.h"

enum err endpoint_show_message(const struct endpoint *ep, const struct request *req,
                               struct response *res)
{
    struct reader reader = endpoint_reader(ep, req);
    struct reading reading;
    struct span json;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = endpoint_reading(ep, req, &reading);
    if (!e)
        e = inbox_message(ep->store, &reader, id, &reading, &json);
    return e ? e : response_json(res, json);
}

static enum err mark_message(const struct endpoint *ep, enum mark what, const struct request *req,
                             struct response *res)
{
    struct counts counts;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = marks_set(ep->store, what, req->who.user, id, &counts);
    return e ? e : endpoint_counts(req, res, &counts, false);
}

enum err endpoint_mark_message_read(const struct endpoint *ep, const struct request *req,
                                    struct response *res)
{
    return mark_message(ep, MARK_READ, req, res);
}

enum err endpoint_mark_message_unread(const struct endpoint *ep, const struct request *req,
                                      struct response *res)
{
    return mark_message(ep, MARK_UNREAD, req, res);
}

enum err endpoint_archive_message(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    return mark_message(ep, MARK_ARCHIVED, req, res);
}

enum err endpoint_acknowledge_message(const struct endpoint *ep, const struct request *req,
                                      struct response *res)
{
    return mark_message(ep, MARK_ACKNOWLEDGED, req, res);
}

enum err endpoint_remove_message(const struct endpoint *ep, const struct request *req,
                                 struct response *res)
{
    return mark_message(ep, MARK_REMOVED, req, res);
}
