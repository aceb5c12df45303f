// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sgprobe/str.h>

#include "params.h"
#include "request.h"

#define TIME_MAX_MS 253402300799999.0 /* the end of the year 9999 */

static int add_pair(struct http_params *ps, char *pair, struct sg_error *err)
{
	char *value = strchr(pair, '=');

	if (!*pair)
		return 0;
	if (ps->n == HTTP_PARAMS_MAX)
		return sg_fail(err, -EINVAL, "more than %d parameters", HTTP_PARAMS_MAX);
	if (value)
		*value++ = '\0';
	if (!http_url_decode(pair, true) || (value && !http_url_decode(value, true)))
		return sg_fail(err, -EINVAL, "a parameter is not valid percent-encoded UTF-8");
	ps->p[ps->n].name = pair;
	ps->p[ps->n++].value = value ? value : "";
	return 0;
}

int http_params_add(struct http_params *ps, const char *query, struct sg_arena *a,
		    struct sg_error *err)
{
	char *next = sg_arena_strdup(a, query);

	if (!next)
		return sg_fail(err, -ENOMEM, "out of memory");
	while (next) {
		char *pair = strsep(&next, "&");
		int r = add_pair(ps, pair, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int http_params_parse(struct http_params *ps, const char *query, struct sg_arena *a,
		      struct sg_error *err)
{
	ps->n = 0;
	return http_params_add(ps, query, a, err);
}

const char *http_param(const struct http_params *ps, const char *name)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!strcmp(ps->p[i].name, name))
			return ps->p[i].value;
	return NULL;
}

/* "Z" or "+01:30" at the end of an RFC 3339 time. */
static int parse_zone(const char *s, int64_t *ret_s)
{
	unsigned int h, m;
	int n = 0;

	if (!strcmp(s, "Z") || !strcmp(s, "z")) {
		*ret_s = 0;
		return 0;
	}
	if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2u:%2u%n", &h, &m, &n) != 2 || n != 5 ||
	    s[6] || h > 23 || m > 59)
		return -EINVAL;
	*ret_s = (*s == '-' ? -1 : 1) * (int64_t)(h * 3600 + m * 60);
	return 0;
}

static bool is_real_date(const struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1)
		return false;
	return tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60;
}

static int parse_rfc3339(const char *s, int64_t *ret_ms)
{
	struct tm tm = {0};
	double fraction = 0, scale = 0.1;
	int64_t zone;
	int n = 0;

	if (strlen(s) > 40 || strspn(s, "0123456789-") != 10 ||
	    sscanf(s, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 ||
	    n != 19)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!is_real_date(&tm))
		return -EINVAL;
	s += n;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
			fraction += (*s - '0') * scale;
	if (parse_zone(s, &zone) < 0)
		return -EINVAL;
	*ret_ms = ((int64_t)timegm(&tm) - zone) * 1000 + llround(fraction * 1000);
	return 0;
}

int http_parse_time(const char *s, int64_t *ret_ms)
{
	double v;

	if (sg_parse_number(s, &v) < 0)
		return parse_rfc3339(s, ret_ms);
	v *= 1000;
	if (v < 0 || v > TIME_MAX_MS)
		return -ERANGE;
	*ret_ms = llround(v);
	return 0;
}

int http_parse_step(const char *s, int64_t *ret_ms)
{
	uint64_t ns;
	double v;

	if (sg_parse_number(s, &v) < 0) {
		int r = sg_parse_duration(s, &ns);

		if (r < 0)
			return r;
		v = ns / 1e9;
	}
	v *= 1000;
	if (!(v >= 1) || v > TIME_MAX_MS)
		return -ERANGE;
	*ret_ms = llround(v);
	return 0;
}

int http_parse_ms(const char *s, int64_t *ret_ms)
{
	double v;

	if (strspn(s, "0123456789") != strlen(s) || sg_parse_number(s, &v) < 0)
		return -EINVAL;
	if (v > TIME_MAX_MS)
		return -ERANGE;
	*ret_ms = (int64_t)v;
	return 0;
}

/* As Prometheus ends the sentence. */
static const char *valid_what(http_parse_fn parse)
{
	return parse == http_parse_time	  ? " to a valid timestamp"
	       : parse == http_parse_step ? " to a valid duration"
					  : "";
}

int http_param_ms(const struct http_params *ps, const char *name, http_parse_fn parse,
		  bool required, int64_t *ret, struct sg_error *err)
{
	const char *s = http_param(ps, name);
	int64_t v;

	if ((!s || !*s) && !required)
		return 0;
	if (!s || parse(s, &v) < 0)
		return sg_fail(err, -EINVAL, "invalid parameter \"%s\": cannot parse \"%.64s\"%s",
			       name, s ? s : "", valid_what(parse));
	*ret = v;
	return 0;
}
