/* SPDX-License-Identifier: GPL-2.0 */
/* Parsing of series, points and durations of the script language. */
#ifndef TESTS_PROMQLTEST_PARSE_H
#define TESTS_PROMQLTEST_PARSE_H

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/query.h>

enum point_kind { POINT_NONE, POINT_FLOAT, POINT_HIST };

struct point {
	enum point_kind kind;
	double v;
	struct sg_hist h; /* owned */
	int schema;
	bool gauge;
};

struct points {
	size_t n, cap;
	struct point *p;
	bool gauge; /* some histogram is marked as a gauge, which ours never are */
	bool odd; /* holds what our histograms cannot: zero, negative or custom buckets, stale */
};

static inline void points_free(struct points *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		sg_hist_free(&ps->p[i].h);
	free(ps->p);
	*ps = (struct points){0};
}

static inline const char *skip_blank(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* "1m30s", "50", "-5m": milliseconds. */
static inline bool parse_ms(const char **s, int64_t *ms)
{
	static const struct {
		const char *u;
		double ms;
	} units[] = {{"ms", 1},	      {"s", 1000},	{"m", 60000},	    {"h", 3600000},
		     {"d", 86400000}, {"w", 604800000}, {"y", 31536000000.}};
	bool minus = **s == '-';
	double total = 0;
	const char *p = *s + minus;

	if (!isdigit((unsigned char)*p) && *p != '.')
		return false;
	while (isdigit((unsigned char)*p) || *p == '.') {
		char *end;
		double v = strtod(p, &end), unit = 1000;
		size_t len = 0;

		for (size_t i = 0; i < ARRAY_SIZE(units) && !len; i++)
			if (!strncmp(end, units[i].u, strlen(units[i].u))) {
				unit = units[i].ms;
				len = strlen(units[i].u);
			}
		total += v * unit;
		p = end + len;
	}
	*ms = (int64_t)llround(minus ? -total : total);
	*s = p;
	return true;
}

/* Length of the series description at s. */
static inline size_t metric_length(const char *s)
{
	size_t n = 0;
	bool in_braces = false;
	char quote = 0;

	for (; s[n]; n++) {
		if (quote) {
			if (s[n] == '\\' && s[n + 1])
				n++;
			else if (s[n] == quote)
				quote = 0;
		} else if (in_braces && (s[n] == '"' || s[n] == '\'')) {
			quote = s[n];
		} else if (s[n] == '{') {
			in_braces = true;
		} else if (s[n] == '}') {
			return n + 1;
		} else if (!in_braces && isspace((unsigned char)s[n])) {
			break;
		}
	}
	return n;
}

/* A series description; labels and strings are in the arena. */
static inline int parse_metric(const char *s, size_t n, struct sg_arena *a, struct sg_series *ret)
{
	struct sg_label *l = sg_arena_alloc(a, SG_LABELS_MAX * sizeof(*l));
	char *text = sg_arena_strndup(a, s, n);
	struct sg_selector sel = {0};
	struct sg_error err;
	const char *name = "";
	size_t k = 0;

	if (strcmp(text, "{}") && sg_query_selector(text, a, &sel, &err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sel.n; i++) {
		if (!strcmp(sel.matchers[i].name, "__name__"))
			name = sel.matchers[i].value;
		else if (*sel.matchers[i].value && k < SG_LABELS_MAX)
			l[k++] = (struct sg_label){sel.matchers[i].name, sel.matchers[i].value};
	}
	for (size_t i = 1; i < k; i++)
		for (size_t j = i; j && strcmp(l[j - 1].name, l[j].name) > 0; j--) {
			struct sg_label t = l[j];

			l[j] = l[j - 1];
			l[j - 1] = t;
		}
	*ret = (struct sg_series){.name = name,
				  .type = SG_GAUGE,
				  .n_labels = (uint16_t)k,
				  .labels = l,
				  .hash = sg_series_hash(name, l, k)};
	return 0;
}

/* ---- points ---------------------------------------------------------------------------- */

/* "0x100" is 0 a hundred times, not 256. */
static inline double parse_float(const char **s)
{
	char text[64];
	size_t n = strcspn(*s, "x \t]}");
	char *end;
	double v;

	snprintf(text, sizeof(text), "%.*s", (int)SG_MIN(n, sizeof(text) - 1), *s);
	v = strtod(text, &end);
	*s += end - text;
	return v;
}

/* "[1 2 3]" */
static inline const char *parse_buckets(const char *s, int offset, bool keep, struct sg_hist *h,
					bool *odd)
{
	if (*s != '[')
		return s;
	for (s = skip_blank(s + 1); *s && *s != ']'; s = skip_blank(s)) {
		const char *before = s;
		double v = parse_float(&s);

		if (s == before)
			break;
		if (keep && v != 0)
			sg_hist_add_bucket(h, offset, v);
		else if (!keep && v != 0)
			*odd = true;
		offset++;
	}
	return *s ? s + 1 : s;
}

static inline bool is_key(const char *s, size_t n, const char *key)
{
	return strlen(key) == n && !strncmp(s, key, n);
}

/* "{{schema:1 count:4 buckets:[1 2]}}"; *odd is set for what is not positive exponential. */
static inline const char *parse_hist(const char *s, struct point *p, bool *odd)
{
	const char *buckets = NULL;
	int offset = 0;

	p->kind = POINT_HIST;
	s += 2;
	while (*(s = skip_blank(s)) && strncmp(s, "}}", 2)) {
		size_t n = strcspn(s, ":}");
		const char *v = s + n + 1;

		if (s[n] != ':')
			break;
		if (is_key(s, n, "buckets")) {
			buckets = v;
			s = strchr(v, ']') ? strchr(v, ']') + 1 : v;
		} else if (*v == '[') {
			s = parse_buckets(v, 0, false, &p->h, odd);
		} else if (is_key(s, n, "counter_reset_hint")) {
			p->gauge = !strncmp(v, "gauge", 5);
			s = v + strcspn(v, " }");
		} else {
			double x = parse_float(&v);

			if (is_key(s, n, "sum"))
				p->h.sum = x;
			else if (is_key(s, n, "count"))
				p->h.count = x;
			else if (is_key(s, n, "schema"))
				p->schema = (int)x;
			else if (is_key(s, n, "offset"))
				offset = (int)x;
			else if (is_key(s, n, "z_bucket") && x != 0)
				*odd = true;
			s = v;
		}
	}
	if (buckets)
		parse_buckets(buckets, offset, true, &p->h, odd);
	*odd |= p->schema < -4;
	return *s ? s + 2 : s;
}

static inline void add_point(struct points *ps, const struct point *p)
{
	if (SG_GROW(ps->p, ps->cap, ps->n) < 0)
		abort();
	ps->p[ps->n] = (struct point){.kind = p->kind, .v = p->v, .schema = p->schema};
	if (p->kind == POINT_HIST && sg_hist_copy(&ps->p[ps->n].h, &p->h) < 0)
		abort();
	ps->n++;
}

static inline const char *parse_value(const char *s, struct point *p, bool *odd)
{
	*p = (struct point){0};
	if (!strncmp(s, "{{", 2))
		return parse_hist(s, p, odd);
	if (*s == '_')
		return s + 1;
	if (!strncmp(s, "stale", 5)) {
		*odd = true;
		return s + 5;
	}
	p->kind = POINT_FLOAT;
	p->v = parse_float(&s);
	return s;
}

/* "a+bxN": a, a+b, ... N times further. */
static inline void add_run(struct points *ps, const struct point *first, const struct point *step,
			   double sign, long times)
{
	struct point p = *first;

	memset(&p.h, 0, sizeof(p.h));
	if (first->kind == POINT_HIST && sg_hist_copy(&p.h, &first->h) < 0)
		abort();
	for (long i = 0; i <= times; i++) {
		add_point(ps, &p);
		p.v += sign * step->v;
		if (first->kind == POINT_HIST && step->kind == POINT_HIST &&
		    (sign > 0 ? sg_hist_add(&p.h, &step->h) : sg_hist_sub(&p.h, &step->h)) < 0)
			abort();
	}
	sg_hist_free(&p.h);
}

static inline void parse_points(const char *s, struct points *ps)
{
	while (*(s = skip_blank(s)) && *s != '\n' && *s != '#') {
		struct point p, step = {0};
		double sign = 1;
		long times = 0;
		const char *before = s;

		s = parse_value(s, &p, &ps->odd);
		ps->gauge |= p.gauge;
		if (s == before)
			break;
		if ((*s == '+' || *s == '-') && p.kind != POINT_NONE) {
			sign = *s == '-' ? -1 : 1;
			s = parse_value(s + 1, &step, &ps->odd);
		}
		if (*s == 'x') {
			char *end;

			times = strtol(s + 1, &end, 10);
			s = end;
			/* "_xN" is N of them, "axN" N further ones. */
			times -= p.kind == POINT_NONE;
		}
		add_run(ps, &p, &step, sign, times);
		if (p.kind == POINT_HIST && ps->n && step.kind == POINT_HIST &&
		    step.schema != p.schema)
			ps->odd = true;
		sg_hist_free(&p.h);
		sg_hist_free(&step.h);
	}
}

#endif
