/* SPDX-License-Identifier: MIT */
#include "common/metrics/histogram.h"

#include <inttypes.h>

/* Upper bounds, each its bucket's own; the last one has none. */
static const struct {
    int64_t us;
    const char *le;
} bounds[HISTOGRAM_BUCKETS] = {
    {100, "0.0001"},  {250, "0.00025"},    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"},
    {5000, "0.005"},  {10000, "0.01"},     {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},     {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},
    {10000000, "10"}, {INT64_MAX, "+Inf"},
};

size_t histogram_bucket(int64_t us)
{
    size_t bucket = 0;

    while (us > bounds[bucket].us)
        bucket++;
    return bucket;
}

void histogram_add(struct histogram *h, int64_t us)
{
    int64_t taken_us = us > 0 ? us : 0;

    h->buckets[histogram_bucket(taken_us)]++;
    h->sum_us += (uint64_t)taken_us;
}

enum err histogram_encode(const struct histogram *h, const char *name, const char *labels,
                          struct buf *out)
{
    const char *comma = labels[0] ? "," : "";
    const char *open = labels[0] ? "{" : "";
    const char *close = labels[0] ? "}" : "";
    uint64_t below = 0;
    enum err e = ERR_NONE;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS && !e; i++) {
        below += h->buckets[i];
        e = buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, comma,
                       bounds[i].le, below);
    }
    if (e)
        return e;
    return buf_printf(out,
                      "%s_sum%s%s%s %" PRIu64 ".%06" PRIu64 "\n"
                      "%s_count%s%s%s %" PRIu64 "\n",
                      name, open, labels, close, h->sum_us / 1000000, h->sum_us % 1000000, name,
                      open, labels, close, below);
}
