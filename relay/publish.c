/* SPDX-License-Identifier: MIT */
#include "relay/publish.h"

#include <stdlib.h>

#include "common/json.h"
#include "common/user.h"

/* An integer is taken as the text of its digits, as PHP's arrays turn ids into numbers. */
static struct span user_text(struct json_object *node)
{
    if (json_object_is_type(node, json_type_int))
        return span_of(json_object_get_string(node));
    return json_text(node);
}

struct span publish_user(const struct publish_ring *ring, size_t n)
{
    return user_text(json_object_array_get_idx(ring->to, n));
}

static enum err decode_users(struct json_object *to, struct publish_ring *ring, const char **why)
{
    *why = "to must be a list of user ids that is not empty";
    if (!json_object_is_type(to, json_type_array) || json_object_array_length(to) == 0)
        return ERR_INVALID;
    ring->to = to;
    ring->user_count = json_object_array_length(to);
    for (size_t i = 0; i < ring->user_count; i++)
        if (!user_is_valid(publish_user(ring, i)))
            return ERR_INVALID;
    return ERR_NONE;
}

static enum err decode_address(struct json_object *node, struct publish_ring *ring,
                               const char **why)
{
    struct json_object *to, *all;
    bool has_to = json_object_object_get_ex(node, "to", &to);
    bool has_all = json_object_object_get_ex(node, "all", &all);

    *why = "a ring needs either to or all";
    if (has_to == has_all)
        return ERR_INVALID;
    if (has_to)
        return decode_users(to, ring, why);
    *why = "all can only be true";
    if (!json_object_is_type(all, json_type_boolean) || !json_object_get_boolean(all))
        return ERR_INVALID;
    return ERR_NONE;
}

/* Reads an optional number that is not negative. */
static enum err decode_number(struct json_object *node, const char *name, bool *is_there,
                              int64_t *out)
{
    struct json_object *value;

    *is_there = json_object_object_get_ex(node, name, &value);
    if (!*is_there)
        return ERR_NONE;
    if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
        return ERR_INVALID;
    *out = json_object_get_int64(value);
    return ERR_NONE;
}

static enum err decode_fields(struct json_object *node, struct publish_ring *ring, const char **why)
{
    struct ring *r = &ring->ring;
    int64_t hit = 0;
    bool has_version, has_seq, has_num, has_hit, has_id;

    *why = "version, seq, num, hit and id are integers, and not negative";
    if (decode_number(node, "version", &has_version, &r->version) ||
        decode_number(node, "seq", &has_seq, &r->seq) ||
        decode_number(node, "num", &has_num, &r->num) ||
        decode_number(node, "hit", &has_hit, &hit) || decode_number(node, "id", &has_id, &r->id))
        return ERR_INVALID;
    *why = "hit is 0 or 1";
    if (hit > 1)
        return ERR_INVALID;
    r->hit = (uint8_t)hit;
    if (has_version || has_num || has_hit) {
        *why = "a ring for more than one user carries no version, num or hit";
        if (ring->user_count != 1)
            return ERR_INVALID;
        *why = "version, seq and num belong together";
        if (!has_version || !has_seq || !has_num)
            return ERR_INVALID;
        r->type = RING_PERSONAL;
        return ERR_NONE;
    }
    r->type = has_seq ? RING_MANY : RING_ASK;
    return ERR_NONE;
}

static enum err decode_ring(struct json_object *node, struct publish_ring *ring, const char **why)
{
    enum err e;

    *why = "a ring is an object";
    if (!json_object_is_type(node, json_type_object))
        return ERR_INVALID;
    if ((e = decode_address(node, ring, why)))
        return e;
    return decode_fields(node, ring, why);
}

static enum err decode_rings(struct json_object *list, struct publish *p, const char **why)
{
    size_t count = json_object_array_length(list);

    *why = "too many rings in one call";
    if (count > PUBLISH_RINGS_MAX)
        return ERR_TOO_BIG;
    *why = "out of memory";
    p->rings = calloc(count ? count : 1, sizeof(*p->rings));
    if (!p->rings)
        return ERR_NO_MEMORY;
    p->ring_count = count;
    for (size_t i = 0; i < count; i++) {
        enum err e = decode_ring(json_object_array_get_idx(list, i), &p->rings[i], why);

        if (e)
            return e;
    }
    return ERR_NONE;
}

static enum err decode_report(struct publish *p, const char **why)
{
    struct json_object *report;
    size_t users = 0;

    if (!json_object_object_get_ex(p->root, "report", &report))
        return ERR_NONE;
    *why = "report is true or false";
    if (!json_object_is_type(report, json_type_boolean))
        return ERR_INVALID;
    p->wants_report = json_object_get_boolean(report);
    for (size_t i = 0; i < p->ring_count; i++)
        users += p->rings[i].user_count;
    *why = "a report is for 100 users at most";
    return p->wants_report && users > PUBLISH_REPORT_MAX ? ERR_INVALID : ERR_NONE;
}

static enum err decode_root(struct publish *p, const char **why)
{
    struct json_object *list;
    enum err e;

    *why = "rings must be a list";
    if (!json_object_is_type(p->root, json_type_object) ||
        !json_object_object_get_ex(p->root, "rings", &list) ||
        !json_object_is_type(list, json_type_array))
        return ERR_INVALID;
    if ((e = decode_rings(list, p, why)))
        return e;
    return decode_report(p, why);
}

enum err publish_decode(struct span body, struct publish *out, const char **why)
{
    struct publish p = {0};
    enum err e;

    *why = "the body is not JSON";
    if ((e = json_decode(body, &p.root)))
        return e;
    e = decode_root(&p, why);
    if (e)
        publish_deinit(&p);
    else
        *out = p;
    return e;
}

void publish_deinit(struct publish *p)
{
    free(p->rings);
    json_object_put(p->root);
    *p = (struct publish){0};
}

enum err publish_decode_user(struct span body, struct json_object **root, struct span *user,
                             const char **why)
{
    struct json_object *tree, *node;
    enum err e;

    *why = "the body is not JSON";
    if ((e = json_decode(body, &tree)))
        return e;
    *why = "user must be a user id";
    if (json_object_is_type(tree, json_type_object) &&
        json_object_object_get_ex(tree, "user", &node) && user_is_valid(user_text(node))) {
        *user = user_text(node);
        *root = tree;
        return ERR_NONE;
    }
    json_object_put(tree);
    return ERR_INVALID;
}
