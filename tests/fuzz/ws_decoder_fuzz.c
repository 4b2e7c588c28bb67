/* SPDX-License-Identifier: MIT */
/* The first byte says in what pieces the rest comes: the same is heard as in one piece, and nothing
 * after an end. */
#include "relay/http/ws_decoder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What was heard, as one number: pieces of a message add up however they were cut. */
struct heard {
    uint64_t sum;
    bool has_ended;
};

static void add(struct heard *h, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h->sum = (h->sum ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
}

static void note(struct heard *h, const struct ws_event *event)
{
    unsigned char marks[] = {(unsigned char)event->type, (unsigned char)event->code,
                             (unsigned char)(event->code >> 8)};

    if (h->has_ended || (event->type != WS_EVENT_DATA && event->bytes.len > WS_CONTROL_MAX))
        abort();
    h->has_ended = event->type == WS_EVENT_CLOSE || event->type == WS_EVENT_BROKEN;
    /* Data that came before what breaks its message may have been passed on, or not. */
    if (event->type != WS_EVENT_DATA)
        add(h, marks, sizeof(marks));
    else if (!event->is_last)
        return;
    add(h, event->bytes.p, event->type == WS_EVENT_DATA ? 0 : event->bytes.len);
}

static struct heard hear(const uint8_t *data, size_t size, size_t step)
{
    struct ws_decoder d = {0};
    struct heard h = {UINT64_C(14695981039346656037), false};
    struct ws_event event;
    char *bytes = malloc(size);

    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    for (size_t at = 0; at < size && !h.has_ended; at += step) {
        struct span in = {bytes + at, size - at < step ? size - at : step};

        while (!h.has_ended && ws_decode(&d, &in, &event))
            note(&h, &event);
        if (!h.has_ended && in.len > 0)
            abort();
    }
    ws_decoder_deinit(&d);
    free(bytes);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole, pieces;

    if (size < 2)
        return 0;
    whole = hear(data + 1, size - 1, size);
    pieces = hear(data + 1, size - 1, 1 + data[0]);
    if (whole.sum != pieces.sum || whole.has_ended != pieces.has_ended)
        abort();
    return 0;
}
