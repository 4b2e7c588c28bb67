/* SPDX-License-Identifier: MIT */
/* routes.h - the table of all endpoints: method, path, who may call and with a key for what, which
 * share of the program a call takes, how big its body may be. */
#ifndef DOORBELL_FCGI_APP_ENDPOINTS_ROUTES_H
#define DOORBELL_FCGI_APP_ENDPOINTS_ROUTES_H

#include <stddef.h>

#include "fcgi-app/http/route.h"

enum { ROUTES_BODY_MAX = 8 * 1024 * 1024 };

const struct route *routes_all(size_t *count);

#endif
