/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/languages.h"

#include <stdbool.h>

#include "common/text/language.h"

enum { WEIGHT_DIGITS = 3, WEIGHT_MAX = 1000 };

/* RFC 9110 12.4.2, in thousandths: up to 3 digits after "0." or "1.". */
static bool read_weight(struct span s, int *out)
{
    int digit = WEIGHT_MAX;

    if (s.len < 1 || s.len > 2 + WEIGHT_DIGITS || (s.p[0] != '0' && s.p[0] != '1') ||
        (s.len > 1 && s.p[1] != '.'))
        return false;
    *out = (s.p[0] - '0') * WEIGHT_MAX;
    for (size_t i = 2; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        digit /= 10;
        *out += (s.p[i] - '0') * digit;
    }
    return *out <= WEIGHT_MAX;
}

/* "tag" or "tag;q=0.5"; there is no other parameter. */
static bool read_range(struct span range, struct span *tag, int *weight)
{
    struct span name;

    *tag = span_trim(span_cut(&range, ';'));
    *weight = WEIGHT_MAX;
    if (!language_is_tag(*tag))
        return false;
    if (!range.p)
        return true;
    name = span_trim(span_cut(&range, '='));
    return span_equal_nocase(name, SPAN("q")) && read_weight(span_trim(range), weight) &&
           *weight > 0;
}

void languages_read(struct span accept, struct languages *out)
{
    int weights[LANGUAGES_MAX];

    out->count = 0;
    while (accept.p && out->count < LANGUAGES_MAX) {
        struct span tag;
        int weight;
        size_t place;

        if (!read_range(span_cut(&accept, ','), &tag, &weight))
            continue;
        for (place = out->count; place > 0 && weights[place - 1] < weight; place--) {
            out->tags[place] = out->tags[place - 1];
            weights[place] = weights[place - 1];
        }
        out->tags[place] = tag;
        weights[place] = weight;
        out->count++;
    }
}
