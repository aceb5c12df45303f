// SPDX-License-Identifier: GPL-2.0
/*
 * Influx line protocol: measurement[,tag=value...] field=value[,field=value...] [time].
 * Each field with a number is a gauge, measurement_field; a field named "value" is the
 * measurement itself.
 */
#include <string.h>

#include "point.h"

struct at {
	const char *p, *end;
};

struct part { /* without its escapes */
	char text[SG_LABEL_VALUE_MAX + 1];
	size_t n;
};

struct field {
	struct part key;
	enum ingest_reason why; /* INGEST_OK: it has a value */
	double value;
};

struct line {
	struct at start; /* of the whole line */
	struct part measurement;
	struct ingest_draft draft;
	struct at fields;
	int64_t t_ms;
};

static bool at_char(const struct at *a, char c)
{
	return a->p < a->end && *a->p == c;
}

/* Up to the first of the stops that is not escaped. False: too long. */
static bool take_part(struct at *a, const char *stops, struct part *part)
{
	bool fits = true;

	for (part->n = 0; a->p < a->end && !strchr(stops, *a->p); a->p++) {
		if (*a->p == '\\' && a->p + 1 < a->end && strchr(",= \\\"", a->p[1]))
			a->p++;
		if (part->n < sizeof(part->text))
			part->text[part->n++] = *a->p;
		else
			fits = false;
	}
	return fits;
}

static enum ingest_reason take_tags(struct at *a, struct ingest_draft *d)
{
	struct part key, value;

	while (at_char(a, ',')) {
		a->p++;
		if (!take_part(a, ",= \n", &key))
			return INGEST_LABEL;
		if (!at_char(a, '=') || !key.n)
			return INGEST_MALFORMED;
		a->p++;
		if (!take_part(a, ", \n", &value))
			return INGEST_LABEL;
		if (!ingest_draft_label(d, key.text, key.n, value.text, value.n))
			return INGEST_LABEL;
	}
	return INGEST_OK;
}

/* ---- fields ----------------------------------------------------------------------------- */

static bool skip_string(struct at *a)
{
	for (a->p++; a->p < a->end && *a->p != '"'; a->p++)
		if (*a->p == '\\' && a->p + 1 < a->end)
			a->p++;
	if (a->p == a->end)
		return false;
	a->p++;
	return true;
}

static bool is_word(const struct part *v, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == v->n && memcmp(*words, v->text, v->n) == 0)
			return true;
	return false;
}

static bool take_bool(const struct part *v, double *ret)
{
	static const char *const yes[] = {"t", "T", "true", "True", "TRUE", NULL};
	static const char *const no[] = {"f", "F", "false", "False", "FALSE", NULL};

	*ret = is_word(v, yes);
	return *ret > 0 || is_word(v, no);
}

/* 1.5, 12i, 12u, true. */
static bool take_number(const struct part *v, double *ret)
{
	char last = v->n ? v->text[v->n - 1] : '\0';
	int64_t whole;

	if (last != 'i' && last != 'u')
		return (v->n && strchr("0123456789.", last) && ingest_number(v->text, v->n, ret)) ||
		       take_bool(v, ret);
	if (!ingest_integer(v->text, v->n - 1, &whole) || (last == 'u' && *v->text == '-'))
		return false;
	*ret = (double)whole;
	return true;
}

/* False: from here on the line cannot be read. */
static bool take_field(struct at *a, struct field *f)
{
	struct part value;

	f->why = INGEST_OK;
	if (!take_part(a, ",= \n", &f->key))
		f->why = INGEST_NAME;
	if (!at_char(a, '=') || !f->key.n)
		return false;
	a->p++;
	if (at_char(a, '"')) {
		f->why = INGEST_UNSUPPORTED;
		return skip_string(a);
	}
	return take_part(a, ", \r\n", &value) && take_number(&value, &f->value);
}

static bool next_field(struct at *a)
{
	if (!at_char(a, ','))
		return false;
	a->p++;
	return true;
}

/* Reads over all fields: a line that is wrong at its end has not half happened. */
static bool check_fields(struct at *a)
{
	struct field f;

	do {
		if (!take_field(a, &f))
			return false;
	} while (next_field(a));
	return a->p == a->end || *a->p == ' ' || *a->p == '\n' || *a->p == '\r';
}

