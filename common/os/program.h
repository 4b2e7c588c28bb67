/* SPDX-License-Identifier: MIT */
/* program.h - what the programs have in common as programs: options, exit codes, and how settings
 * are loaded, checked and loaded anew. */
#ifndef DOORBELL_COMMON_PROGRAM_H
#define DOORBELL_COMMON_PROGRAM_H

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"

/* Of sysexits.h, as is CONFIG_EXIT. */
enum { PROGRAM_EXIT_USAGE = 64 };

struct program_start {
    enum program program;
    const char *name;
    const char *config_path;
};

/* What a reload replaces as one. */
struct program_settings {
    struct config *config; /* owned */
    struct secrets secrets;
};

/* The whole of main(): reads the options, loads the settings, and calls `run`, which takes what is
 * in *loaded, unless the options ask for less. Returns the exit status. */
int program_main(enum program program, const char *name, int argc, char **argv,
                 int (*run)(const struct program_start *start, struct program_settings *loaded));

/* Loads the settings anew. Those that a reload does not change are what they are in `first`, with
 * which the program was started, and are named in the log where they differ in the file. On failure
 * the log says so and why, and *out is untouched. */
MUST_USE enum err program_reload(const struct program_start *start, const struct config *first,
                                 struct program_settings *out);

#endif
