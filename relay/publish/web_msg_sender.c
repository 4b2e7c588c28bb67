/* SPDX-License-Identifier: MIT */
#include "relay/publish/web_msg_sender.h"

#include <json-c/linkhash.h>

#include "common/text/charset.h"
#include "common/text/form.h"
#include "common/text/form_text.h"
#include "common/text/json.h"

static struct span *field_of(struct web_msg_sender_call *call, struct span name)
{
    if (span_equal(name, SPAN("type")))
        return &call->type;
    if (span_equal(name, SPAN("to")))
        return &call->to;
    if (span_equal(name, SPAN("content")))
        return &call->content;
    if (span_equal(name, SPAN("key")))
        return &call->key;
    return NULL;
}

/* `to[a]` is meant for `to` as well: it must not pass as an absent one. */
static struct span base_name(const struct form_field *field)
{
    struct span name = field->name;

    return field->suffix == FORM_NESTED ? span_cut(&name, '[') : name;
}

static void take_field(struct web_msg_sender_call *call, struct charset *charset,
                       const struct form_field *field)
{
    struct span *to = field_of(call, base_name(field));
    enum err e;

    call->is_empty = false;
    if (!to)
        return;
    if (field->suffix != FORM_PLAIN) {
        call->is_broken = true;
        return;
    }
    e = form_text_decode(charset, field, &call->converted, to);
    if (e)
        *to = field->value;
    if (e && e != ERR_MALFORMED)
        call->charset_error = e;
}

/* What the texts are written in. A Content-Type that is malformed, such as `…;utf-8`, says nothing
 * of it, as ever. */
static void open_charset(struct web_msg_sender_call *call, const struct form *form,
                         struct span content_type, struct charset *charset)
{
    enum err e = form_text_open(charset, form, content_type);

    if (e && e != ERR_MALFORMED)
        call->charset_error = e;
}

static void decode_form(struct span content_type, char *body, size_t len,
                        struct web_msg_sender_call *call)
{
    struct form form;
    struct form_field field;
    struct charset charset = CHARSET_UTF8;
    enum err e = form_init(&form, content_type, body, len, WEB_MSG_SENDER_FIELDS_MAX);

    /* All of it at once, since what borrows from it must not move. */
    buf_init(&call->converted, len * CHARSET_GROWTH_MAX);
    if (!e)
        e = buf_reserve(&call->converted, len * CHARSET_GROWTH_MAX);
    if (!e)
        open_charset(call, &form, content_type, &charset);
    while (!e && !(e = form_next(&form, &field)))
        take_field(call, &charset, &field);
    if (e != ERR_END)
        call->is_broken = true;
    charset_close(&charset);
}

static void take_node(struct web_msg_sender_call *call, const char *name, struct json_object *node)
{
    struct span *to = field_of(call, span_of(name));

    call->is_empty = false;
    if (!to || !node)
        return;
    if (json_object_is_type(node, json_type_string))
        *to = json_text(node);
    else if (json_object_is_type(node, json_type_int))
        *to = span_of(json_object_get_string(node));
    else
        call->is_broken = true;
}

static void decode_json(struct span body, struct web_msg_sender_call *call)
{
    if (json_decode(body, &call->root) || !json_object_is_type(call->root, json_type_object)) {
        call->is_broken = true;
        return;
    }
    json_object_object_foreach(call->root, name, node) take_node(call, name, node);
}

void web_msg_sender_decode_body(struct span content_type, char *body, size_t len,
                                struct web_msg_sender_call *out)
{
    struct span type = form_media_type(content_type);
    bool is_form = span_equal_nocase(type, SPAN("multipart/form-data")) ||
                   span_equal_nocase(type, SPAN("application/x-www-form-urlencoded"));

    *out = (struct web_msg_sender_call){.is_empty = true};
    if (len == 0)
        return;
    if (span_equal_nocase(type, SPAN("application/json")))
        decode_json((struct span){body, len}, out);
    else
        decode_form(is_form ? content_type : SPAN(""), body, len, out);
}

void web_msg_sender_decode_query(char *query, size_t len, struct web_msg_sender_call *out)
{
    *out = (struct web_msg_sender_call){.is_empty = true};
    if (len > 0)
        decode_form(SPAN(""), query, len, out);
    out->key = (struct span){NULL, 0};
}

void web_msg_sender_deinit(struct web_msg_sender_call *call)
{
    json_object_put(call->root);
    call->root = NULL;
    buf_deinit(&call->converted);
}
