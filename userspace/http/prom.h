/* SPDX-License-Identifier: GPL-2.0 */
/* What the handlers of Prometheus' API share. */
#ifndef HTTP_PROM_H
#define HTTP_PROM_H

#include "route.h"

#define HTTP_CUT "results truncated due to limit" /* the warning, in Prometheus' words */

/* "limit"; 0: none. -EINVAL fills c->err. */
int http_param_limit(struct http_call *c, size_t *ret);
/* Returns r; says of an expression that cannot be parsed which parameter it was. */
int http_bad_param(struct http_call *c, const char *name, int r);

#endif
