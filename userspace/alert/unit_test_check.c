// SPDX-License-Identifier: GPL-2.0
// What a unit test expected, and what there is.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "eval.h"
#include "notation.h"
#include "unit_test.h"

/* ---- alerts ------------------------------------------------------------------------ */

static const char *alert_text(struct ut_run *r, const struct sg_series *labels,
			      const struct sg_series *annotations)
{
	sg_auto_buf b = {0};

	sg_buf_str(&b, "Labels:");
	sg_series_format(&b, labels);
	sg_buf_str(&b, " Annotations:");
	sg_series_format(&b, annotations);
	return b.err ? NULL : sg_arena_strdup(r->arena, b.data);
}

struct texts {
	size_t n;
	const char **v;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_text(struct ut_run *r, struct texts *ts, const char *text)
{
	/* A power of two is full. */
	if ((ts->n & (ts->n - 1)) == 0) {
		const char **more =
			sg_arena_alloc(r->arena, (ts->n ? ts->n * 2 : 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (ts->n)
			memcpy(more, ts->v, ts->n * sizeof(*more));
		ts->v = more;
	}
	ts->v[ts->n++] = text;
	return text ? 0 : -ENOMEM;
}

static int got_alerts(struct ut_run *r, const char *name, struct texts *ts)
{
	int k = 0;

	for (size_t g = 0; g < r->n_groups; g++)
		for (size_t i = 0; i < r->groups[g].g->n_rules; i++) {
			const struct sg_rule *rule = &r->groups[g].g->rules[i];
			struct sg_rule_status s;

			if (rule->kind != SG_RULE_ALERT || strcmp(rule->name, name) != 0)
				continue;
			sg_rules_eval_status(r->groups[g].eval, i, &s);
			for (size_t a = 0; k == 0 && a < s.n_alerts; a++) {
				struct sg_series notes;

				if (s.alerts[a]->state != SG_ALERT_FIRING)
					continue;
				if (!al_series_make(r->arena, "",
						    (struct sg_label *)s.alerts[a]->annotations,
						    s.alerts[a]->n_annotations, &notes))
					return -ENOMEM;
				k = add_text(r, ts, alert_text(r, &s.alerts[a]->labels, &notes));
			}
		}
	return k;
}

static int expected_alerts(struct ut_run *r, const struct ut_alert *a, struct texts *ts)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < a->n_expected; i++) {
		const struct ut_expected *e = &a->expected[i];
		struct sg_label *l = sg_arena_alloc(r->arena, (e->labels.n + 1) * sizeof(*l));
		struct sg_series labels, notes;
		size_t n = 0;

		if (!l)
			return -ENOMEM;
		for (size_t j = 0; j < e->labels.n; j++)
			if (strcmp(e->labels.v[j].name, "alertname") != 0)
				l[n++] = e->labels.v[j];
		l[n++] = (struct sg_label){"alertname", a->name};
		if (!al_series_make(r->arena, "", l, n, &labels) ||
		    !al_series_make(r->arena, "", e->annotations.v, e->annotations.n, &notes))
			return -ENOMEM;
		k = add_text(r, ts, alert_text(r, &labels, &notes));
	}
	return k;
}

static void put_texts(struct ut_run *r, const char *what, const struct texts *ts)
{
	sg_buf_printf(r->out, "        %s:[", what);
	for (size_t i = 0; i < ts->n; i++)
		sg_buf_printf(r->out, "\n            %zu:\n              %s", i, ts->v[i]);
	sg_buf_printf(r->out, "%s]%s\n", ts->n ? "\n            " : "", *what == 'e' ? "," : "");
}

static bool same_texts(struct texts *a, struct texts *b)
{
	if (a->n != b->n)
		return false;
	if (!a->n)
		return true;
	qsort(a->v, a->n, sizeof(*a->v), by_text);
	qsort(b->v, b->n, sizeof(*b->v), by_text);
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

int ut_check_alert(struct ut_run *r, const struct ut_test *t, const struct ut_alert *a)
{
	struct texts got = {0}, expected = {0};
	char time[64];
	int k = got_alerts(r, a->name, &got);

	if (k == 0)
		k = expected_alerts(r, a, &expected);
	if (k < 0 || same_texts(&expected, &got))
		return k;
	ut_fail(r, t);
	sg_buf_printf(r->out, "    alertname: %s, time: %s,\n", a->name,
		      sg_fmt_prom_duration(a->at_ms, time, sizeof(time)));
	put_texts(r, "exp", &expected);
	put_texts(r, "got", &got);
	return 0;
}

/* ---- expressions ------------------------------------------------------------------- */

static const char *sample_text(struct ut_run *r, const struct sg_series *s, double v,
			       const struct sg_native *hist)
{
	sg_auto_buf b = {0};

	sg_series_format(&b, s);
	if (!*s->name && !s->n_labels)
		sg_buf_str(&b, "{}");
	sg_buf_char(&b, ' ');
	if (hist)
		sg_buf_printf(&b, "{{count %.17g, sum %.17g}}", hist->count, hist->sum);
	else
		sg_fmt_float(&b, v);
	return b.err ? NULL : sg_arena_strdup(r->arena, b.data);
}

/* YAML's way of writing what is no ordinary number. */
static double number(const char *s)
{
	bool minus = s && *s == '-';

	if (!s)
		return 0;
	if (!strcasecmp(s + minus, ".inf") || !strcasecmp(s, "+.inf"))
		return minus ? -INFINITY : INFINITY;
	return !strcasecmp(s, ".nan") ? NAN : strtod(s, NULL);
}

static int expected_samples(struct ut_run *r, const struct ut_expr *e, struct texts *ts,
			    struct sg_error *err)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < e->n_samples; i++) {
		struct sg_series s;

