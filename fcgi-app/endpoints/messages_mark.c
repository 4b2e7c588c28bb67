/* SPDX-License-Identifier: MIT */
/* POST /messages/read, /unread, /archive, /delete, and /seen: changes of many messages at once. */
#include "fcgi-app/endpoints/endpoint.h"

#include <stdint.h>

enum {
    POSITION_MAX = 255,
    SUBJECT_MAX = 255,
    CATEGORY_MAX = 64,
    GROUP_KEY_MAX = 255,
    ARRAY_MAX = BODY_LIST_MAX * 21 + 3, /* as many numbers of 20 digits */
};

typedef enum err mark_list(struct store *s, const char *user, const char *ids, struct counts *out);
typedef enum err mark_chosen(struct store *s, const char *user, const struct mark_choice *which,
                             struct counts *out);

static enum err mark_ids(const struct endpoint *ep, const struct request *req, mark_list *mark,
                         struct counts *out)
{
    struct buf ids;
    enum err e;

    buf_init(&ids, ARRAY_MAX);
    e = body_ids(req->body, "ids", &ids);
    if (!e)
        e = mark(ep->store, req->who.user, ids.data, out);
    buf_deinit(&ids);
    return e;
}

static enum err read_position(const struct request *req, const char *name, const char **out)
{
    enum err e = request_text(req, name, POSITION_MAX, BODY_LINE, out);

    if (!e && !*out)
        e = body_fail(req->body, ERR_INVALID, "\"%s\" must be the position of a list", name);
    return e;
}

static enum err mark_read_upto(const struct endpoint *ep, const struct request *req,
                               struct counts *out)
{
    const char *position;
    enum err e = read_position(req, "upto", &position);

    return e ? e : marks_read_upto(ep->store, req->who.user, position, out);
}

static enum err read_group_key(const struct request *req, const char **out)
{
    enum err e = request_text(req, "group_key", GROUP_KEY_MAX, BODY_NAME, out);

    if (!e && (!*out || !**out))
        e = body_fail(req->body, ERR_INVALID, "\"group_key\" must be the group_key of a message");
    return e;
}

static enum err mark_read_group(const struct endpoint *ep, const struct request *req,
                                struct counts *out)
{
    const char *group_key, *position = NULL;
    enum err e = read_group_key(req, &group_key);

    if (!e && body_has(req->body, "upto"))
        e = read_position(req, "upto", &position);
    return e ? e : marks_read_group(ep->store, req->who.user, position, group_key, out);
}

static enum err mark_read_subject(const struct endpoint *ep, const struct request *req,
                                  struct counts *out)
{
    const char *type, *id;
    enum err e = request_text(req, "subject_type", SUBJECT_MAX, BODY_NAME, &type);

    if (!e)
        e = request_text(req, "subject_id", SUBJECT_MAX, BODY_NAME, &id);
    if (!e && (!type || !id))
        e = body_fail(req->body, ERR_INVALID, "subject_type and subject_id go together");
    return e ? e : marks_read_subject(ep->store, req->who.user, type, id, out);
}

static enum err mark_read_oldest(const struct endpoint *ep, const struct request *req,
                                 struct counts *out)
{
    int64_t count = 0;
    enum err e = body_int(req->body, "oldest", 1, INT32_MAX, &count);

    if (!e && count == 0)
        e = body_fail(req->body, ERR_INVALID, "\"oldest\" must be a number");
    return e ? e : marks_read_oldest(ep->store, req->who.user, count, out);
}

/* {"all":false} asks for nothing that could be done. */
static enum err require_true(const struct request *req, const char *name)
{
    bool is_true = false;
    enum err e = body_bool(req->body, name, &is_true);

    if (!e && !is_true)
        e = body_fail(req->body, ERR_INVALID, "\"%s\" must be true", name);
    return e;
}

/* How many of the ways to say which messages are meant are there. */
static size_t count_given(const struct request *req, const char *const *names, size_t count)
{
    size_t given = 0;

    for (size_t i = 0; i < count; i++)
        given += body_has(req->body, names[i]);
    return given;
}

static enum err mark_read(const struct endpoint *ep, const struct request *req, struct counts *out)
{
    enum err e;

    if (body_has(req->body, "ids"))
        return mark_ids(ep, req, marks_read_ids, out);
    if (body_has(req->body, "group_key"))
        return mark_read_group(ep, req, out);
    if (body_has(req->body, "upto"))
        return mark_read_upto(ep, req, out);
    if (body_has(req->body, "oldest"))
        return mark_read_oldest(ep, req, out);
    if (!body_has(req->body, "all"))
        return mark_read_subject(ep, req, out);
    e = require_true(req, "all");
    return e ? e : marks_read_all(ep->store, req->who.user, out);
}

enum err endpoint_mark_many_read(const struct endpoint *ep, const struct request *req,
                                 struct response *res)
{
    static const char *const fields[] = {"upto",      "ids",          "oldest",    "all",
                                         "group_key", "subject_type", "subject_id"};
    struct counts counts;
    enum err e = body_only(req->body, fields, 7);
    bool has_subject = count_given(req, fields + 5, 2) > 0;
    bool is_upto = body_has(req->body, "upto") && !body_has(req->body, "group_key");

