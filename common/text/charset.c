/* SPDX-License-Identifier: MIT */
/* libc's iconv does the work. iconv_open() may load a table from disk, which is the one thing here
 * that is not pure; so which tables these are is decided by the list below alone, never by a name
 * from outside, and the same bytes give the same text wherever these tables are installed. */
#include "common/text/charset.h"

#include <errno.h>
#include <stddef.h>

/* The WHATWG Encoding Standard 4.2: what browsers mean by a label. There gb2312 and gbk are their
 * superset, and iso-8859-1 is windows-1252. Left out is what is not a superset of ASCII. */
static const struct {
    const char *label, *iconv_name;
} charsets[] = {
    {"gbk", "GB18030"},
    {"gb2312", "GB18030"},
    {"gb18030", "GB18030"},
    {"x-gbk", "GB18030"},
    {"gb_2312-80", "GB18030"},
    {"cp936", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"big5-hkscs", "BIG5-HKSCS"},
    {"cp950", "BIG5-HKSCS"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"windows-31j", "CP932"},
    {"cp932", "CP932"},
    {"euc-jp", "EUC-JP-MS"},
    {"euc-kr", "UHC"},
    {"ks_c_5601-1987", "UHC"},
    {"cp949", "UHC"},
    {"us-ascii", "CP1252"},
    {"ascii", "CP1252"},
    {"latin1", "CP1252"},
    {"iso-8859-1", "CP1252"},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-3", "ISO-8859-3"},
    {"iso-8859-4", "ISO-8859-4"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-6", "ISO-8859-6"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-8", "ISO-8859-8"},
    {"iso-8859-9", "CP1254"},
    {"iso-8859-10", "ISO-8859-10"},
    {"iso-8859-11", "CP874"},
    {"iso-8859-13", "ISO-8859-13"},
    {"iso-8859-14", "ISO-8859-14"},
    {"iso-8859-15", "ISO-8859-15"},
    {"iso-8859-16", "ISO-8859-16"},
    {"windows-874", "CP874"},
    {"windows-1250", "CP1250"},
    {"windows-1251", "CP1251"},
    {"windows-1252", "CP1252"},
    {"windows-1253", "CP1253"},
    {"windows-1254", "CP1254"},
    {"windows-1255", "CP1255"},
    {"windows-1256", "CP1256"},
    {"windows-1257", "CP1257"},
    {"windows-1258", "CP1258"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
};

enum { CHARSETS_COUNT = sizeof(charsets) / sizeof(charsets[0]) };

bool charset_is_utf8(struct span label)
{
    return label.len == 0 || span_equal_nocase(label, SPAN("utf-8")) ||
           span_equal_nocase(label, SPAN("utf8"));
}

enum err charset_open(struct charset *c, struct span label)
{
    size_t i = 0;
    iconv_t converter;

    label = span_trim(label);
    if (charset_is_utf8(label)) {
        *c = CHARSET_UTF8;
        return ERR_NONE;
    }
    while (i < CHARSETS_COUNT && !span_equal_nocase(label, span_of(charsets[i].label)))
        i++;
    if (i == CHARSETS_COUNT)
        return ERR_UNSUPPORTED;
    converter = iconv_open("UTF-8", charsets[i].iconv_name);
    if (converter == (iconv_t)-1)
        return errno == ENOMEM ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
    *c = (struct charset){.name = charsets[i].label, .converter = converter};
    return ERR_NONE;
}

void charset_close(struct charset *c)
{
    if (c->name && !c->is_utf8)
        (void)iconv_close(c->converter);
    *c = (struct charset){.name = NULL};
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] > 0x7f)
            return false;
    return true;
}

/* Converts `text` to the room after `out`, which is enough. The second call writes what the first
 * has held back: a letter that an accent might have followed (windows-1258, Big5). */
static enum err convert(iconv_t converter, struct span text, struct buf *out)
{
    char *in = (char *)text.p; /* iconv() does not write to it */
    char *to = out->data + out->len;
    size_t room = out->cap - out->len;

    (void)iconv(converter, NULL, NULL, NULL, NULL);
    if (iconv(converter, &in, &text.len, &to, &room) == (size_t)-1 ||
        iconv(converter, NULL, NULL, &to, &room) == (size_t)-1)
        return errno == E2BIG ? ERR_TOO_BIG : ERR_INVALID;
    out->len = (size_t)(to - out->data);
    return ERR_NONE;
}

enum err charset_decode(struct charset *c, struct span text, struct buf *converted,
                        struct span *out)
{
    size_t start = converted->len;
    enum err e;

    if (c->is_utf8 || is_ascii(text)) {
        if (!span_is_utf8(text))
            return ERR_INVALID;
        *out = text;
        return ERR_NONE;
    }
    if (text.len > buf_room(converted) / CHARSET_GROWTH_MAX)
        return ERR_TOO_BIG;
    e = buf_reserve(converted, text.len * CHARSET_GROWTH_MAX);
    if (!e)
        e = convert(c->converter, text, converted);
    if (!e)
        *out = (struct span){converted->data + start, converted->len - start};
    return e;
}
