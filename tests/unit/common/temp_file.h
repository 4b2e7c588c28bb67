/* SPDX-License-Identifier: MIT */
/* temp_file.h - files that a test makes in a folder of its own. */
#ifndef DOORBELL_TESTS_UNIT_COMMON_TEMP_FILE_H
#define DOORBELL_TESTS_UNIT_COMMON_TEMP_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes/span.h"

#define TEMP_FILES_MAX 96

struct temp_folder {
    char path[64];
    char *files[TEMP_FILES_MAX]; /* owned: paths */
    size_t count;
};

static inline int temp_folder_init(struct temp_folder *t)
{
    memset(t, 0, sizeof(*t));
    snprintf(t->path, sizeof(t->path), "/tmp/doorbell-unit-XXXXXX");
    return mkdtemp(t->path) ? 0 : -1;
}

/* The path of a file of this name, to be removed at the end. */
static inline char *temp_path(struct temp_folder *t, const char *name)
{
    char path[128];

    if (t->count == TEMP_FILES_MAX)
        return NULL;
    snprintf(path, sizeof(path), "%s/%s", t->path, name);
    return t->files[t->count++] = strdup(path);
}

/* The same, written; NULL if that fails. */
static inline char *temp_write(struct temp_folder *t, const char *name, struct span bytes)
{
    char *path = temp_path(t, name);
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f)
        return NULL;
    if (bytes.len > 0 && fwrite(bytes.p, 1, bytes.len, f) != bytes.len)
        path = NULL;
    return fclose(f) == 0 ? path : NULL;
}

static inline void temp_folder_deinit(struct temp_folder *t)
{
    for (size_t i = 0; i < t->count; i++) {
        unlink(t->files[i]);
        free(t->files[i]);
    }
    rmdir(t->path);
}

#endif
