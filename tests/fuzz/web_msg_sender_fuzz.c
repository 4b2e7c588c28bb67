/* SPDX-License-Identifier: MIT */
/* The old publish call, by each type of body (the first byte says which) and as a query; its
 * content, escaped, is valid UTF-8 without a byte that a page would take for markup. */
#include "relay/publish/web_msg_sender.h"

#include <stdlib.h>
#include <string.h>

#include "relay/socketio/text.h"

static void check_escaped(struct span content)
{
    struct buf out;

    buf_init(&out, 6 * content.len);
    if (text_escape(content, &out) || !span_is_utf8(buf_span(&out)))
        abort();
    for (size_t i = 0; i < out.len; i++)
        if (out.data[i] != '\0' && strchr("<>\"'", out.data[i]))
            abort();
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span types[] = {SPAN(""), SPAN("multipart/form-data; boundary=B"),
                                        SPAN("application/json")};
    struct web_msg_sender_call call;
    size_t len = size ? size - 1 : 0;
    char *copy = malloc(len + !len);

    if (!copy)
        abort();
    memcpy(copy, size ? data + 1 : data, len);
    web_msg_sender_decode_body(types[size ? data[0] % 3 : 0], copy, len, &call);
    if (!call.is_broken)
        check_escaped(call.content);
    web_msg_sender_deinit(&call);
    memcpy(copy, size ? data + 1 : data, len);
    web_msg_sender_decode_query(copy, len, &call);
    if (call.key.len > 0)
        abort();
    web_msg_sender_deinit(&call);
    free(copy);
    return 0;
}
