/* SPDX-License-Identifier: MIT */
#include "fcgi-app/postgres/sqlstate.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *state;
    enum err err;
} ours[] = {
    {"DB400", ERR_MALFORMED}, {"DB401", ERR_REVOKED}, {"DB404", ERR_NOT_FOUND},
    {"DB409", ERR_CONFLICT},  {"DB422", ERR_INVALID},
};

/* Whole states, or classes of two characters. */
static const char *const temporary[] = {"08", "53", "57", "40001", "40P01", "55P03", "58"};

enum err sqlstate_err(const char *state)
{
    for (size_t i = 0; state && i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcmp(ours[i].state, state) == 0)
            return ours[i].err;
    return ERR_UNAVAILABLE;
}

bool sqlstate_is_ours(const char *state)
{
    return sqlstate_err(state) != ERR_UNAVAILABLE;
}

bool sqlstate_is_temporary(const char *state)
{
    if (!state)
        return true;
    for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
        if (strncmp(temporary[i], state, strlen(temporary[i])) == 0)
            return true;
    return false;
}

bool sqlstate_is_of_past(const char *state)
{
    return state && (strncmp(state, "42", 2) == 0 || strcmp(state, "0A000") == 0);
}

bool sqlstate_is_of_chance(const char *state)
{
    return state && (strcmp(state, "40P01") == 0 || strcmp(state, "40001") == 0 ||
                     strcmp(state, "XX000") == 0);
}

bool sqlstate_is_of_session(const char *state)
{
    return state && (strcmp(state, "25006") == 0 || strcmp(state, "0A000") == 0);
}
