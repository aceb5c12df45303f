// SPDX-License-Identifier: GPL-2.0
#include "notation.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <sgprobe/query.h>

#include "eval.h"

#define BUCKETS_MAX 400

int al_notation_series(const char *text, struct sg_arena *a, struct sg_series *ret,
		       struct sg_error *err)
{
	struct sg_selector sel = {0};
	const char *name = "";
	struct sg_label *l;
	size_t n = 0;
	int r = strcmp(text, "{}") ? sg_query_selector(text, a, &sel, err) : 0;

	if (r < 0)
		return r;
	l = sg_arena_alloc(a, (sel.n + 1) * sizeof(*l));
	if (!l)
		return -ENOMEM;
	for (size_t i = 0; i < sel.n; i++) {
		if (sel.matchers[i].op != SG_MATCH_EQ)
			return sg_fail(err, -EINVAL, "%.100s: a series has labels with = only",
				       text);
		if (!strcmp(sel.matchers[i].name, "__name__"))
			name = sel.matchers[i].value;
		else
			l[n++] = (struct sg_label){sel.matchers[i].name, sel.matchers[i].value};
	}
	return al_series_make(a, name, l, n, ret) ? 0 : -ENOMEM;
}

/* ---- values ------------------------------------------------------------------------ */

enum kind { NOTHING, FLOAT, HIST };
struct value {
	enum kind kind;
	double v;
	struct sg_native h; /* pos is pos */
	struct sg_bucket pos[BUCKETS_MAX];
};

struct reading {
	const char *s;
	struct sg_error *err;
	struct al_mem *m;
	const struct sg_series *series;
	int64_t step_ms;
	size_t n;
};

static int bad(struct reading *r)
{
	return sg_fail(r->err, -EINVAL,
		       "cannot read the values at \"%.30s\"; write 1 2 3, 0+10x5, _x3 or stale",
		       r->s);
}

/* "0x5" is a zero five times, not a hexadecimal number. */
static int number(struct reading *r, double *v)
{
	char text[64], *end;
	size_t n = *r->s ? strcspn(r->s + 1, " \t\nx+-]}") + 1 : 0;

	if (n && (r->s[n] == '+' || r->s[n] == '-') && (r->s[n - 1] == 'e' || r->s[n - 1] == 'E'))
		n += 1 + strcspn(r->s + n + 1, " \t\nx+-]}");
	if (!n || n >= sizeof(text))
		return bad(r);
	memcpy(text, r->s, n);
	text[n] = '\0';
	*v = strtod(text, &end);
	if (end == text || *end)
		return bad(r);
	r->s += n;
	return 0;
}

static void skip_blank(struct reading *r)
{
	r->s += strspn(r->s, " \t\n");
}

static int buckets(struct reading *r, struct value *v)
{
	double count;
	int32_t index = 0;

	if (*r->s != '[')
		return bad(r);
	for (r->s++, skip_blank(r); *r->s != ']'; skip_blank(r), index++) {
		if (number(r, &count) < 0 || v->h.n_pos == BUCKETS_MAX)
			return bad(r);
		if (count != 0)
			v->pos[v->h.n_pos++] = (struct sg_bucket){index, count};
	}
	r->s++;
	return 0;
}

static int hist_field(struct reading *r, struct value *v, int *offset)
{
	static const char *const keys[] = {
		"schema:", "sum:", "count:", "offset:", "z_bucket:", "z_bucket_w:"};
	double *to[] = {NULL, &v->h.sum, &v->h.count, NULL, &v->h.zero_count, &v->h.zero_threshold};
	double x;

	if (!strncmp(r->s, "buckets:", 8)) {
		r->s += 8;
		return buckets(r, v);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strncmp(r->s, keys[i], strlen(keys[i])) != 0)
			continue;
		r->s += strlen(keys[i]);
		if (number(r, &x) < 0)
			return -EINVAL;
		if (to[i])
			*to[i] = x;
		else if (!(x >= -10000 && x <= 10000))
			return bad(r);
		else if (i == 0)
			v->h.schema =
				x < SG_SCHEMA_MIN || x > SG_SCHEMA_MAX ? SG_SCHEMA_OWN : (int8_t)x;
		else
			*offset = (int)x;
		return 0;
	}
	return bad(r);
}

