/* SPDX-License-Identifier: MIT */
#include "relay/metrics/tally.h"

#include <inttypes.h>
#include <string.h>

/* The row of this reason; the last one takes all for which there is no room. */
static struct tally_row *find_row(struct tally *t, unsigned number, const char *reason)
{
    struct tally_row *row = t->rows, *end = t->rows + t->size;

    while (row < end && (row->number != number || strcmp(row->reason, reason) != 0))
        row++;
    if (row < end)
        return row;
    if (t->size == TALLY_ROWS_MAX)
        return end - 1;
    t->size++;
    *row = t->size < TALLY_ROWS_MAX ? (struct tally_row){reason, number, 0}
                                    : (struct tally_row){"other", 0, 0};
    return row;
}

void tally_count(struct tally *t, unsigned number, const char *reason)
{
    find_row(t, number, reason)->count++;
}

enum err tally_encode(const struct tally *t, const char *name, const char *label, struct buf *out)
{
    enum err e = ERR_NONE;

    for (const struct tally_row *row = t->rows; row < t->rows + t->size && !e; row++)
        e = buf_printf(out, "%s{%s=\"%u\",reason=\"%s\"} %" PRIu64 "\n", name, label, row->number,
                       row->reason, row->count);
    return e;
}
