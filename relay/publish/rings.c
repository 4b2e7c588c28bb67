/* SPDX-License-Identifier: MIT */
/* rings.c - reads a publish body where it is: json_check() has passed it, so json_walk can cut it
 * without a tree. Everything is checked before anything is delivered; a list of users stays text
 * until rings_next_user() walks it. */
#include "relay/publish/rings.h"

#include <stdlib.h>

#include "common/security/user.h"
#include "common/text/json.h"
#include "common/text/json_walk.h"

enum field {
    FIELD_TO,
    FIELD_ALL,
    FIELD_VERSION,
    FIELD_SEQ,
    FIELD_NUM,
    FIELD_HIT,
    FIELD_ID,
    FIELD_SCOPE,
    FIELD_EPOCH,
    FIELD_FROM,
    FIELD_ADD,
    FIELD_CATEGORY,
    FIELD_CRITICAL,
    FIELD_YOUNG,
    FIELD_CAPABILITY
};

static const char *const field_names[] = {"to",  "all",      "version",  "seq",   "num",
                                          "hit", "id",       "scope",    "epoch", "from",
                                          "add", "category", "critical", "young", "c"};

enum { FIELD_COUNT = sizeof(field_names) / sizeof(field_names[0]) };

struct rings_users rings_users(const struct published_ring *ring)
{
    return (struct rings_users){.rest = ring->to};
}

/* An integer is taken as the text of its digits, as PHP's arrays turn ids into numbers. What is no
 * id at all becomes the empty one. */
bool rings_next_user(struct rings_users *users, struct span *user)
{
    struct span item;
    int64_t ignored;

    if (!json_walk_item(&users->rest, &item))
        return false;
    *user = item;
    if (span_parse_int(item, &ignored) &&
        json_walk_text(item, users->scratch, sizeof(users->scratch), user))
        *user = (struct span){NULL, 0};
    return true;
}

static enum err decode_users(struct span to, struct published_ring *ring, const char **why)
{
    struct rings_users users;
    struct span user;

    *why = "to must be a list of user ids that is not empty";
    if (!json_walk_is_array(to))
        return ERR_INVALID;
    ring->to = json_walk_inside(to);
    for (users = rings_users(ring); rings_next_user(&users, &user); ring->user_count++)
        if (!user_is_valid(user))
            return ERR_INVALID;
    return ring->user_count > 0 ? ERR_NONE : ERR_INVALID;
}

static enum err decode_address(const struct span fields[], struct published_ring *ring,
                               const char **why)
{
    struct span to = fields[FIELD_TO], all = fields[FIELD_ALL];

    *why = "a ring needs either to or all";
    if (!to.p == !all.p)
        return ERR_INVALID;
    if (to.p)
        return decode_users(to, ring, why);
    *why = "all can only be true";
    return span_equal(all, SPAN("true")) ? ERR_NONE : ERR_INVALID;
}

/* Reads an optional number that is not negative. */
static enum err decode_number(struct span value, int64_t *out)
{
    if (value.p && (span_parse_int(value, out) || *out < 0))
        return ERR_INVALID;
    return ERR_NONE;
}

static enum err decode_numbers(const struct span fields[], struct ring *r, const char **why)
{
    int64_t hit = 0;

    *why = "version, seq, num, hit, id and scope are integers, and not negative";
    if (decode_number(fields[FIELD_VERSION], &r->version) ||
        decode_number(fields[FIELD_SEQ], &r->seq) || decode_number(fields[FIELD_NUM], &r->num) ||
        decode_number(fields[FIELD_HIT], &hit) || decode_number(fields[FIELD_ID], &r->id) ||
        decode_number(fields[FIELD_SCOPE], &r->scope))
        return ERR_INVALID;
    r->has_scope = fields[FIELD_SCOPE].p;
    *why = "hit is 0 or 1";
    if (hit > 1)
        return ERR_INVALID;
    r->hit = (uint8_t)hit;
    return ERR_NONE;
}

static enum err decode_type(const struct span fields[], struct published_ring *ring,
                            const char **why)
{
    bool has_version = fields[FIELD_VERSION].p, has_seq = fields[FIELD_SEQ].p;
    bool has_num = fields[FIELD_NUM].p, has_hit = fields[FIELD_HIT].p;

    ring->ring.type = has_seq ? RING_MANY : RING_ASK;
    if (!has_version && !has_num && !has_hit)
        return ERR_NONE;
    *why = "a ring for more than one user carries no version, num or hit";
    if (ring->user_count != 1)
        return ERR_INVALID;
    *why = "version, seq and num belong together";
    if (!has_version || !has_seq || !has_num)
        return ERR_INVALID;
    ring->ring.type = RING_PERSONAL;
    return ERR_NONE;
}

static bool is_short_text(struct span value, size_t max)
{
    return !value.p || (json_walk_is_text(value) && value.len <= max);
}