		k = al_notation_series(e->samples[i].labels ? e->samples[i].labels : "{}", r->arena,
				       &s, err);
		if (k == 0)
			k = add_text(r, ts, sample_text(r, &s, number(e->samples[i].value), NULL));
	}
	return k;
}

static int got_samples(struct ut_run *r, const struct sg_value *v, struct texts *ts)
{
	static const struct sg_series none = {.name = ""};
	int k = 0;

	if (v->kind == SG_SCALAR)
		return add_text(r, ts, sample_text(r, &none, v->scalar.value, NULL));
	for (size_t i = 0; k == 0 && i < v->n; i++)
		k = add_text(r, ts,
			     sample_text(r, &v->series[i].series, v->series[i].points[0].value,
					 v->series[i].points[0].hist));
	return k;
}

int ut_check_expr(struct ut_run *r, const struct ut_test *t, const struct ut_expr *e)
{
	struct texts got = {0}, expected = {0};
	struct sg_error err = {""};
	struct sg_value v = {0};
	char time[64];
	int k = ut_ask(r, e->expr ? e->expr : "", e->at_ms, r->arena, &v, &err);

	if (k == 0 && v.kind != SG_VECTOR && v.kind != SG_SCALAR)
		k = sg_fail(&err, -EINVAL, "rule result is not a vector or scalar");
	if (k == 0)
		k = expected_samples(r, e, &expected, &err);
	if (k == 0)
		k = got_samples(r, &v, &got);
	if (k == 0 && same_texts(&expected, &got))
		return 0;
	ut_fail(r, t);
	sg_buf_printf(r->out, "    expr: \"%s\", time: %s,\n", e->expr ? e->expr : "",
		      sg_fmt_prom_duration(e->at_ms, time, sizeof(time)));
	if (k < 0) {
		sg_buf_printf(r->out, "        err: %s\n", err.msg[0] ? err.msg : strerror(-k));
		return k == -ENOMEM ? k : 0;
	}
	put_texts(r, "exp", &expected);
	put_texts(r, "got", &got);
	return 0;
}
