/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/etag.h"

#include <inttypes.h>
#include <stdio.h>

/* FNV-1a, 64 bits: the tag tells replies apart, it protects nothing. */
void etag_of(struct span reply, char out[ETAG_SIZE])
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < reply.len; i++) {
        hash ^= (unsigned char)reply.p[i];
        hash *= 1099511628211u;
    }
    (void)snprintf(out, ETAG_SIZE, "\"%016" PRIx64 "\"", hash);
}

/* Whether `tag` is `etag` with a suffix inside its quotes: "abc-gzip" for "abc". Apache's
 * mod_deflate and mod_brotli write one into the tags of what they compress, and do not take it out
 * of a request. */
static bool is_compressed_tag(struct span tag, struct span etag)
{
    const struct span suffixes[] = {SPAN("-gzip\""), SPAN("-br\"")};
    struct span opened = {etag.p, etag.len - 1};

    if (etag.len == 0 || !span_starts_with(tag, opened))
        return false;
    tag.p += opened.len;
    tag.len -= opened.len;
    return span_equal(tag, suffixes[0]) || span_equal(tag, suffixes[1]);
}

/* RFC 7232 2.3.2: W/ is of no weight here; nginx puts it before the tags of what it compresses. Our
 * own tags hold no comma, so cutting at commas can only spoil tags that are not ours. */
bool etag_matches(struct span if_none_match, struct span etag)
{
    if (span_equal(span_trim(if_none_match), SPAN("*")))
        return true;
    while (if_none_match.p) {
        struct span tag = span_trim(span_cut(&if_none_match, ','));

        if (span_starts_with(tag, SPAN("W/"))) {
            tag.p += 2;
            tag.len -= 2;
        }
        if (span_equal(tag, etag) || is_compressed_tag(tag, etag))
            return true;
    }
    return false;
}
