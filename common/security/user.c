/* SPDX-License-Identifier: MIT */
#include "common/security/user.h"

/* U+0080 to U+009F, in well-formed UTF-8. */
static bool has_c1_control(struct span s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        if ((unsigned char)s.p[i] == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool user_is_valid(struct span id)
{
    return id.len > 0 && id.len <= USER_ID_MAX && !span_equal(id, SPAN("*")) &&
           !span_has_control(id) && span_is_utf8(id) && !has_c1_control(id);
}
