/* SPDX-License-Identifier: MIT */
/* The bytes go through two machines, one inside the other. The outer one reads records: a header
 * of 8 bytes, content, padding. The inner one reads name-value pairs out of the content of the
 * PARAMS records, where a pair, and even its lengths, may straddle records. Neither needs more than
 * a few counters, so any cut of the input gives the same result.
 *
 * A length is held against what is left of FCGI_PARAMS_MAX the moment it is known, and before its
 * last byte is passed on: that is why libfcgi never sees one that it could not allocate. */
#include "fcgi-app/http/fcgi_parser.h"

#include <string.h>

#include "common/bytes/invariant.h"

/* FastCGI 1.0, 3.3 and 8 */
enum { VERSION = 1, ROLE_RESPONDER = 1 };
enum { TYPE_BEGIN = 1, TYPE_ABORT = 2, TYPE_PARAMS = 4, TYPE_STDIN = 5 };

void fcgi_parser_init(struct fcgi_parser *p)
{
    *p = (struct fcgi_parser){.part = FCGI_PART_BEGIN};
}

bool fcgi_parser_has_params(const struct fcgi_parser *p)
{
    return !p->failure && p->part >= FCGI_PART_BODY;
}

static enum err fail_parse(struct fcgi_parser *p, enum err e, const char *fault)
{
    p->failure = e;
    p->fault = fault;
    return e;
}

static enum err fail_form(struct fcgi_parser *p, const char *fault)
{
    return fail_parse(p, ERR_MALFORMED, fault);
}

static struct span cut_front(struct span *bytes, size_t max)
{
    struct span front = {bytes->p, bytes->len < max ? bytes->len : max};

    bytes->p += front.len;
    bytes->len -= front.len;
    return front;
}

/* Collects the 8 bytes of a header, or those of a beginning. True once they are there. */
static bool fill_head(struct fcgi_parser *p, struct span *bytes)
{
    struct span part = cut_front(bytes, FCGI_HEADER_SIZE - p->head_len);

    memcpy(p->head + p->head_len, part.p, part.len);
    p->head_len += part.len;
    if (p->head_len < FCGI_HEADER_SIZE)
        return false;
    p->head_len = 0;
    return true;
}

/* FastCGI 1.0, 3.4: 7 bits, or 31 bits in four bytes with the highest bit set */
static bool read_length(struct fcgi_parser *p, unsigned char byte)
{
    if (p->len_bytes_left > 0) {
        p->len = p->len << 8 | byte;
        return --p->len_bytes_left == 0;
    }
    p->len = byte & 0x7f;
    if (byte & 0x80)
        p->len_bytes_left = 3;
    return p->len_bytes_left == 0;
}

static enum err take_length(struct fcgi_parser *p, unsigned char byte)
{
    size_t room;

    p->params_len++;
    if (!read_length(p, byte))
        return ERR_NONE;
    room = FCGI_PARAMS_MAX - p->params_len;
    if (p->pair_part == FCGI_PAIR_VALUE_LEN)
        room = room > p->name_left ? room - p->name_left : 0;
    if (p->len > room)
        return fail_parse(p, ERR_TOO_BIG, "a parameter is too long");
    if (p->pair_part == FCGI_PAIR_NAME_LEN) {
        if (p->params_count == FCGI_PARAMS_COUNT_MAX)
            return fail_parse(p, ERR_TOO_BIG, "there are too many parameters");
        p->params_count++;
        p->name_left = p->len;
        p->pair_part = FCGI_PAIR_VALUE_LEN;
    } else {
        p->value_left = p->len;
        p->pair_part = FCGI_PAIR_NAME;
    }
    return ERR_NONE;
}

/* libfcgi makes "name=value" texts of the pairs: a '=' in a name would move its end, and a NUL hide
 * what follows it. */
static enum err check_text(struct fcgi_parser *p, struct span text)
{
    if (memchr(text.p, '\0', text.len))
        return fail_form(p, "a parameter contains NUL");
    if (p->pair_part == FCGI_PAIR_NAME && memchr(text.p, '=', text.len))
        return fail_form(p, "the name of a parameter contains '='");
    return ERR_NONE;
}

static enum err take_pair_text(struct fcgi_parser *p, struct span *bytes)
{
    bool is_name = p->pair_part == FCGI_PAIR_NAME;
    size_t *left = is_name ? &p->name_left : &p->value_left;
    struct span text = cut_front(bytes, *left);

    *left -= text.len;
    p->params_len += text.len;
    return text.len > 0 ? check_text(p, text) : ERR_NONE;
}

/* Names and values may be empty: there is then nothing to wait for. */
static void finish_texts(struct fcgi_parser *p)
{
    if (p->pair_part == FCGI_PAIR_NAME && p->name_left == 0)
        p->pair_part = FCGI_PAIR_VALUE;
    if (p->pair_part == FCGI_PAIR_VALUE && p->value_left == 0)
        p->pair_part = FCGI_PAIR_NAME_LEN;
}

