// SPDX-License-Identifier: GPL-2.0
/*
 * StatsD and what Datadog added to it:
 *   name:value[:value...]|type[|@rate][|#tag:value,tag...][|Tseconds][|c:...][|e:...]
 * One a line.
 */
#include <math.h>
#include <string.h>

#include "point.h"

struct span {
	const char *p;
	size_t n;
};

struct line {
	struct span all, name, values, type;
	struct ingest_draft draft;
	struct ingest_point point;
};

static const struct type {
	const char *name;
	enum ingest_op op;
	const char *suffix;
	double scale;
} types[] = {
	{"c", INGEST_ADD, "_total", 1},
	{"g", INGEST_SET, "", 1},
	{"ms", INGEST_OBSERVE, "_seconds", 1000},
	{"h", INGEST_OBSERVE, "", 1},
	{"d", INGEST_OBSERVE, "", 1},
	{"s", INGEST_MEMBER, "", 1},
};

/* What stands before the next c, or all; the rest is behind it. */
static struct span cut(struct span *rest, char c)
{
	const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
	struct span head = {rest->p, at ? (size_t)(at - rest->p) : rest->n};

	rest->p += head.n + (at != NULL);
	rest->n -= head.n + (at != NULL);
	return head;
}

static bool begins(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* "0.25" as 25 / 100; above 0 and at most 1. */
static bool parse_rate(struct span s, struct ingest_point *p)
{
	uint64_t num = 0, den = 1;
	bool point = false, digit = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9' || num > INGEST_RATE_MAX)
			return false;
		digit = true;
		if (point && den == INGEST_RATE_MAX)
			continue;
		num = num * 10 + (uint64_t)(s.p[i] - '0');
		den *= point ? 10 : 1;
	}
	if (!digit || !num || num > den)
		return false;
	p->rate_num = num;
	p->rate_den = den;
	return true;
}

static enum ingest_reason parse_tags(struct span s, struct ingest_draft *d)
{
	while (s.n) {
		struct span value = cut(&s, ','), name = cut(&value, ':');

		if (!name.n)
			continue;
		if (value.p == name.p + name.n) /* no colon */
			value = (struct span){"true", 4};
		if (!ingest_draft_label(d, name.p, name.n, value.p, value.n))
			return INGEST_LABEL;
	}
	return INGEST_OK;
}

static bool parse_time(struct span s, struct ingest_point *p)
{
	int64_t seconds;

	if (!ingest_integer(s.p, s.n, &seconds) || seconds <= 0 || seconds > INT64_MAX / 1000)
		return false;
	p->t_ms = seconds * 1000;
	return true;
}

static enum ingest_reason parse_section(struct line *l, struct span s)
{
	struct span rest = {s.p + 1, s.n ? s.n - 1 : 0};

	if (begins(s, "@"))
		return parse_rate(rest, &l->point) ? INGEST_OK : INGEST_MALFORMED;
	if (begins(s, "#"))
		return parse_tags(rest, &l->draft);
	if (begins(s, "T"))
		return parse_time(rest, &l->point) ? INGEST_OK : INGEST_MALFORMED;
	/* Where it came from, for agents that ask the container runtime. */
	if (begins(s, "c:") || begins(s, "e:") || begins(s, "card:"))
		return INGEST_OK;
	return INGEST_MALFORMED;
}

static const struct type *find_type(struct span s)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (s.n == strlen(types[i].name) && begins(s, types[i].name))
			return &types[i];
	return NULL;
}

static enum ingest_reason parse_value(struct line *l, const struct type *t, struct span s)
{
	struct ingest_point *p = &l->point;

	if (t->op == INGEST_MEMBER) {
		p->member = sg_hash(s.p, s.n, 0);
		return s.n ? INGEST_OK : INGEST_MALFORMED;
	}
	if (!ingest_number(s.p, s.n, &p->value))
		return INGEST_MALFORMED;
	p->value /= t->scale;
	if (t->op == INGEST_SET)
		p->op = *s.p == '+' || *s.p == '-' ? INGEST_SHIFT : INGEST_SET;
	return INGEST_OK;
}

static enum ingest_reason parse_values(struct line *l, const struct type *t,
				       const struct ingest_sink *sink)
{
	struct span rest = l->values;

	do {
		struct span one = t->op == INGEST_MEMBER ? rest : cut(&rest, ':');
		enum ingest_reason why = parse_value(l, t, one);

		if (why != INGEST_OK)
			return why;
		sink->point(sink->ctx, &l->point, l->all.p, l->all.n);
	} while (t->op != INGEST_MEMBER && rest.n);
	return INGEST_OK;
}

static enum ingest_reason parse_line(struct line *l, const struct ingest_sink *sink)
{
	struct span rest = l->all;
	const struct type *t;

	if (begins(l->all, "_e{") || begins(l->all, "_sc|"))
		return INGEST_UNSUPPORTED;
	l->values = cut(&rest, '|');
	l->name = cut(&l->values, ':');
	l->type = cut(&rest, '|');
	t = find_type(l->type);
	if (!t || !l->values.n)
		return INGEST_MALFORMED;
	if (!ingest_draft_name(&l->draft, l->name.p, l->name.n) ||
	    !ingest_draft_suffix(&l->draft, t->suffix))
		return INGEST_NAME;
	l->point.op = t->op;
	while (rest.n) {
		enum ingest_reason why = parse_section(l, cut(&rest, '|'));

		if (why != INGEST_OK)
			return why;
	}
	return parse_values(l, t, sink);
}

void ingest_statsd(const char *p, size_t n, const struct ingest_sink *sink)
{
	struct span rest = {p, n};
	struct line l;

	while (rest.n) {
		enum ingest_reason why;

		l.all = cut(&rest, '\n');
		if (l.all.n && l.all.p[l.all.n - 1] == '\r')
			l.all.n--;
		if (!l.all.n)
			continue;
		ingest_draft_reset(&l.draft);
		l.point = (struct ingest_point){.series = &l.draft, .rate_num = 1, .rate_den = 1};
		why = parse_line(&l, sink);
		if (why != INGEST_OK)
			sink->refused(sink->ctx, why, l.all.p, l.all.n);
	}
}
