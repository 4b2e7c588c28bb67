/* SPDX-License-Identifier: MIT */
#include "common/text/form.h"

#include <stdbool.h>
#include <string.h>

#define CRLF SPAN("\r\n")

static bool is_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return true;
}

/* What PHP would make of the name. */
static void read_suffix(struct form_field *f)
{
    const char *open = f->name.len > 0 ? memchr(f->name.p, '[', f->name.len) : NULL;
    struct span inside;

    f->suffix = FORM_PLAIN;
    if (!open) {
        if (f->name.len > 0 && memchr(f->name.p, ']', f->name.len))
            f->suffix = FORM_NESTED;
        return;
    }
    f->suffix = FORM_NESTED;
    if (f->name.p[f->name.len - 1] != ']' || open == f->name.p)
        return;
    inside = (struct span){open + 1, (size_t)(f->name.p + f->name.len - open) - 2};
    if (!is_digits(inside))
        return;
    f->suffix = FORM_ELEMENT;
    f->name.len = (size_t)(open - f->name.p);
}

struct span form_media_type(struct span content_type)
{
    return span_trim(span_cut(&content_type, ';'));
}

/* Cuts a quoted string off *rest, which begins after the opening quote. */
static enum err cut_quoted(struct span *rest, struct span *value)
{
    size_t n = 0;

    while (n < rest->len && rest->p[n] != '"')
        n += rest->p[n] == '\\' ? 2 : 1;
    if (n >= rest->len)
        return ERR_MALFORMED;
    *value = (struct span){rest->p, n};
    *rest = (struct span){rest->p + n + 1, rest->len - n - 1};
    return ERR_NONE;
}

/* Cuts one `name=value` or `name="value"` off *rest, with the ';' that follows. */
static enum err next_parameter(struct span *rest, struct span *name, struct span *value)
{
    size_t n = 0;
    enum err e;

    while (n < rest->len && rest->p[n] != '=' && rest->p[n] != ';')
        n++;
    *name = span_trim((struct span){rest->p, n});
    *value = (struct span){NULL, 0};
    if (n == rest->len || rest->p[n] == ';') {
        span_cut(rest, ';');
        return name->len == 0 ? ERR_NONE : ERR_MALFORMED;
    }
    *rest = span_trim((struct span){rest->p + n + 1, rest->len - n - 1});
    if (rest->len == 0 || rest->p[0] != '"') {
        *value = span_trim(span_cut(rest, ';'));
        return ERR_NONE;
    }
    rest->p++;
    rest->len--;
    e = cut_quoted(rest, value);
    if (e)
        return e;
    return span_trim(span_cut(rest, ';')).len == 0 ? ERR_NONE : ERR_MALFORMED;
}

/* The one parameter called `wanted`: ERR_NOT_FOUND, ERR_MALFORMED. */
static enum err find_parameter(struct span rest, struct span wanted, struct span *out)
{
    enum err found = ERR_NOT_FOUND;

    span_cut(&rest, ';'); /* what the parameters are of */
    while (rest.len > 0) {
        struct span name, value;
        enum err e = next_parameter(&rest, &name, &value);

        if (e)
            return e;
        if (!span_equal_nocase(name, wanted))
            continue;
        if (found == ERR_NONE)
            return ERR_MALFORMED;
        found = ERR_NONE;
        *out = value;
    }
    return found;
}

enum err form_charset(struct span content_type, struct span *out)
{
    struct span charset = {NULL, 0};
    enum err e = find_parameter(content_type, SPAN("charset"), &charset);

    if (e && e != ERR_NOT_FOUND)
        return e;
    *out = charset;
    return ERR_NONE;
}

/* RFC 2046 5.1.1 */
static bool is_boundary(struct span s)
{
    static const char specials[] = "'()+_,-./:=? ";

    if (s.len == 0 || s.len > FORM_BOUNDARY_MAX || s.p[s.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') && (c == '\0' || !strchr(specials, c)))
            return false;
    }
    return true;
}

static void skip(struct form *f, size_t n)
{
    f->rest += n;
    f->rest_len -= n;
}

static struct span rest_span(const struct form *f)
{
    return (struct span){f->rest, f->rest_len};
}

/* Whether what follows "--boundary" makes it a delimiter: "--", or blanks and CRLF. */
static bool ends_delimiter(struct span s)
{
    if (span_starts_with(s, SPAN("--")))
        return true;
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.len--;
    }
    return span_starts_with(s, CRLF);
}

/* Cuts what precedes the next delimiter off the rest, and the delimiter with it. */
static enum err cut_delimiter(struct form *f, struct span *before)
{
    struct span delimiter = {f->boundary, f->boundary_len};
    struct span at = rest_span(f);

