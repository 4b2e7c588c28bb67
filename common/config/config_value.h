/* SPDX-License-Identifier: MIT */
/* config_value.h - one setting's value: text to the field of struct config, and the rules between
 * settings. Pure. */
#ifndef DOORBELL_COMMON_CONFIG_VALUE_H
#define DOORBELL_COMMON_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/bytes/span.h"
#include "common/config/config.h"

/* Replaces what is in `field`, which is of s->type. Returns what is wrong with `text` (static text
 * or of *s, and never a part of `text`, which may be a secret), NULL if nothing is; the field is
 * then changed. */
const char *config_value_set(const struct setting *s, struct span text, void *field);
/* Whether two fields of s->type say the same. */
bool config_value_equal(const struct setting *s, const void *a, const void *b);
/* Makes the field `to` of s->type say what `from` does. ERR_NO_MEMORY: it is as it was.
 * ERR_UNSUPPORTED: it is a list, none of which a reload leaves. */
MUST_USE enum err config_value_copy(const struct setting *s, const void *from, void *to);
void config_value_free(const struct setting *s, void *field);

/* Writes each broken rule to `faults`; returns how many. */
size_t config_check(const struct config *c, FILE *faults);

#endif
