/* SPDX-License-Identifier: MIT */
/* /sent/{id}: what became of a message, and taking it back. */
#include "fcgi-app/endpoints/endpoints.h"
#include "fcgi-app/store/messages.h"

enum err show_sent(struct worker *w, const struct request *req, struct response *res)
{
    struct span json;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = messages_sent(&w->store, id, &json);
    return e ? e : response_json(res, json);
}

enum err recall_sent(struct worker *w, const struct request *req, struct response *res)
{
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = messages_recall(&w->store, id);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, SPAN("{\"recalled\":true}"));
}
