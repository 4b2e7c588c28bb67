/* SPDX-License-Identifier: MIT */
#include "common/text/language.h"

#include <stddef.h>

enum { SUBTAG_MAX = 8, PRIMARY_MIN = 2 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_subtag(struct span s, size_t len_min, bool has_digits)
{
    if (s.len < len_min || s.len > SUBTAG_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_letter(s.p[i]) && !(has_digits && s.p[i] >= '0' && s.p[i] <= '9'))
            return false;
    return true;
}

bool language_is_tag(struct span s)
{
    if (s.len > LANGUAGE_TAG_MAX || !is_subtag(span_cut(&s, '-'), PRIMARY_MIN, false))
        return false;
    while (s.p)
        if (!is_subtag(span_cut(&s, '-'), 1, true))
            return false;
    return true;
}
