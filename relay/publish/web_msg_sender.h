/* SPDX-License-Identifier: MIT */
/* web_msg_sender.h - web-msg-sender's publish call: type=publish&to=&content=, in a form of either
 * type, a JSON object, or the query string. Pure. */
#ifndef DOORBELL_RELAY_PUBLISH_WEB_MSG_SENDER_H
#define DOORBELL_RELAY_PUBLISH_WEB_MSG_SENDER_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { WEB_MSG_SENDER_FIELDS_MAX = 64 };

struct json_object;

struct web_msg_sender_call {
    struct span type;
    struct span to;
    struct span content;
    struct span key;
    bool is_broken;           /* type, to, content or key was not one plain text */
    bool is_empty;            /* there was no field at all */
    enum err charset_error;   /* what form_text_open() or form_text_decode() made of the charset */
    struct json_object *root; /* owns what the spans borrow, if they do not borrow from the body */
    struct buf converted;     /* as well */
};

/* Decodes a body, in place. What cannot be decoded is a call that is broken. A form in another
 * charset becomes UTF-8; texts in none or in UTF-8 are as they came, valid or not. To be deinited
 * in any case. */
void web_msg_sender_decode_body(struct span content_type, char *body, size_t len,
                                struct web_msg_sender_call *out);

/* Decodes a query string, in place. Its key, if it has one, counts for nothing. To be
 * deinited as well. */
void web_msg_sender_decode_query(char *query, size_t len, struct web_msg_sender_call *out);

void web_msg_sender_deinit(struct web_msg_sender_call *call);

#endif