    if (!e && is_upto + count_given(req, fields + 1, 4) + has_subject != 1)
        e = body_fail(req->body, ERR_INVALID,
                      "exactly one of ids, upto, oldest, all, group_key and subject_type with "
                      "subject_id is needed");
    if (!e)
        e = mark_read(ep, req, &counts);
    return e ? e : endpoint_counts(req, res, &counts, true);
}

static enum err mark_unread(const struct endpoint *ep, const struct request *req,
                            struct counts *out)
{
    enum err e;

    if (body_has(req->body, "ids"))
        return mark_ids(ep, req, marks_unread_ids, out);
    e = require_true(req, "all");
    return e ? e : marks_unread_all(ep->store, req->who.user, out);
}

enum err endpoint_mark_many_unread(const struct endpoint *ep, const struct request *req,
                                   struct response *res)
{
    static const char *const fields[] = {"ids", "all"};
    struct counts counts;
    enum err e = body_only(req->body, fields, 2);

    if (!e && count_given(req, fields, 2) != 1)
        e = body_fail(req->body, ERR_INVALID, "exactly one of ids and all is needed");
    if (!e)
        e = mark_unread(ep, req, &counts);
    return e ? e : endpoint_counts(req, res, &counts, true);
}

static enum err read_choice(const struct request *req, struct mark_choice *out)
{
    enum err e = ERR_NONE;

    *out = (struct mark_choice){.is_read = body_has(req->body, "read")};
    if (body_has(req->body, "upto"))
        e = read_position(req, "upto", &out->position);
    if (e)
        return e;
    if (body_has(req->body, "group_key"))
        return read_group_key(req, &out->group_key);
    if (!body_has(req->body, "category"))
        return require_true(req, out->is_read ? "read" : "all");
    e = request_text(req, "category", CATEGORY_MAX, BODY_NAME, &out->category);
    if (!e && (!out->category || !*out->category))
        e = body_fail(req->body, ERR_INVALID, "\"category\" must be the name of a category");
    return e;
}

/* What archiving and deleting have in common. */
static enum err put_away(const struct endpoint *ep, const struct request *req, mark_list *by_ids,
                         mark_chosen *by_choice, struct response *res)
{
    static const char *const fields[] = {"ids", "all", "category", "read", "group_key", "upto"};
    struct mark_choice which;
    struct counts counts;
    enum err e = body_only(req->body, fields, 6);
    bool has_ids = body_has(req->body, "ids");

    if (!e && count_given(req, fields, 5) != 1)
        e = body_fail(req->body, ERR_INVALID,
                      "exactly one of ids, all, category, read and group_key is needed");
    if (!e && has_ids && body_has(req->body, "upto"))
        e = body_fail(req->body, ERR_INVALID,
                      "upto goes with all, category, read or group_key, not with ids");
    if (!e && has_ids)
        e = mark_ids(ep, req, by_ids, &counts);
    if (!e && !has_ids)
        e = read_choice(req, &which);
    if (!e && !has_ids)
        e = by_choice(ep->store, req->who.user, &which, &counts);
    return e ? e : endpoint_counts(req, res, &counts, true);
}

enum err endpoint_archive_many(const struct endpoint *ep, const struct request *req,
                               struct response *res)
{
    return put_away(ep, req, marks_archive_ids, marks_archive_all, res);
}

enum err endpoint_remove_many(const struct endpoint *ep, const struct request *req,
                              struct response *res)
{
    return put_away(ep, req, marks_remove_ids, marks_remove_all, res);
}

static enum err mark_seen(const struct endpoint *ep, const struct request *req, struct counts *out)
{
    const char *position;
    enum err e = read_position(req, "position", &position);

    return e ? e : marks_seen(ep->store, req->who.user, position, out);
}

static enum err count_unread(const struct endpoint *ep, const struct request *req,
                             struct counts *out)
{
    struct reader reader = endpoint_reader(ep, req);
    struct unread u;
    enum err e = inbox_unread(ep->store, &reader, NULL, 0, &u);

    if (!e)
        *out = (struct counts){.num = u.num, .version = u.version, .seq = u.seq, .epoch = u.epoch};
    return e;
}

/* A page may report that a number which it computed from the step of a ring was wrong. */
enum err endpoint_mark_seen(const struct endpoint *ep, const struct request *req,
                            struct response *res)
{
    static const char *const fields[] = {"position", "wrong"};
    struct counts counts;
    bool is_wrong = false;
    enum err e = body_only(req->body, fields, 2);

    if (!e)
        e = body_bool(req->body, "wrong", &is_wrong);
    if (!e)
        e = is_wrong && !body_has(req->body, "position") ? count_unread(ep, req, &counts)
                                                         : mark_seen(ep, req, &counts);
    if (e)
        return e;
    res->reports_wrong = is_wrong;
    return endpoint_counts(req, res, &counts, false);
}
