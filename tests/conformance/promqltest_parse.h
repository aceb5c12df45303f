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

#define MAX_BUCKETS 400

/* A native histogram that owns what it holds. */
struct own_native {
	struct sg_native h;
	struct sg_bucket pos[MAX_BUCKETS], neg[MAX_BUCKETS];
	double bounds[MAX_BUCKETS];
	bool hint_set;
};

enum point_kind { POINT_NONE, POINT_FLOAT, POINT_HIST };

struct point {
	enum point_kind kind;
	double v;
	struct own_native *n; /* owned */
};

struct points {
	size_t n, cap;
	struct point *p;
	bool bad; /* could not be read */
};

static inline void point_at_itself(struct own_native *n)
{
	n->h.pos = n->pos;
	n->h.neg = n->neg;
	n->h.bounds = n->bounds;
}

static inline struct own_native *native_copy(const struct own_native *from)
{
	struct own_native *n = malloc(sizeof(*n));

	if (!n)
		abort();
	*n = *from;
	point_at_itself(n);
	return n;
}

static inline void points_free(struct points *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		free(ps->p[i].n);
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
static inline const char *parse_list(const char *s, double *v, size_t *n)
{
	*n = 0;
	for (s = skip_blank(s + 1); *s && *s != ']'; s = skip_blank(s)) {
		const char *before = s;
		double x = parse_float(&s);

		if (s == before || *n == MAX_BUCKETS)
			break;
		v[(*n)++] = x;
	}
	return *s ? s + 1 : s;
}

static inline uint32_t set_buckets(struct sg_bucket *b, const double *v, size_t n, int offset)
{
	uint32_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i] != 0)
			b[k++] = (struct sg_bucket){offset + (int)i, v[i]};
	return k;
}

static inline bool is_key(const char *s, size_t n, const char *key)
{
	return strlen(key) == n && !strncmp(s, key, n);
}

static inline uint8_t parse_hint(const char *s)
{
	return !strncmp(s, "gauge", 5)	     ? SG_HINT_GAUGE
	       : !strncmp(s, "not_reset", 9) ? SG_HINT_NOT_RESET
	       : !strncmp(s, "reset", 5)     ? SG_HINT_RESET
					     : SG_HINT_UNKNOWN;
}

/* "{{schema:1 count:4 buckets:[1 2]}}" */
static inline const char *parse_native(const char *s, struct own_native *n)
{
	double pos[MAX_BUCKETS], neg[MAX_BUCKETS];
	size_t n_pos = 0, n_neg = 0, n_bounds = 0;
	int offset = 0, n_offset = 0;

	memset(n, 0, sizeof(*n));
	s += 2;
	while (*(s = skip_blank(s)) && strncmp(s, "}}", 2)) {
		size_t k = strcspn(s, ":}");
		const char *v = s + k + 1, *key = s;
		double x;

		if (s[k] != ':')
			break;
		if (is_key(key, k, "buckets")) {
			s = parse_list(v, pos, &n_pos);
			continue;
		}
		if (is_key(key, k, "n_buckets")) {
			s = parse_list(v, neg, &n_neg);
			continue;
		}
		if (is_key(key, k, "custom_values")) {
			s = parse_list(v, n->bounds, &n_bounds);
			continue;
		}
		if (is_key(key, k, "counter_reset_hint")) {
			n->h.hint = parse_hint(v);
			n->hint_set = true;
			s = v + strcspn(v, " }");
			continue;
		}
		x = parse_float(&v);
		s = v;
		if (is_key(key, k, "sum"))
			n->h.sum = x;
		else if (is_key(key, k, "count"))
			n->h.count = x;
		else if (is_key(key, k, "schema"))
			n->h.schema = (int8_t)x;
		else if (is_key(key, k, "offset"))
			offset = (int)x;
		else if (is_key(key, k, "n_offset"))
			n_offset = (int)x;
		else if (is_key(key, k, "z_bucket"))
			n->h.zero_count = x;
		else if (is_key(key, k, "z_bucket_w"))
			n->h.zero_threshold = x;
		else
			break;
	}
	n->h.n_pos = set_buckets(n->pos, pos, n_pos, offset);
	n->h.n_neg = set_buckets(n->neg, neg, n_neg, n_offset);
	n->h.n_bounds = (uint32_t)n_bounds;
	point_at_itself(n);
	return *s ? s + 2 : s;
}

