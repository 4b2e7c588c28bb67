/* SPDX-License-Identifier: MIT */
/* body.h - the body of a request: JSON, urlencoded or multipart become one tree, whose fields are
 * read by type. A wrong field is refused by name, and so is an unknown one: a typing error must not
 * get lost in silence. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_BODY_H
#define DOORBELL_FCGI_APP_HTTP_BODY_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { BODY_LIST_MAX = 100000, BODY_FAULT_SIZE = 160 };

struct body {
    struct json_object *root;    /* an object; NULL is an empty one */
    bool is_form;                /* all values came as text */
    char fault[BODY_FAULT_SIZE]; /* a sentence, after a failure of any function here */
};

enum body_text_kind {
    BODY_NAME, /* no control characters; in JSON an integer is taken as its digits */
    BODY_LINE, /* no control characters */
    BODY_TEXT, /* tabs and line ends are welcome */
};

/* Decodes `bytes`, which is changed; of an empty body the type does not matter. A form in another
 * charset becomes UTF-8. ERR_UNSUPPORTED (the type or charset), ERR_MALFORMED, ERR_INVALID
 * (name[…], a name given twice, bytes that the charset does not have), ERR_TOO_BIG, ERR_NO_MEMORY.
 * The body is to be deinited in any case. */
MUST_USE enum err body_decode(struct body *b, struct span content_type, char *bytes, size_t len);
void body_deinit(struct body *b);

/* ERR_INVALID unless every field is one of the `count` names. */
MUST_USE enum err body_only(struct body *b, const char *const *names, size_t count);

/* NULL if the field is absent or null; in a form also if it is empty. */
struct json_object *body_find(const struct body *b, const char *name);

/* The list of this name, NULL if the field is none. In JSON an object whose names are indexes is a
 * list too, and becomes one: PHP writes one with gaps so. */
struct json_object *body_find_list(struct body *b, const char *name);

/* Whether the field is there at all, even as null. */
bool body_has(const struct body *b, const char *name);

/* These leave *out as it is when the field is absent. Texts borrow from the tree; `max` is of the
 * bytes of a BODY_TEXT, and of the characters of the others. ERR_INVALID. */
MUST_USE enum err body_text(struct body *b, const char *name, size_t max, enum body_text_kind kind,
                            struct span *out);
MUST_USE enum err body_int(struct body *b, const char *name, int64_t min, int64_t max,
                           int64_t *out);
MUST_USE enum err body_bool(struct body *b, const char *name, bool *out);

/* An object, as JSON text of at most `max` bytes. */
MUST_USE enum err body_object(struct body *b, const char *name, size_t max, struct span *out);

/* A required user id: text, or an integer taken as text; appended to `out`, followed by a NUL. */
MUST_USE enum err body_user(struct body *b, const char *name, struct buf *out);

/* Lists of at most BODY_LIST_MAX, as PostgreSQL arrays, followed by a NUL. A field that is
 * absent or not a list is ERR_INVALID, and a user id of a wrong form ERR_MALFORMED. */
MUST_USE enum err body_ids(struct body *b, const char *name, struct buf *out);
MUST_USE enum err body_users(struct body *b, const char *name, struct buf *out);
/* Texts of at most `max` bytes without control characters. */
MUST_USE enum err body_texts(struct body *b, const char *name, size_t max, struct buf *out);

/* How many items the list has; 0 if it is none. */
size_t body_count(const struct body *b, const char *name);

/* Writes the sentence and returns `e`. */
MUST_USE enum err body_fail(struct body *b, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
