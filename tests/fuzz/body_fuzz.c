/* SPDX-License-Identifier: MIT */
/* The first line is the Content-Type, the rest the body. Whatever the type, what decodes is the
 * same value again when it is written as JSON; and every reader copes with every field. */
#include "fcgi-app/http/body.h"

#include <json-c/json_object_iterator.h>
#include <stdlib.h>
#include <string.h>

#define JSON SPAN("application/json")

static void check_same(struct json_object *root)
{
    size_t len;
    const char *json = json_object_to_json_string_length(root, JSON_C_TO_STRING_PLAIN, &len);
    struct body again;
    char *copy = malloc(len + 1);

    memcpy(copy, json, len);
    if (body_decode(&again, JSON, copy, len) || !json_object_equal(root, again.root))
        abort();
    body_deinit(&again);
    free(copy);
}

/* A failure must come with a sentence, unless there was no memory. */
static void expect(struct body *b, enum err e)
{
    if (e && e != ERR_NO_MEMORY && e != ERR_TOO_BIG && !b->fault[0])
        abort();
    b->fault[0] = '\0';
}

static void read_field(struct body *b, const char *name)
{
    struct span text = {NULL, 0};
    struct buf out;
    int64_t n = 0;
    bool is_true = false;

    buf_init(&out, 1 << 16);
    expect(b, body_text(b, name, 100, BODY_LINE, &text));
    expect(b, body_text(b, name, 100, BODY_TEXT, &text));
    expect(b, body_int(b, name, -10, 1000, &n));
    expect(b, body_bool(b, name, &is_true));
    expect(b, body_user(b, name, &out));
    expect(b, body_ids(b, name, &out));
    expect(b, body_users(b, name, &out));
    expect(b, body_texts(b, name, 100, &out));
    expect(b, body_object(b, name, 1000, &text));
    buf_deinit(&out);
}

static void read_fields(struct body *b)
{
    struct json_object_iterator i = json_object_iter_begin(b->root);
    struct json_object_iterator end = json_object_iter_end(b->root);
    char name[64];

    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        if (strlen(json_object_iter_peek_name(&i)) >= sizeof(name))
            continue;
        strcpy(name, json_object_iter_peek_name(&i));
        read_field(b, name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"to", "title"};
    struct span rest = {(const char *)data, size};
    struct span type = span_cut(&rest, '\n');
    char *bytes = malloc(rest.len + 1); /* one of its own, so that its end is watched */
    struct body b;
    enum err e;

    if (!bytes)
        return 0;
    if (rest.len > 0)
        memcpy(bytes, rest.p, rest.len);
    e = body_decode(&b, type, bytes, rest.len);
    if (!e && b.root) {
        check_same(b.root);
        expect(&b, body_only(&b, names, 2));
        read_fields(&b);
    }
    body_deinit(&b);
    free(bytes);
    return 0;
}