static bool decode_flag(struct span value, bool *out)
{
    *out = span_equal(value, SPAN("true"));
    return *out || !value.p || span_equal(value, SPAN("false"));
}

/* Its texts are handed on as they are written. */
static enum err decode_step(const struct span fields[], struct published_ring *ring,
                            const char **why)
{
    struct step *s = &ring->ring.step;

    if (!fields[FIELD_FROM].p)
        return ERR_NONE;
    *why = "a ring with from is for all, and has seq, id, and add, which is positive";
    if (ring->to.p || !fields[FIELD_SEQ].p || ring->ring.id == 0 ||
        decode_number(fields[FIELD_FROM], &s->from) || decode_number(fields[FIELD_ADD], &s->add) ||
        s->add == 0)
        return ERR_INVALID;
    *why = "category is a text of at most 64 characters or null, c a short text";
    if (!span_equal(fields[FIELD_CATEGORY], SPAN("null")))
        s->category = fields[FIELD_CATEGORY];
    s->capability = fields[FIELD_CAPABILITY];
    if (!is_short_text(s->category, STEP_CATEGORY_MAX) ||
        !is_short_text(s->capability, STEP_CAPABILITY_MAX))
        return ERR_INVALID;
    *why = "critical and young are true or false";
    return decode_flag(fields[FIELD_CRITICAL], &s->is_critical) &&
                   decode_flag(fields[FIELD_YOUNG], &s->is_young)
               ? ERR_NONE
               : ERR_INVALID;
}

static enum err decode_ring(struct span value, const struct told *call, struct published_ring *ring,
                            const char **why)
{
    struct span fields[FIELD_COUNT];
    struct told told = *call;
    enum err e;

    ring->json = value;
    *why = "a ring is an object, with no field twice";
    if ((e = json_walk_members(value, field_names, FIELD_COUNT, fields)) ||
        (e = decode_address(fields, ring, why)) || (e = decode_numbers(fields, &ring->ring, why)))
        return e;
    if ((e = told_decode(fields[FIELD_EPOCH], (struct span){NULL, 0}, &told, why)))
        return e;
    ring->epoch = told.epoch;
    e = decode_type(fields, ring, why);
    return e ? e : decode_step(fields, ring, why);
}

static enum err decode_rings(struct span list, struct rings *p, const char **why)
{
    size_t count = json_walk_count(list);
    struct span item;

    *why = "too many rings in one call";
    if (count > RINGS_MAX)
        return ERR_TOO_BIG;
    *why = "out of memory";
    p->rings = calloc(count ? count : 1, sizeof(*p->rings));
    if (!p->rings)
        return ERR_NO_MEMORY;
    while (json_walk_item(&list, &item)) {
        enum err e = decode_ring(item, &p->told, &p->rings[p->ring_count++], why);

        if (e)
            return e;
    }
    return ERR_NONE;
}

static enum err decode_report(struct span report, struct rings *p, const char **why)
{
    size_t users = 0;

    *why = "report is true or false";
    p->wants_report = span_equal(report, SPAN("true"));
    if (report.p && !p->wants_report && !span_equal(report, SPAN("false")))
        return ERR_INVALID;
    for (size_t i = 0; i < p->ring_count; i++)
        users += p->rings[i].user_count;
    *why = "a report is for 100 users at most";
    return p->wants_report && users > RINGS_REPORT_MAX ? ERR_INVALID : ERR_NONE;
}

static enum err decode_root(struct span root, struct rings *p, const char **why)
{
    static const char *const names[] = {"rings", "report", "epoch", "seq"};
    struct span members[4];
    enum err e;

    *why = "the body is an object, with no field twice";
    if ((e = json_walk_members(root, names, 4, members)))
        return e;
    *why = "rings must be a list";
    if (!json_walk_is_array(members[0]))
        return ERR_INVALID;
    if ((e = told_decode(members[2], members[3], &p->told, why)) ||
        (e = decode_rings(json_walk_inside(members[0]), p, why)))
        return e;
    return decode_report(members[1], p, why);
}

enum err rings_decode(struct span body, struct rings *out, const char **why)
{
    struct rings p = {0};
    enum err e;

    *why = "the body is not JSON";
    if ((e = json_check(body)))
        return e;
    e = decode_root(json_walk_root(body), &p, why);
    if (e)
        rings_deinit(&p);
    else
        *out = p;
    return e;
}

void rings_deinit(struct rings *p)
{
    free(p->rings);
    *p = (struct rings){0};
}

/* As rings_next_user(), of a tree. */
static struct span user_text(struct json_object *node)
{
    if (json_object_is_type(node, json_type_int))
        return span_of(json_object_get_string(node));
    return json_text(node);
}

enum err rings_decode_user(struct span body, struct json_object **root, struct span *user,
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
