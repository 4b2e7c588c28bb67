/* SPDX-License-Identifier: MIT */
/* fcgi_parser.h - one FastCGI request as it arrives: which bytes belong to it, whether they keep
 * the protocol, and how much of it is there. It keeps none of the bytes. libfcgi decodes them; it
 * trusts the lengths it reads, so it is given nothing that has not passed here. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_FCGI_PARSER_H
#define DOORBELL_FCGI_APP_HTTP_FCGI_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum {
    FCGI_PARAMS_MAX = 64 * 1024, /* bytes of all parameters, their lengths included */
    FCGI_PARAMS_COUNT_MAX = 256,
    FCGI_OVERHEAD_MAX = 64 * 1024, /* of the headers and the padding of their records */
    FCGI_HEADER_SIZE = 8,
};

/* What of a request comes next. */
enum fcgi_part { FCGI_PART_BEGIN, FCGI_PART_PARAMS, FCGI_PART_BODY, FCGI_PART_NONE };

/* What of a name-value pair comes next. */
enum fcgi_pair_part { FCGI_PAIR_NAME_LEN, FCGI_PAIR_VALUE_LEN, FCGI_PAIR_NAME, FCGI_PAIR_VALUE };

struct fcgi_parser {
    enum fcgi_part part;
    unsigned request_id;                  /* 0 until it is known */
    unsigned char head[FCGI_HEADER_SIZE]; /* of the record, or the content of BEGIN_REQUEST */
    size_t head_len;
    unsigned type; /* of the record */
    size_t content_left, padding_left;
    enum fcgi_pair_part pair_part;
    size_t len, len_bytes_left; /* the length that is being read */
    size_t name_left, value_left;
    size_t params_len, params_count;
    uint64_t body_len;   /* bytes of the body that have passed */
    size_t overhead_len; /* headers and padding of the records of parameters */
    enum err failure;    /* the first one; it stays */
    const char *fault;   /* what was wrong, for the log */
};

void fcgi_parser_init(struct fcgi_parser *p);

/* Takes the next bytes of the request, *used of them: all, or those up to its end. ERR_NONE at that
 * end, ERR_INCOMPLETE before. ERR_MALFORMED: the bytes are no request of a web server.
 * ERR_TOO_BIG: the parameters are over a limit. After a failure *used is 0 and `fault` is set. */
MUST_USE enum err fcgi_parser_feed(struct fcgi_parser *p, struct span bytes, size_t *used);

/* Whether all parameters have passed. */
bool fcgi_parser_has_params(const struct fcgi_parser *p);

#endif