    for (;;) {
        const char *cr = at.len > 0 ? memchr(at.p, '\r', at.len) : NULL;

        if (!cr)
            return ERR_MALFORMED;
        at.len -= (size_t)(cr - at.p);
        at.p = cr;
        if (span_starts_with(at, delimiter) &&
            ends_delimiter((struct span){at.p + delimiter.len, at.len - delimiter.len}))
            break;
        at.p++;
        at.len--;
    }
    *before = (struct span){f->rest, (size_t)(at.p - f->rest)};
    skip(f, before->len + delimiter.len);
    return ERR_NONE;
}

/* The first delimiter may be the very first bytes, without the CRLF. */
static enum err skip_preamble(struct form *f)
{
    struct span dashes = {f->boundary + CRLF.len, f->boundary_len - CRLF.len};
    struct span rest = rest_span(f);
    struct span ignored;

    if (span_starts_with(rest, dashes) &&
        ends_delimiter((struct span){rest.p + dashes.len, rest.len - dashes.len})) {
        skip(f, dashes.len);
        return ERR_NONE;
    }
    return cut_delimiter(f, &ignored);
}

static enum err init_multipart(struct form *f, struct span content_type)
{
    struct span boundary;

    if (find_parameter(content_type, SPAN("boundary"), &boundary) || !is_boundary(boundary))
        return ERR_MALFORMED;
    memcpy(f->boundary, "\r\n--", 4);
    memcpy(f->boundary + 4, boundary.p, boundary.len);
    f->boundary_len = boundary.len + 4;
    return skip_preamble(f);
}

enum err form_init(struct form *f, struct span content_type, char *body, size_t len,
                   size_t fields_max)
{
    struct span type = form_media_type(content_type);

    *f = (struct form){
        .type = FORM_URLENCODED, .rest = body, .rest_len = len, .fields_left = fields_max};
    if (type.len == 0 || span_equal_nocase(type, SPAN("application/x-www-form-urlencoded")))
        return ERR_NONE;
    if (!span_equal_nocase(type, SPAN("multipart/form-data")))
        return ERR_UNSUPPORTED;
    f->type = FORM_MULTIPART;
    return init_multipart(f, content_type);
}

static enum err next_pair(struct form *f, struct form_field *out)
{
    struct span rest = rest_span(f);
    struct span pair = {NULL, 0};

    while (rest.len > 0 && pair.len == 0)
        pair = span_cut(&rest, '&');
    f->rest = (char *)rest.p;
    f->rest_len = rest.len;
    if (pair.len == 0)
        return ERR_END;
    out->name = span_cut(&pair, '=');
    out->value = pair;
    return ERR_NONE;
}

/* Undoes in place what senders do to quotes in names: curl and PHP \", browsers and node %22, and
 * %0D %0A (WHATWG HTML, multipart/form-data). No other %XX is an escape here. */
static struct span unescape_name(struct span raw)
{
    char *bytes = (char *)raw.p; /* of the body, which is ours to change */
    size_t out = 0;

    while (raw.len > 0) {
        size_t taken = 1;
        char c = raw.p[0];

        if (raw.len > 1 && c == '\\' && (raw.p[1] == '"' || raw.p[1] == '\\')) {
            c = raw.p[1];
            taken = 2;
        } else if (span_starts_with(raw, SPAN("%22"))) {
            c = '"';
            taken = 3;
        } else if (raw.len > 2 && span_equal_nocase((struct span){raw.p, 3}, SPAN("%0d"))) {
            c = '\r';
            taken = 3;
        } else if (raw.len > 2 && span_equal_nocase((struct span){raw.p, 3}, SPAN("%0a"))) {
            c = '\n';
            taken = 3;
        }
        bytes[out++] = c;
        raw.p += taken;
        raw.len -= taken;
    }
    return (struct span){bytes, out};
}

/* Encodings that change no byte. RFC 7578 4.7 deprecates the header; what it would take to decode
 * the others is not worth having. */
static bool is_plain_encoding(struct span value)
{
    return span_equal_nocase(value, SPAN("7bit")) || span_equal_nocase(value, SPAN("8bit")) ||
           span_equal_nocase(value, SPAN("binary"));
}

static enum err read_part_header(struct span line, bool *has_name, struct form_field *part)
{
    struct span value = line;
    struct span header = span_cut(&value, ':');

