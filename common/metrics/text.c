/* SPDX-License-Identifier: MIT */
#include "common/metrics/text.h"

#include <inttypes.h>

#include "common/bytes/invariant.h"

enum err metrics_text_head(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_printf(out, "# HELP %s %s.\n# TYPE %s %s\n", name, help, name, type);
}

enum err metrics_text_row(struct buf *out, const char *name, const char *labels, int64_t value)
{
    return buf_printf(out, "%s%s %" PRId64 "\n", name, labels, value);
}

enum err metrics_text_one(struct buf *out, const char *name, const char *type, const char *help,
                          int64_t value)
{
    enum err e = metrics_text_head(out, name, type, help);

    return e ? e : metrics_text_row(out, name, "", value);
}

enum err metrics_text_program(struct buf *out, uint64_t lost_lines)
{
    enum err e = metrics_text_one(out, "doorbell_bugs_total", "counter",
                                  "Broken invariants, each a bug of this program: please report it",
                                  (int64_t)invariant_count());

    return e ? e
             : metrics_text_one(out, "doorbell_log_lost_total", "counter",
                                "Lines of the log that were not taken in time",
                                (int64_t)lost_lines);
}
