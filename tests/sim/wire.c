/* SPDX-License-Identifier: MIT */
#include "tests/sim/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t room;
static int64_t now_us;

void wire_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

void wire_flush(void)
{
    (void)fflush(stdout);
}

void wire_hear(struct wire_line *line)
{
    ssize_t len = getline(&text, &room, stdin);
    char *at;

    if (len < 0)
        exit(0);
    if (len > 0 && text[len - 1] == '\n')
        text[len - 1] = '\0';
    now_us = strtoll(text, &at, 10);
    for (line->count = 0; *at == '\t' && line->count < WIRE_FIELDS_MAX - 1;) {
        *at++ = '\0';
        line->fields[line->count++] = at;
        at += strcspn(at, "\t");
    }
    line->fields[line->count] = NULL;
}

int64_t wire_now_us(void)
{
    return now_us;
}

void wire_fail(const char *why)
{
    (void)fprintf(stderr, "%s\n", why);
    exit(1);
}