static int hist(struct reading *r, struct value *v)
{
	int offset = 0, k = 0;

	v->kind = HIST;
	r->s += 2;
	for (skip_blank(r); k == 0 && strncmp(r->s, "}}", 2) != 0; skip_blank(r))
		k = hist_field(r, v, &offset);
	r->s += k == 0 ? 2 : 0;
	for (uint32_t i = 0; i < v->h.n_pos; i++)
		v->pos[i].index += offset;
	v->h.pos = v->pos;
	return k;
}

static int value(struct reading *r, struct value *v)
{
	uint64_t bits = SG_STALE_BITS;

	memset(v, 0, offsetof(struct value, pos));
	v->h.schema = 0;
	if (*r->s == '_') {
		r->s++;
		return 0;
	}
	if (!strncmp(r->s, "{{", 2))
		return hist(r, v);
	v->kind = FLOAT;
	if (strncmp(r->s, "stale", 5) != 0)
		return number(r, &v->v);
	memcpy(&v->v, &bits, sizeof(bits));
	r->s += 5;
	return 0;
}

static int add_one(struct reading *r, const struct value *v)
{
	int64_t t = (int64_t)r->n * r->step_ms;

	if (r->n++ >= AL_NOTATION_VALUES_MAX)
		return sg_fail(r->err, -E2BIG, "more than %d values of one series",
			       AL_NOTATION_VALUES_MAX);
	return v->kind == NOTHING
		       ? 0
		       : al_mem_add(r->m, r->series, t, v->v, v->kind == HIST ? &v->h : NULL);
}

/* Buckets of the step are those of the value, or fewer. */
static void add_step(struct value *v, const struct value *step, double sign)
{
	v->v += sign * step->v;
	v->h.count += sign * step->h.count;
	v->h.sum += sign * step->h.sum;
	v->h.zero_count += sign * step->h.zero_count;
	for (uint32_t i = 0, k = 0; i < step->h.n_pos; i++) {
		while (k < v->h.n_pos && v->pos[k].index < step->pos[i].index)
			k++;
		if (k < v->h.n_pos && v->pos[k].index == step->pos[i].index) {
			v->pos[k].count += sign * step->pos[i].count;
		} else if (v->h.n_pos < BUCKETS_MAX) {
			memmove(&v->pos[k + 1], &v->pos[k], (v->h.n_pos - k) * sizeof(*v->pos));
			v->pos[k] =
				(struct sg_bucket){step->pos[i].index, sign * step->pos[i].count};
			v->h.n_pos++;
		}
	}
}

static int repeat_count(struct reading *r, uint64_t *times)
{
	char text[16];
	size_t n = strspn(r->s, "0123456789");

	if (!n || n >= sizeof(text))
		return bad(r);
	memcpy(text, r->s, n);
	text[n] = '\0';
	r->s += n;
	return sg_parse_u64(text, 0, AL_NOTATION_VALUES_MAX, times) < 0 ? bad(r) : 0;
}

static int item(struct reading *r, struct value *v, struct value *step)
{
	double sign = 1;
	uint64_t times = 0;
	int k = value(r, v);

	memset(step, 0, offsetof(struct value, pos));
	if (k == 0 && v->kind != NOTHING && (*r->s == '+' || *r->s == '-')) {
		sign = *r->s++ == '-' ? -1 : 1;
		k = value(r, step);
		if (k == 0 && *r->s != 'x')
			return bad(r);
	}
	if (k == 0 && *r->s == 'x') {
		r->s++;
		k = repeat_count(r, &times);
		if (v->kind == NOTHING && times-- == 0)
			return k;
	}
	if (k == 0 && *r->s && !isspace((unsigned char)*r->s))
		return bad(r);
	for (uint64_t i = 0; i <= times && k == 0; i++) {
		k = add_one(r, v);
		add_step(v, step, sign);
	}
	return k;
}

int al_notation_values(const char *text, int64_t step_ms, struct al_mem *m,
		       const struct sg_series *s, struct sg_error *err)
{
	struct reading r = {text, err, m, s, step_ms, 0};
	struct value *v = malloc(2 * sizeof(*v));
	int k = v ? 0 : -ENOMEM;

	for (skip_blank(&r); k == 0 && *r.s; skip_blank(&r))
		k = item(&r, &v[0], &v[1]);
	free(v);
	return k;
}
