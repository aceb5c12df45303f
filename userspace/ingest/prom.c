// SPDX-License-Identifier: GPL-2.0
/*
 * Prometheus' text format 0.0.4, and what OpenMetrics 1.0 writes differently. One line at
 * a time; TYPE lines say what the following ones are.
 */
#include <math.h>
#include <string.h>

#include "point.h"

enum { UNTYPED, COUNTER, GAUGE, HISTOGRAM, SUMMARY };

static const struct {
	const char *name;
	int type;
} types[] = {
	{"counter", COUNTER},
	{"gauge", GAUGE},
	{"histogram", HISTOGRAM},
	{"summary", SUMMARY},
};

struct at {
	const char *p, *end;
};

struct sample {
	struct ingest_draft draft;
	char label[SG_LABEL_VALUE_MAX + 1]; /* a value without its escapes */
	size_t label_len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct at *a)
{
	while (a->p < a->end && is_blank(*a->p))
		a->p++;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == ':';
}

/* As long as it goes; none begins with a digit. */
static size_t take_name(struct at *a, const char **name)
{
	*name = a->p;
	if (a->p < a->end && *a->p >= '0' && *a->p <= '9')
		return 0;
	while (a->p < a->end && is_name_char(*a->p))
		a->p++;
	return (size_t)(a->p - *name);
}

static size_t take_word(struct at *a, const char **word)
{
	skip_blanks(a);
	*word = a->p;
	while (a->p < a->end && !is_blank(*a->p))
		a->p++;
	return (size_t)(a->p - *word);
}

/* ---- labels --------------------------------------------------------------------------- */

static bool accept(struct at *a, char c)
{
	skip_blanks(a);
	if (a->p >= a->end || *a->p != c)
		return false;
	a->p++;
	return true;
}

/* After the first quote, up to the second; what is too long is not kept, but read. */
static bool take_quoted(struct at *a, struct sample *s)
{
	for (s->label_len = 0; a->p < a->end && *a->p != '"'; a->p++) {
		char c = *a->p;

		if (c == '\\') {
			if (++a->p == a->end)
				return false;
			c = *a->p == 'n' ? '\n' : *a->p;
			if (c != '\n' && c != '\\' && c != '"')
				return false;
		}
		if (s->label_len < sizeof(s->label))
			s->label[s->label_len++] = c;
	}
	return accept(a, '"');
}

static enum ingest_reason take_label(struct at *a, struct sample *s)
{
	const char *name;
	size_t n;

	skip_blanks(a);
	n = take_name(a, &name);
	if (!n || memchr(name, ':', n) || !accept(a, '=') || !accept(a, '"') || !take_quoted(a, s))
		return INGEST_MALFORMED;
	return ingest_draft_label(&s->draft, name, n, s->label, s->label_len) ? INGEST_OK
									      : INGEST_LABEL;
}

static enum ingest_reason take_labels(struct at *a, struct sample *s)
{
	if (!accept(a, '{'))
		return INGEST_OK;
	while (!accept(a, '}')) {
		enum ingest_reason why = take_label(a, s);

		if (why != INGEST_OK)
			return why;
		if (accept(a, ','))
			continue;
		return accept(a, '}') ? INGEST_OK : INGEST_MALFORMED;
	}
	return INGEST_OK;
}

/* ---- comments --------------------------------------------------------------------------- */

static int type_of(const char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == n && memcmp(types[i].name, p, n) == 0)
			return types[i].type;
	return UNTYPED;
}

/* "# TYPE name type"; any other comment says nothing here. */
static void take_comment(struct ingest_prom *s, struct at a)
{
	const char *word, *name;
	size_t n;

	a.p++;
	n = take_word(&a, &word);
	if (n != 4 || memcmp(word, "TYPE", 4) != 0)
		return;
	n = take_word(&a, &name);
	if (n >= sizeof(s->family))
		n = 0;
	memcpy(s->family, name, n);
	s->family[n] = '\0';
	n = take_word(&a, &word);
	s->type = type_of(word, n);
}

