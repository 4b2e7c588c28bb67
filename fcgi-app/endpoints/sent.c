/* SPDX-License-Identifier: MIT */
/* /sent/{id} and /messages/{id}/explain: what became of a message, and taking it back. */
#include "fcgi-app/store/sent.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/store/messages.h"

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
