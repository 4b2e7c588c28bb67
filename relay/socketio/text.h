/* SPDX-License-Identifier: MIT */
/* text.h - the texts of web-msg-sender's call, as its pages get them: escaped, in an event new_msg,
 * and no longer than a page can be told. Pure. */
#ifndef DOORBELL_RELAY_SOCKETIO_TEXT_H
#define DOORBELL_RELAY_SOCKETIO_TEXT_H

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/config.h"

/* Appends `content` as pages may insert it: & < > " ' escaped, what is not UTF-8 replaced by
 * U+FFFD. */
MUST_USE enum err text_escape(struct span content, struct buf *out);

/* Appends the packet of the event with that text, escaped. ERR_TOO_BIG: it is longer than `max`,
 * or than *out takes. */
MUST_USE enum err text_encode(struct span content, size_t max, struct buf *out);

/* The bytes that all texts to everybody may take at once; one text has to be shorter than that. So
 * nobody is closed for what waits already. */
size_t texts_max(const struct config_relay *relay);

#endif