static inline void add_bucket(struct sg_bucket *b, uint32_t *n, int32_t index, double count)
{
	uint32_t i = 0;

	while (i < *n && b[i].index < index)
		i++;
	if (i == *n || b[i].index != index) {
		if (*n == MAX_BUCKETS)
			abort();
		memmove(b + i + 1, b + i, (*n - i) * sizeof(*b));
		b[i] = (struct sg_bucket){index, 0};
		(*n)++;
	}
	b[i].count += count;
	if (b[i].count == 0) {
		(*n)--;
		memmove(b + i, b + i + 1, (*n - i) * sizeof(*b));
	}
}

/* Scripts add only what has the same layout, or a finer one. */
static inline void native_add(struct own_native *to, const struct own_native *by, double sign)
{
	int from = by->h.schema, schema = to->h.schema;
	bool reduce = from != schema && from != SG_SCHEMA_CUSTOM && schema != SG_SCHEMA_CUSTOM &&
		      from > schema;

	to->h.count += sign * by->h.count;
	to->h.sum += sign * by->h.sum;
	to->h.zero_count += sign * by->h.zero_count;
	for (uint32_t i = 0; i < by->h.n_pos; i++)
		add_bucket(to->pos, &to->h.n_pos,
			   reduce ? sg_schema_reduce(by->pos[i].index, from, schema)
				  : by->pos[i].index,
			   sign * by->pos[i].count);
	for (uint32_t i = 0; i < by->h.n_neg; i++)
		add_bucket(to->neg, &to->h.n_neg,
			   reduce ? sg_schema_reduce(by->neg[i].index, from, schema)
				  : by->neg[i].index,
			   sign * by->neg[i].count);
}

static inline void add_point(struct points *ps, const struct point *p)
{
	if (SG_GROW(ps->p, ps->cap, ps->n) < 0)
		abort();
	ps->p[ps->n] = *p;
	if (p->n)
		ps->p[ps->n].n = native_copy(p->n);
	ps->n++;
}

static inline double stale_nan(void)
{
	uint64_t bits = SG_STALE_BITS;
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline const char *parse_value(const char *s, struct point *p)
{
	*p = (struct point){0};
	if (!strncmp(s, "{{", 2)) {
		struct own_native *n = malloc(sizeof(*n));

		if (!n)
			abort();
		p->kind = POINT_HIST;
		p->n = n;
		return parse_native(s, n);
	}
	if (*s == '_')
		return s + 1;
	p->kind = POINT_FLOAT;
	if (!strncmp(s, "stale", 5)) {
		p->v = stale_nan();
		return s + 5;
	}
	p->v = parse_float(&s);
	return s;
}

/* "a+bxN": a, a+b, ... N times further. */
static inline void add_run(struct points *ps, const struct point *first, const struct point *step,
			   double sign, long times)
{
	struct point p = *first;

	if (first->n)
		p.n = native_copy(first->n);
	for (long i = 0; i <= times; i++) {
		add_point(ps, &p);
		p.v += sign * step->v;
		if (p.n && step->n)
			native_add(p.n, step->n, sign);
	}
	free(p.n);
}

static inline void parse_points(const char *s, struct points *ps)
{
	while (*(s = skip_blank(s)) && *s != '\n' && *s != '#') {
		struct point p, step = {0};
		double sign = 1;
		long times = 0;
		const char *before = s;

		s = parse_value(s, &p);
		ps->bad |= s == before;
		if (s == before)
			break;
		if ((*s == '+' || *s == '-') && p.kind != POINT_NONE) {
			sign = *s == '-' ? -1 : 1;
			s = parse_value(s + 1, &step);
		}
		if (*s == 'x') {
			char *end;

			times = strtol(s + 1, &end, 10);
			s = end;
			/* "_xN" is N of them, "axN" N further ones. */
			times -= p.kind == POINT_NONE;
		}
		add_run(ps, &p, &step, sign, times);
		free(p.n);
		free(step.n);
	}
}

#endif