    if (!value.p || header.len == 0)
        return ERR_MALFORMED;
    value = span_trim(value);
    if (span_equal_nocase(header, SPAN("content-transfer-encoding")))
        return is_plain_encoding(value) ? ERR_NONE : ERR_MALFORMED;
    if (span_equal_nocase(header, SPAN("content-type")))
        return form_charset(value, &part->charset);
    if (!span_equal_nocase(header, SPAN("content-disposition")))
        return ERR_NONE;
    if (*has_name || !span_equal_nocase(form_media_type(value), SPAN("form-data")) ||
        find_parameter(value, SPAN("name"), &part->name))
        return ERR_MALFORMED;
    *has_name = true;
    return ERR_NONE;
}

/* `block` is the lines of a part's header, each with its CRLF. */
static enum err read_part_headers(struct span block, struct form_field *part)
{
    bool has_name = false;

    while (block.len > 0) {
        struct span line = span_cut(&block, '\n');
        enum err e;

        if (line.len == 0 || line.p[line.len - 1] != '\r')
            return ERR_MALFORMED;
        line.len--;
        e = read_part_header(line, &has_name, part);
        if (e)
            return e;
    }
    return has_name ? ERR_NONE : ERR_MALFORMED;
}

/* The first "\r\n\r\n" within `max` bytes; NULL without one. */
static const char *find_blank_line(struct span s, size_t max)
{
    if (s.len > max)
        s.len = max;
    for (; s.len >= 4; s.p++, s.len--) {
        if (memcmp(s.p, "\r\n\r\n", 4) == 0)
            return s.p;
    }
    return NULL;
}

static enum err next_part(struct form *f, struct form_field *out)
{
    const char *end;
    struct span headers;
    enum err e;

    if (!f->rest || span_starts_with(rest_span(f), SPAN("--"))) {
        f->rest = NULL; /* the epilogue says nothing */
        f->rest_len = 0;
        return ERR_END;
    }
    while (f->rest_len > 0 && (f->rest[0] == ' ' || f->rest[0] == '\t'))
        skip(f, 1);
    /* The rest of the delimiter, its CRLF, comes first; then the headers. */
    end = find_blank_line(rest_span(f), FORM_PART_HEADERS_MAX);
    if (!end)
        return f->rest_len > FORM_PART_HEADERS_MAX ? ERR_TOO_BIG : ERR_MALFORMED;
    headers = (struct span){f->rest + CRLF.len, (size_t)(end - f->rest)};
    skip(f, headers.len + 4);
    e = read_part_headers(headers, out);
    return e ? e : cut_delimiter(f, &out->value);
}

/* The next field as the body has it, which is not changed. */
static enum err next_raw(struct form *f, struct form_field *out)
{
    enum err e = f->type == FORM_MULTIPART ? next_part(f, out) : next_pair(f, out);

    if (e)
        return e;
    if (f->fields_left == 0)
        return ERR_TOO_BIG;
    f->fields_left--;
    return ERR_NONE;
}

/* The casts: they are of the body, which is ours to change. */
static enum err decode_field(const struct form *f, struct form_field *field)
{
    enum err e;

    if (f->type == FORM_MULTIPART) {
        field->name = unescape_name(field->name);
        return ERR_NONE;
    }
    e = span_percent_decode((char *)field->name.p, &field->name.len, true);
    return e ? e : span_percent_decode((char *)field->value.p, &field->value.len, true);
}

enum err form_next(struct form *f, struct form_field *out)
{
    struct form_field field = {0};
    enum err e = next_raw(f, &field);

    if (!e)
        e = decode_field(f, &field);
    if (e)
        return e;
    read_suffix(&field);
    *out = field;
    return ERR_NONE;
}

/* What decode_field() makes of a plain name or value, in a copy. */
static enum err decode_copy(const struct form *f, struct span raw, char *copy, size_t size,
                            struct span *out)
{
    size_t len = raw.len;
    enum err e = ERR_NONE;

    if (len > size)
        return ERR_INVALID;
    if (len > 0)
        memcpy(copy, raw.p, len);
    if (f->type == FORM_URLENCODED)
        e = span_percent_decode(copy, &len, true);
    if (!e)
        *out = (struct span){copy, len};
    return e;
}

enum err form_look_ahead(const struct form *f, struct span name, char *copy, size_t size,
                         struct span *out)
{
    struct form ahead = *f;
    struct form_field field = {0};
    enum err e;

    while (!(e = next_raw(&ahead, &field))) {
        struct span found;

        if (!decode_copy(f, field.name, copy, size, &found) && span_equal(found, name))
            return decode_copy(f, field.value, copy, size, out);
        field = (struct form_field){0};
    }
    return e == ERR_END ? ERR_NOT_FOUND : e;
}
