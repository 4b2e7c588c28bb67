/* SPDX-License-Identifier: MIT */
/* GET /broadcasts/{id}: the text of a message to everybody, for whoever has its capability. The
 * reply is the same for all of them, so the web server may keep it. */
#include "fcgi-app/store/broadcasts.h"
#include "fcgi-app/endpoints/endpoint.h"

enum {
    /* nginx counts whole seconds and keeps a reply for up to one more: a minute in all, for which a
     * recalled message may still be read. */
    KEPT_S = 59,
    /* What is gone does not come back. Were it not kept at all, all that ask for it would get
     * through to the database, one behind the other. */
    GONE_KEPT_S = 2,
};

enum err endpoint_deny_broadcast(struct response *res)
{
    return response_fail(res, ERR_NOT_FOUND,
                         "no message to everybody has this id and this \"c\", or not any more: "
                         "take both from the latest ring, or ask GET /messages");
}

/* Never beyond the moment at which the message expires. */
static int kept_s(int64_t expires_in_s)
{
    if (expires_in_s > KEPT_S)
        return KEPT_S;
    return expires_in_s > 0 ? (int)expires_in_s - 1 : 0;
}

enum err endpoint_show_broadcast(const struct endpoint *ep, const struct request *req,
                                 struct response *res)
{
    struct broadcast broadcast;
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = broadcasts_find(ep->store, id, req->epoch, &broadcast);
    if (e == ERR_NOT_FOUND) {
        res->shared_s = GONE_KEPT_S;
        return endpoint_deny_broadcast(res);
    }
    if (!e)
        e = response_json(res, broadcast.json);
    if (!e)
        res->shared_s = kept_s(broadcast.expires_in_s);
    return e;
}
