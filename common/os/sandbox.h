/* SPDX-License-Identifier: MIT */
/* sandbox.h - what a program that serves may no longer ask of the kernel, by a seccomp filter. */
#ifndef DOORBELL_COMMON_SANDBOX_H
#define DOORBELL_COMMON_SANDBOX_H

#include <stdbool.h>

#include "common/bytes/err.h"
#include "common/config/config.h"

/* For good, for this thread and those that it starts from now on: call it when listeners are open
 * and before there are threads. What is refused fails with EPERM. In builds with a sanitizer, whose
 * leak checker is a process that traces, nothing happens. On failure logs why and what to do, and
 * returns ERR_INVALID or ERR_NO_MEMORY. A relay that is one of several may_connect, to Redis. */
MUST_USE enum err sandbox_enter(enum program program, bool may_connect);

#endif
