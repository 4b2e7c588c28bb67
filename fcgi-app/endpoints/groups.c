/* SPDX-License-Identifier: MIT */
/* /groups/{group}/members: who is in a group. */
#include "fcgi-app/store/groups.h"
#include "fcgi-app/endpoints/endpoint.h"

#include "fcgi-app/postgres/array.h"

enum {
    LIMIT_DEFAULT = 1000,
    LIMIT_MAX = 10000,
    ARRAY_MAX = ARRAY_TEXTS_MAX(BODY_LIST_MAX, USER_ID_MAX),
};

enum err endpoint_list_members(const struct endpoint *ep, const struct request *req,
                               struct response *res)
{
    const char *group, *after;
    struct span json;
    int64_t limit;
    enum err e = request_name(req, 0, &group);

    if (!e)
        e = request_query(req, "after", &after);
    if (!e)
        e = endpoint_limit(req, res, LIMIT_DEFAULT, LIMIT_MAX, &limit);
    if (!e)
        e = groups_members(ep->store, group, after, limit, &json);
    return e ? e : response_json(res, json);
}

/* Both arrays may be empty bufs, which mean that nothing is to be done. */
static enum err change_group(const struct endpoint *ep, const char *group, const struct buf *add,
                             const struct buf *remove, struct response *res)
{
    struct span json;
    enum err e =
        groups_change(ep->store, group, add->data, remove->data, ep->config->app.max_groups, &json);

    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, json);
}

static enum err read_list(const struct request *req, const char *name, struct buf *array)
{
    return body_find(req->body, name) ? body_users(req->body, name, array) : ERR_NONE;
}

enum err endpoint_change_members(const struct endpoint *ep, const struct request *req,
                                 struct response *res)
{
    static const char *const fields[] = {"add", "remove"};
    struct buf add, remove;
    const char *group;
    enum err e = body_only(req->body, fields, 2);

    buf_init(&add, ARRAY_MAX);
    buf_init(&remove, ARRAY_MAX);
    if (!e)
        e = request_name(req, 0, &group);
    if (!e)
        e = read_list(req, "add", &add);
    if (!e)
        e = read_list(req, "remove", &remove);
    if (!e && !add.data && !remove.data)
        e = body_fail(req->body, ERR_INVALID, "\"add\" or \"remove\" is needed");
    if (!e)
        e = change_group(ep, group, &add, &remove, res);
    buf_deinit(&add);
    buf_deinit(&remove);
    return e;
}

/* The member of the path, as an array of one. */
static enum err read_member(const struct request *req, struct buf *array)
{
    enum err e = user_is_valid(req->args[1]) ? array_open(array) : ERR_NOT_FOUND;

    if (!e)
        e = array_append_text(array, req->args[1]);
    return e ? e : array_close(array);
}

static enum err change_one(const struct endpoint *ep, const struct request *req, bool is_added,
                           struct response *res)
{
    struct buf one, none;
    const char *group;
    enum err e = request_name(req, 0, &group);

    buf_init(&one, ARRAY_TEXTS_MAX(1, USER_ID_MAX));
    buf_init(&none, 0);
    if (!e)
        e = read_member(req, &one);
    if (!e)
        e = change_group(ep, group, is_added ? &one : &none, is_added ? &none : &one, res);
    buf_deinit(&one);
    return e;
}

enum err endpoint_add_member(const struct endpoint *ep, const struct request *req,
                             struct response *res)
{
    return change_one(ep, req, true, res);
}

enum err endpoint_remove_member(const struct endpoint *ep, const struct request *req,
                                struct response *res)
{
    return change_one(ep, req, false, res);
}