static bool take_time(const struct ingest_influx *s, struct at *a, int64_t *ret)
{
	const char *p;
	__int128 ns;
	int64_t v;

	while (at_char(a, ' '))
		a->p++;
	p = a->p;
	while (a->p < a->end && *a->p != '\n' && *a->p != '\r' && *a->p != ' ')
		a->p++;
	*ret = 0;
	if (a->p == p)
		return true;
	if (!ingest_integer(p, (size_t)(a->p - p), &v))
		return false;
	ns = (__int128)v * s->unit_ns;
	if (ns < 0 || ns / 1000000 > INT64_MAX)
		return false;
	*ret = (int64_t)(ns / 1000000);
	return true;
}

/* ---- a line ------------------------------------------------------------------------------- */

static bool at_end(struct at *a)
{
	while (a->p < a->end && (*a->p == ' ' || *a->p == '\r'))
		a->p++;
	return a->p == a->end || *a->p == '\n';
}

static enum ingest_reason take_head(const struct ingest_influx *s, struct at *a, struct line *l)
{
	enum ingest_reason why;

	if (!take_part(a, ", \n", &l->measurement))
		return INGEST_NAME;
	if (!l->measurement.n)
		return INGEST_MALFORMED;
	why = take_tags(a, &l->draft);
	if (why != INGEST_OK)
		return why;
	for (size_t i = 0; i < s->own.n; i++)
		if (!ingest_draft_own_label(&l->draft, s->own.labels[i].name,
					    s->own.labels[i].value))
			return INGEST_LABEL;
	if (!at_char(a, ' '))
		return INGEST_MALFORMED;
	while (at_char(a, ' '))
		a->p++;
	l->fields = *a;
	return check_fields(a) && take_time(s, a, &l->t_ms) && at_end(a) ? INGEST_OK
									 : INGEST_MALFORMED;
}

static bool name_of(struct line *l, const struct part *key)
{
	char name[2 * sizeof(key->text) + 1];
	size_t n = l->measurement.n;

	memcpy(name, l->measurement.text, n);
	if (key->n != 5 || memcmp(key->text, "value", 5) != 0) {
		name[n++] = '_';
		memcpy(name + n, key->text, key->n);
		n += key->n;
	}
	return ingest_draft_name(&l->draft, name, n);
}

static void put_fields(struct line *l, size_t len, const struct ingest_sink *sink)
{
	struct at a = l->fields;
	struct field f = {.value = 0};

	do {
		struct ingest_point p = {.series = &l->draft,
					 .op = INGEST_SET,
					 .rate_num = 1,
					 .rate_den = 1,
					 .t_ms = l->t_ms};

		if (!take_field(&a, &f))
			return;
		if (f.why == INGEST_OK && !name_of(l, &f.key))
			f.why = INGEST_NAME;
		p.value = f.value;
		if (f.why == INGEST_OK)
			sink->point(sink->ctx, &p, l->start.p, len);
		else
			sink->refused(sink->ctx, f.why, l->start.p, len);
	} while (next_field(&a));
}

size_t ingest_influx_one(const struct ingest_influx *s, const char *p, size_t n,
			 const struct ingest_sink *sink)
{
	struct line l = {.start = {p, p + n}};
	struct at a = l.start;
	enum ingest_reason why = INGEST_OK;
	const char *nl;
	size_t len;

	if (at_end(&a) || *a.p == '#') {
		nl = memchr(a.p, '\n', (size_t)(a.end - a.p));
		return nl ? (size_t)(nl + 1 - p) : n;
	}
	why = take_head(s, &a, &l);
	len = (size_t)(a.p - p);
	if (why == INGEST_OK) {
		put_fields(&l, len, sink);
		return len + (a.p < a.end);
	}
	nl = memchr(p, '\n', n); /* a quote that never ends spoils one line, not all */
	len = nl ? (size_t)(nl - p) : n;
	sink->refused(sink->ctx, why, p, len);
	return len + (nl != NULL);
}

void ingest_influx(const struct ingest_influx *s, const char *p, size_t n,
		   const struct ingest_sink *sink)
{
	while (n) {
		size_t used = ingest_influx_one(s, p, n, sink);

		p += used;
		n -= used;
	}
}
