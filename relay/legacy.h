/* SPDX-License-Identifier: MIT */
/* legacy.h - web-msg-sender's publish call: type=publish&to=&content=, in a form of either type, a
 * JSON object, or the query string. Pure. */
#ifndef DOORBELL_RELAY_LEGACY_H
#define DOORBELL_RELAY_LEGACY_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* What a page may be told at once, one text to it or all that are on their way to everybody, takes
 * such a part of socketio_max_pending, so that nobody is closed for what waits already. */
enum { LEGACY_FIELDS_MAX = 64, LEGACY_TEXTS_SHARE = 2 };

struct json_object;

struct legacy_call {
    struct span type;
    struct span to;
    struct span content;
    struct span key;
    bool is_broken;           /* type, to, content or key was not one plain text */
    bool is_empty;            /* there was no field at all */
    struct json_object *root; /* owns what the spans borrow, if they do not borrow from the body */
};

/* Decodes a body, in place. What cannot be decoded is a call that is broken. */
void legacy_decode_body(struct span content_type, char *body, size_t len, struct legacy_call *out);

/* Decodes a query string, in place. Its key, if it has one, counts for nothing. */
void legacy_decode_query(char *query, size_t len, struct legacy_call *out);

void legacy_deinit(struct legacy_call *call);

/* Appends `content` as pages may insert it: & < > " ' escaped, what is not UTF-8 replaced by
 * U+FFFD. */
MUST_USE enum err legacy_escape(struct span content, struct buf *out);

/* Appends the packet of the event new_msg with that text, escaped. */
MUST_USE enum err legacy_encode(struct span content, struct buf *out);

#endif
