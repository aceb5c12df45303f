/* SPDX-License-Identifier: GPL-2.0 */
/* The parameters of a query string, decoded and bounded, and what they mean. */
#ifndef HTTP_PARAMS_H
#define HTTP_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/err.h>
#include <sgprobe/mem.h>

#define HTTP_PARAMS_MAX 32

struct http_params {
	size_t n;
	struct {
		const char *name, *value;
	} p[HTTP_PARAMS_MAX];
};

/* Decodes a query string or a form; the strings are in the arena. -EINVAL with a sentence: malformed or too many. */
int http_params_parse(struct http_params *ps, const char *query, struct sg_arena *a,
		      struct sg_error *err);
/* The same, behind those that are there. */
int http_params_add(struct http_params *ps, const char *query, struct sg_arena *a,
		    struct sg_error *err);
const char *http_param(const struct http_params *ps, const char *name); /* the first one, or NULL */

/* Unix seconds (fractions allowed) or RFC 3339, to milliseconds: "1700000000.5", "2023-11-14T22:13:20Z". */
int http_parse_time(const char *s, int64_t *ret_ms);
/* Seconds as a number ("15", "0.5") or a duration ("1m30s"), to milliseconds, at least 1. */
int http_parse_step(const char *s, int64_t *ret_ms);
/* Decimal integer of milliseconds, a sign allowed. */
int http_parse_ms(const char *s, int64_t *ret_ms);

/*
 * The same of a parameter: when it is absent or empty *ret stays as it is, or
 * -EINVAL when required. -EINVAL fills err as Prometheus words it.
 */
typedef int (*http_parse_fn)(const char *s, int64_t *ret_ms);
int http_param_ms(const struct http_params *ps, const char *name, http_parse_fn parse,
		  bool required, int64_t *ret, struct sg_error *err);

#endif
