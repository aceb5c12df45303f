// SPDX-License-Identifier: GPL-2.0
/* Which form an Accept header likes best (RFC 9110, 12.5.1). */
#include <string.h>
#include <strings.h>

#include <sgprobe/export.h>

#define PROTOBUF "application/vnd.google.protobuf"
#define MESSAGE "io.prometheus.client.MetricFamily"
#define RANGES_MAX 64 /* more are not looked at */

static const struct form {
	const char *type, *content_type;
	const char *param[2][2]; /* what it must say where it says it; the first two it must say */
	bool must;
} forms[] = {
	[SG_FORMAT_TEXT] = {"text/plain",
			    "text/plain; version=0.0.4; charset=utf-8",
			    {{"version", "0.0.4"}}},
	[SG_FORMAT_OPENMETRICS] = {"application/openmetrics-text",
				   "application/openmetrics-text; version=1.0.0; charset=utf-8",
				   {{"version", "1.0.0"}}},
	[SG_FORMAT_PROTOBUF] = {PROTOBUF,
				PROTOBUF "; proto=" MESSAGE "; encoding=delimited",
				{{"proto", MESSAGE}, {"encoding", "delimited"}},
				true},
};

const char *sg_format_type(enum sg_format f)
{
	return forms[f].content_type;
}

/* One range of the header: what it allows of the forms, and how much it is liked. */
struct range {
	const char *type;
	size_t type_len;
	const char *params, *end;
	int q; /* thousandths */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* The end of what a separator ends; within quotes it is none. */
static const char *until(const char *p, const char *end, char separator)
{
	bool quoted = false;

	for (; p < end && (quoted || *p != separator); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && quoted && p + 1 < end)
			p++;
	}
	return p;
}

struct text {
	const char *p;
	size_t n;
};

static bool is_text(struct text t, const char *s)
{
	return t.n == strlen(s) && !strncasecmp(t.p, s, t.n);
}

static struct text trimmed(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	while (end > p && is_blank(end[-1]))
		end--;
	return (struct text){p, end - p};
}

/* The next parameter of a range; false: there is none. */
static bool next_param(const char **p, const char *end, struct text *name, struct text *value)
{
	const char *stop, *eq;

	if (*p >= end)
		return false;
	stop = until(*p, end, ';');
	eq = memchr(*p, '=', stop - *p);
	*name = trimmed(*p, eq ? eq : stop);
	*value = eq ? trimmed(eq + 1, stop) : (struct text){"", 0};
	if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
		*value = (struct text){value->p + 1, value->n - 2};
	*p = stop + (stop < end);
	return true;
}

/* "0.75" in thousandths; what is no weight is 0, so that nobody gets what he may have refused. */
static int parse_q(struct text t)
{
	int q = 0, scale = 1000;

	if (!t.n || (*t.p != '0' && *t.p != '1') || (t.n > 1 && t.p[1] != '.') || t.n > 5)
		return 0;
	for (size_t i = 0; i < t.n; i++) {
		if (i == 1)
			continue;
		if (t.p[i] < '0' || t.p[i] > '9')
			return 0;
		q += (t.p[i] - '0') * scale;
		scale /= 10;
	}
	return SG_MIN(q, 1000);
}

static void read_range(const char *p, const char *end, struct range *r)
{
	const char *stop = until(p, end, ';');
	struct text type = trimmed(p, stop), name, value;

	*r = (struct range){type.p, type.n, stop + (stop < end), end, 1000};
	p = r->params;
	while (next_param(&p, end, &name, &value))
		if (is_text(name, "q"))
			r->q = parse_q(value);
}

/* Whether the range allows a form. A parameter that a form has must be its own; others say nothing. */
static bool params_fit(const struct range *r, const struct form *f)
{
	const char *p = r->params;
	struct text name, value;
	size_t said = 0, must = 0;

	for (size_t i = 0; i < ARRAY_SIZE(f->param); i++)
		must += f->must && f->param[i][0];
	while (next_param(&p, r->end, &name, &value)) {
		for (size_t i = 0; i < ARRAY_SIZE(f->param); i++) {
			if (!f->param[i][0] || !is_text(name, f->param[i][0]))
				continue;
			if (!is_text(value, f->param[i][1]))
				return false;
			said++;
		}
	}
	return said >= must;
}

/* How well a range names a form: 0 not at all, 1 by any type, 2 by the first half, 3 whole. */
static int specificity(const struct range *r, const struct form *f)
{
	struct text type = {r->type, r->type_len};
	size_t half = strcspn(f->type, "/") + 1;

	if (is_text(type, "*/*"))
		return 1;
	if (type.n == half + 1 && !strncasecmp(type.p, f->type, half) && type.p[half] == '*')
		return f->must ? 0 : 2;
	return is_text(type, f->type) && params_fit(r, f) ? 3 : 0;
}

struct liking {
	int q, specific;
	size_t place;
};

/* A form's weight is that of the range that names it best, not that of the highest. */
static void weigh(const struct range *r, size_t place, struct liking *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		int s = specificity(r, &forms[i]);

		if (s == 1 && i != SG_FORMAT_TEXT)
			continue; /* who takes anything gets what everybody can read */
		if (s > l[i].specific || (s && s == l[i].specific && r->q > l[i].q))
			l[i] = (struct liking){r->q, s, place};
	}
}

static bool is_better(const struct liking *a, const struct liking *b)
{
	if (a->q != b->q)
		return a->q > b->q;
	if (a->specific != b->specific)
		return a->specific > b->specific;
	return a->place < b->place;
}

enum sg_format sg_format_negotiate(const char *accept)
{
	struct liking l[ARRAY_SIZE(forms)] = {0}, none = {0};
	const char *p = accept ? accept : "", *end = p + strlen(p);
	enum sg_format best = SG_FORMAT_TEXT;
	struct range r;

	for (size_t i = 0; p < end && i < RANGES_MAX; i++) {
		const char *stop = until(p, end, ',');

		read_range(p, stop, &r);
		weigh(&r, i, l);
		p = stop + (stop < end);
	}
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (l[i].q && is_better(&l[i], l[best].q ? &l[best] : &none))
			best = i;
	return best;
}