/* ---- samples ---------------------------------------------------------------------------- */

static bool one_of(const char *suffix, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(suffix, *list) == 0)
			return true;
	return false;
}

/* Whether a name counts up, by what the TYPE line of its family said. */
static enum ingest_op op_of(const struct ingest_prom *s, const char *name)
{
	static const char *const counter[] = {"", "_total", NULL};
	static const char *const histogram[] = {"_bucket", "_count", "_sum", NULL};
	static const char *const summary[] = {"_count", "_sum", NULL};
	static const char *const *const up[] = {
		[COUNTER] = counter, [HISTOGRAM] = histogram, [SUMMARY] = summary};
	size_t n = strlen(s->family);

	if (s->type == UNTYPED || s->type == GAUGE || !n || strncmp(name, s->family, n) != 0)
		return INGEST_SET;
	return one_of(name + n, up[s->type]) ? INGEST_TOTAL : INGEST_SET;
}

/* Milliseconds, or seconds with a fraction in OpenMetrics; 0 is as none. */
static bool take_time(const struct ingest_prom *s, const char *p, size_t n, int64_t *ret)
{
	double seconds;

	if (!s->openmetrics)
		return ingest_integer(p, n, ret);
	if (!ingest_number(p, n, &seconds) || !(fabs(seconds) < 1e12))
		return false;
	*ret = (int64_t)floor(seconds * 1000 + 0.5);
	return true;
}

static bool add_own(const struct ingest_label_set *own, struct ingest_draft *d)
{
	for (size_t i = 0; i < own->n; i++)
		if (!ingest_draft_own_label(d, own->labels[i].name, own->labels[i].value))
			return false;
	return true;
}

static enum ingest_reason take_sample(struct ingest_prom *s, struct at *a, struct sample *sample,
				      struct ingest_point *p)
{
	const char *word;
	size_t n = take_name(a, &word);
	enum ingest_reason why;

	if (!n)
		return INGEST_MALFORMED;
	if (!ingest_draft_name(&sample->draft, word, n))
		return INGEST_NAME;
	why = take_labels(a, sample);
	if (why != INGEST_OK)
		return why;
	n = take_word(a, &word);
	if (!ingest_number(word, n, &p->value))
		return INGEST_MALFORMED;
	n = take_word(a, &word);
	if (n && *word != '#' && !take_time(s, word, n, &p->t_ms))
		return INGEST_MALFORMED;
	if (n && *word != '#')
		n = take_word(a, &word);
	if (n && *word != '#') /* an exemplar may follow, nothing else */
		return INGEST_MALFORMED;
	p->op = op_of(s, sample->draft.name);
	return add_own(&s->own, &sample->draft) ? INGEST_OK : INGEST_LABEL;
}

static void take_line(struct ingest_prom *s, const char *p, size_t n,
		      const struct ingest_sink *sink)
{
	struct sample sample;
	struct ingest_point point = {.series = &sample.draft, .rate_num = 1, .rate_den = 1};
	struct at a = {p, p + n};
	enum ingest_reason why;

	skip_blanks(&a);
	if (a.p == a.end)
		return;
	if (*a.p == '#') {
		take_comment(s, a);
		return;
	}
	ingest_draft_reset(&sample.draft);
	why = take_sample(s, &a, &sample, &point);
	if (why == INGEST_OK)
		sink->point(sink->ctx, &point, p, n);
	else
		sink->refused(sink->ctx, why, p, n);
}

void ingest_prom(struct ingest_prom *s, const char *p, size_t n, const struct ingest_sink *sink)
{
	const char *end = p + n;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);

		take_line(s, p, len && p[len - 1] == '\r' ? len - 1 : len, sink);
		p += len + (nl != NULL);
	}
}
