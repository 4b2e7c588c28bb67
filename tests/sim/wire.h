/* SPDX-License-Identifier: MIT */
/* wire.h - how a simulated program talks with the simulator: lines on stdin and stdout, fields
 * separated by tabs. Every line of the simulator's begins with the time, which is all that the
 * program knows of it. */
#ifndef DOORBELL_TESTS_SIM_WIRE_H
#define DOORBELL_TESTS_SIM_WIRE_H

#include <stdint.h>

enum { WIRE_FIELDS_MAX = 16 };

struct wire_line {
    char *fields[WIRE_FIELDS_MAX]; /* those after the time; NULL after the last */
    int count;
};

/* Writes a line; wire_flush() before anything is expected in return. */
void wire_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void wire_flush(void);

/* Reads the next line into *line, until the next call. At the end of input the program ends. */
void wire_hear(struct wire_line *line);

/* Of the last line: microseconds. */
int64_t wire_now_us(void);

/* Ends the program, which the simulator takes for a failure. */
void wire_fail(const char *why) __attribute__((noreturn));

#endif
