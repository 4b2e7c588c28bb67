/* SPDX-License-Identifier: MIT */
/* What decodes, printed, decodes to the same value; any text, as a literal, decodes to itself. */
#include "common/json.h"

#include <stdlib.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};

    check_value(text);
    check_text(text);
    return 0;
}
