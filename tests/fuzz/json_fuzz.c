/* SPDX-License-Identifier: MIT */
/* What decodes, printed, decodes to the same value, and says the same when it is read in place; any
 * text, as a literal, decodes to itself. */
#include "common/text/json.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json_object_iterator.h>

#include "common/text/json_walk.h"

enum { SCRATCH_LEN = 256 };

static struct json_object *decode_or_abort(struct span text)
{
    struct json_object *node = NULL;

    if (json_decode(text, &node))
        abort();
    return node;
}

static void check_value(struct span text)
{
    struct json_object *node = NULL;
    struct json_object *again;

    if (json_decode(text, &node) || !node)
        return;
    again = decode_or_abort(span_of(json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN)));
    if (!json_object_equal(node, again))
        abort();
    json_object_put(again);
    json_object_put(node);
}

static void compare(struct json_object *node, struct span value);

/* json-c ends a name at a NUL, and we look for none that is long. */
static void compare_members(struct json_object *node, struct span value)
{
    struct json_object_iterator at = json_object_iter_begin(node);
    struct json_object_iterator end = json_object_iter_end(node);

    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        struct span member;

        if (json_has_nul(value) || strlen(name) > 64)
            continue;
        if (json_walk_members(value, &name, 1, &member) || !member.p)
            abort();
        compare(json_object_iter_peek_value(&at), member);
    }
}

static void compare_items(struct json_object *node, struct span value)
{
    struct span rest = json_walk_inside(value), item;
    size_t n = 0;

    for (; json_walk_item(&rest, &item); n++)
        compare(json_object_array_get_idx(node, n), item);
    if (n != json_object_array_length(node))
        abort();
}

/* What is read in place is what the tree has. */
static void compare(struct json_object *node, struct span value)
{
    char scratch[SCRATCH_LEN];
    struct span text;
    int64_t n;

    if (json_walk_is_array(value) != json_object_is_type(node, json_type_array) ||
        json_walk_is_text(value) != json_object_is_type(node, json_type_string))
        abort();
    if (json_walk_is_array(value))
        compare_items(node, value);
    else if (json_object_is_type(node, json_type_object))
        compare_members(node, value);
    else if (json_walk_is_text(value)) {
        if (!json_walk_text(value, scratch, sizeof(scratch), &text) &&
            !span_equal(text, json_text(node)))
            abort();
    } else if (!span_parse_int(value, &n) &&
               (!json_object_is_type(node, json_type_int) || json_object_get_int64(node) != n))
        abort();
}

static void check_text(struct span text)
{
    struct json_object *node;
    struct buf literal;

    if (!span_is_utf8(text))
        return;
    buf_init(&literal, 6 * text.len + 2);
    if (json_append_text(&literal, text))
        abort();
    node = decode_or_abort(buf_span(&literal));
    if (!span_equal(json_text(node), text))
        abort();
    json_object_put(node);
    buf_deinit(&literal);
}

static void check_walk(struct span text)
{
    struct json_object *node;

    if (json_decode(text, &node))
        return;
    if (json_check(text))
        abort();
    compare(node, json_walk_root(text));
    json_object_put(node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};

    check_value(text);
    check_walk(text);
    check_text(text);
    return 0;
}
