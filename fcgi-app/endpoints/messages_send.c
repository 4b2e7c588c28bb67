/* SPDX-License-Identifier: MIT */
/* POST /messages: a message to one user, to many, to groups, or to everybody. */
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/endpoints/sending.h"
#include "fcgi-app/store/messages.h"

bool endpoint_is_broadcast(const struct request *req)
{
    return sending_is_broadcast(req->body);
}

static enum err reply(struct response *res, const struct sent *sent)
{
    res->http = sent->is_duplicate ? 200 : 201;
    res->has_rung = !sent->is_duplicate;
    return sending_write(res, sent);
}

enum err endpoint_send_message(const struct endpoint *ep, const struct request *req,
                               struct response *res)
{
    struct draft draft = {.title = NULL};
    struct sent sent;
    struct sending_lists lists;
    enum err e;

    sending_lists_init(&lists);
    e = sending_read(req, &lists, &draft);
    if (!e)
        e = sending_check_key(req, &draft, res);
    if (!e)
        e = messages_send(ep->store, &draft, &sent);
    if (!e)
        e = reply(res, &sent);
    else if (e == ERR_UNAVAILABLE && !draft.key)
        e = response_fail(res, e,
                          "the message may or may not have been sent; give a \"key\" to be "
                          "able to send it again safely");
    sending_lists_deinit(&lists);
    return e;
}
