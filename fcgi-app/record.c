/* SPDX-License-Identifier: MIT */
#include "fcgi-app/record.h"

/* FastCGI 1.0, 3.3: version, type, request id (2), content length (2), padding length, reserved */
enum { HEADER_LEN = 8, VERSION = 1 };
enum { TYPE_BEGIN = 1, TYPE_PARAMS = 4, TYPE_STDIN = 5 };

struct header {
    unsigned version, type, request_id;
    size_t content_len, padding_len;
};

static struct header decode_header(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (struct header){
        .version = u[0],
        .type = u[1],
        .request_id = (unsigned)(u[2] << 8 | u[3]),
        .content_len = (size_t)(u[4] << 8 | u[5]),
        .padding_len = u[6],
    };
}

/* Management records (request id 0) are refused too: no web server sends them, and libfcgi answers
 * them through a small fixed buffer. */
static bool is_of_request(struct header h, bool is_first)
{
    if (h.version != VERSION || h.request_id == 0)
        return false;
    if (is_first)
        return h.type == TYPE_BEGIN;
    return h.type == TYPE_PARAMS || h.type == TYPE_STDIN;
}

enum record_state record_scan(struct span bytes)
{
    for (bool is_first = true; bytes.len >= HEADER_LEN; is_first = false) {
        struct header h = decode_header(bytes.p);
        size_t size = HEADER_LEN + h.content_len + h.padding_len;

        if (!is_of_request(h, is_first))
            return RECORD_BAD;
        if (size > bytes.len)
            return RECORD_PARTIAL;
        if (h.type == TYPE_STDIN && h.content_len == 0)
            return RECORD_WHOLE;
        bytes.p += size;
        bytes.len -= size;
    }
    return RECORD_PARTIAL;
}
