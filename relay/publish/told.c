/* SPDX-License-Identifier: MIT */
#include "relay/publish/told.h"

#include "common/text/json_walk.h"

enum err told_decode(struct span epoch, struct span seq, struct told *out, const char **why)
{
    char scratch[EPOCH_NAME_MAX];
    struct span text;

    *why = "epoch is a text of 1 to 64 printable ASCII characters";
    if (epoch.p && (json_walk_text(epoch, scratch, sizeof(scratch), &text) ||
                    epoch_name_set(&out->epoch, text)))
        return ERR_INVALID;
    *why = "seq is an integer, and not negative";
    if (seq.p && (span_parse_int(seq, &out->seq) || out->seq < 0))
        return ERR_INVALID;
    return ERR_NONE;
}
