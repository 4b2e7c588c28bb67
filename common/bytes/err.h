/* SPDX-License-Identifier: MIT */
/* err.h - the one set of results. A value says what the caller can do; the log says what happened.
 */
#ifndef DOORBELL_COMMON_ERR_H
#define DOORBELL_COMMON_ERR_H

#define MUST_USE __attribute__((warn_unused_result))

enum err {
    ERR_NONE = 0,
    ERR_INCOMPLETE,   /* a decoder needs more bytes */
    ERR_END,          /* an iterator has no more items */
    ERR_MALFORMED,    /* the bytes are not of the form they must have */
    ERR_INVALID,      /* well formed, but a value is not allowed */
    ERR_UNAUTHORIZED, /* who is asking is not proven */
    ERR_UNTIMELY,     /* the same, but only since the proof is over, or from the future */
    ERR_REVOKED,      /* who it is was proven, until the proof was revoked */
    ERR_FORBIDDEN,    /* proven, but not allowed */
    ERR_ANOTHER_USER, /* proven, but not the user that the request is meant for */
    ERR_NOT_FOUND,
    ERR_METHOD,      /* the resource exists, the method does not */
    ERR_CONFLICT,    /* contradicts what is stored */
    ERR_TOO_BIG,     /* over a limit of size */
    ERR_UNSUPPORTED, /* a type or algorithm that is not spoken here */
    ERR_TOO_MANY,    /* over a limit of rate or number */
    ERR_UNAVAILABLE, /* something we depend on is unreachable; worth trying again */
    ERR_NO_MEMORY,
    ERR_COUNT /* not an error: the number of values */
};

/* A short sentence without a full stop, never NULL, static storage. */
const char *err_text(enum err e);

#endif