static enum err take_params(struct fcgi_parser *p, struct span content)
{
    enum err e = ERR_NONE;

    while (content.len > 0 && !e) {
        if (p->params_len == FCGI_PARAMS_MAX)
            return fail_parse(p, ERR_TOO_BIG, "the parameters are too long");
        if (p->pair_part == FCGI_PAIR_NAME || p->pair_part == FCGI_PAIR_VALUE)
            e = take_pair_text(p, &content);
        else
            e = take_length(p, (unsigned char)*cut_front(&content, 1).p);
        finish_texts(p);
    }
    return e;
}

/* Management records (request id 0) are refused as well: no web server sends them, and libfcgi
 * replies to them out of a small fixed buffer. */
static enum err check_record(struct fcgi_parser *p, unsigned version, unsigned request_id)
{
    if (version != VERSION)
        return fail_form(p, "this is not FastCGI");
    if (request_id == 0)
        return fail_form(p, "a management record");
    if (p->request_id != 0 && request_id != p->request_id)
        return fail_form(p, "a record of another request");
    if (p->type == TYPE_ABORT && p->part != FCGI_PART_BEGIN)
        return fail_form(p, "the web server gave it up");
    if ((p->part == FCGI_PART_BEGIN && p->type != TYPE_BEGIN) ||
        (p->part == FCGI_PART_PARAMS && p->type != TYPE_PARAMS) ||
        (p->part == FCGI_PART_BODY && p->type != TYPE_STDIN))
        return fail_form(p, "a record that does not belong there");
    if (p->type == TYPE_BEGIN && p->content_left != FCGI_HEADER_SIZE)
        return fail_form(p, "a beginning of a wrong length");
    p->request_id = request_id;
    return ERR_NONE;
}

/* Records of parameters that are nearly empty would cost more than the parameters may. */
static enum err count_overhead(struct fcgi_parser *p)
{
    if (p->type != TYPE_PARAMS)
        return ERR_NONE;
    p->overhead_len += FCGI_HEADER_SIZE + p->padding_left;
    if (p->overhead_len > FCGI_OVERHEAD_MAX)
        return fail_parse(p, ERR_TOO_BIG, "the parameters come in too many small records");
    return ERR_NONE;
}

/* An empty record ends the parameters, and another one the body. */
static enum err take_header(struct fcgi_parser *p)
{
    const unsigned char *h = p->head;
    enum err e;

    p->type = h[1];
    p->content_left = (size_t)(h[4] << 8 | h[5]);
    p->padding_left = h[6];
    e = check_record(p, h[0], (unsigned)(h[2] << 8 | h[3]));
    if (!e)
        e = count_overhead(p);
    if (e || p->content_left > 0)
        return e;
    if (p->pair_part != FCGI_PAIR_NAME_LEN || p->len_bytes_left > 0)
        return fail_form(p, "the last parameter is incomplete");
    p->part++;
    return ERR_NONE;
}

static enum err take_begin(struct fcgi_parser *p, struct span *bytes)
{
    size_t len_before = bytes->len;
    bool is_whole = fill_head(p, bytes);

    p->content_left -= len_before - bytes->len;
    if (!is_whole)
        return ERR_NONE;
    if ((p->head[0] << 8 | p->head[1]) != ROLE_RESPONDER)
        return fail_form(p, "a role other than that of a responder");
    p->part = FCGI_PART_PARAMS;
    return ERR_NONE;
}

static enum err take_content(struct fcgi_parser *p, struct span *bytes)
{
    struct span content;

    if (p->type == TYPE_BEGIN)
        return take_begin(p, bytes);
    content = cut_front(bytes, p->content_left);
    p->content_left -= content.len;
    if (p->type == TYPE_PARAMS)
        return take_params(p, content);
    p->body_len += content.len;
    return ERR_NONE;
}

static bool is_at_end(const struct fcgi_parser *p)
{
    return p->part == FCGI_PART_NONE && p->padding_left == 0;
}

enum err fcgi_parser_feed(struct fcgi_parser *p, struct span bytes, size_t *used)
{
    size_t len = bytes.len;
    enum err e = p->failure;

    while (bytes.len > 0 && !is_at_end(p) && !e) {
        if (p->content_left > 0)
            e = take_content(p, &bytes);
        else if (p->padding_left > 0)
            p->padding_left -= cut_front(&bytes, p->padding_left).len;
        else if (fill_head(p, &bytes))
            e = take_header(p);
    }
    (void)INVARIANT(p->params_len <= FCGI_PARAMS_MAX && p->params_count <= FCGI_PARAMS_COUNT_MAX);
    *used = e ? 0 : len - bytes.len;
    if (e)
        return e;
    return is_at_end(p) ? ERR_NONE : ERR_INCOMPLETE;
}
