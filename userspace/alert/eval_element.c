// SPDX-License-Identifier: GPL-2.0
// A rule's expression at one moment, as the alerts or series that come of it.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "eval.h"
#include "template.h"

#define SELECTORS_MAX 32

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sg_label *)a)->name, ((const struct sg_label *)b)->name);
}

bool al_series_make(struct sg_arena *a, const char *name, struct sg_label *l, size_t n,
		    struct sg_series *ret)
{
	struct sg_label *copy = sg_arena_alloc(a, (n + 1) * sizeof(*copy));
	size_t k = 0;

	if (!copy)
		return false;
	for (size_t i = 0; i < n; i++)
		if (*l[i].value)
			copy[k++] = l[i];
	qsort(copy, k, sizeof(*copy), by_name);
	*ret = (struct sg_series){.name = name,
				  .type = SG_GAUGE,
				  .n_labels = (uint16_t)k,
				  .labels = copy,
				  .hash = sg_series_hash(name, copy, k)};
	return true;
}

static int no_memory(struct al_pass *p)
{
	return sg_fail(&p->err, -ENOMEM, "out of memory");
}

static int run_query(struct al_pass *p, const char *expr, struct sg_value *v)
{
	return p->query->run(p->query->ctx, expr, p->t_ms - p->e->group->query_offset_ms,
			     p->e->arena, v, &p->err);
}

/* ---- templates --------------------------------------------------------------------- */

/* What cannot be expanded is shown as such: the alert itself is more important. */
static const char *expand(struct al_pass *p, const struct sg_rule_label *l,
			  const struct al_tmpl_data *data)
{
	struct sg_buf b = {0};
	struct sg_error err = {""};
	const char *s;
	int r;

	if (!l->tmpl)
		return l->value;
	r = al_tmpl_run(l->tmpl, data, p->e->arena, &b, &err);
	if (r < 0) {
		sg_buf_reset(&b);
		sg_buf_printf(&b, "<error expanding template: %s>",
			      err.msg[0] ? err.msg : strerror(-r));
	}
	s = b.err ? NULL : sg_arena_strdup(p->e->arena, b.data ? b.data : "");
	sg_buf_free(&b);
	return s;
}

/* ---- labels ------------------------------------------------------------------------ */

struct builder {
	struct sg_label *l;
	size_t n;
};

static void set_label(struct builder *b, const char *name, const char *value)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->l[i].name, name)) {
			b->l[i].value = value;
			return;
		}
	b->l[b->n++] = (struct sg_label){name, value};
}

static int own_labels(struct al_pass *p, struct builder *b, const struct al_tmpl_data *data)
{
	const struct sg_rule_group *g = p->e->group;

	for (size_t i = 0; i < g->n_labels; i++)
		set_label(b, g->labels[i].name, g->labels[i].value);
	for (size_t i = 0; i < p->rule->n_labels; i++) {
		const char *value = expand(p, &p->rule->labels[i], data);

		if (!value)
			return no_memory(p);
		set_label(b, p->rule->labels[i].name, value);
	}
	if (p->rule->kind == SG_RULE_ALERT)
		set_label(b, "alertname", p->rule->name);
	return 0;
}

static int annotate(struct al_pass *p, struct al_element *e, const struct al_tmpl_data *data)
{
	struct sg_label *a = sg_arena_alloc(p->e->arena, (p->rule->n_annotations + 1) * sizeof(*a));

	if (!a)
		return no_memory(p);
	for (size_t i = 0; i < p->rule->n_annotations; i++) {
		a[i].name = p->rule->annotations[i].name;
		a[i].value = expand(p, &p->rule->annotations[i], data);
		if (!a[i].value)
			return no_memory(p);
	}
	qsort(a, p->rule->n_annotations, sizeof(*a), by_name);
	e->annotations = a;
	return 0;
}

static int build(struct al_pass *p, const struct sg_series *s, double v, struct al_element *e)
{
	const struct al_tmpl_data data = {.labels = s,
					  .value = v,
					  .external_labels = p->e->o.external_labels,
					  .external_url = p->e->o.external_url,
					  .now_ms = p->t_ms,
					  .query = p->query};
	size_t room = s->n_labels + p->e->group->n_labels + p->rule->n_labels + 1;
	struct builder b = {sg_arena_alloc(p->e->arena, room * sizeof(*b.l)), s->n_labels};
	bool record = p->rule->kind == SG_RULE_RECORD;

	if (!b.l)
		return no_memory(p);
	if (s->n_labels)
		memcpy(b.l, s->labels, s->n_labels * sizeof(*b.l));
	if (own_labels(p, &b, &data) < 0 ||
	    !al_series_make(p->e->arena, record ? p->rule->name : "", b.l, b.n, &e->labels))
		return no_memory(p);
	e->value = v;
	return record ? 0 : annotate(p, e, &data);
}

/* ---- results ----------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
	const struct al_element *const *x = a, *const *y = b;

	return ((*x)->labels.hash > (*y)->labels.hash) - ((*x)->labels.hash < (*y)->labels.hash);
}

static int check_unique(struct al_pass *p, const struct al_elements *es)
{
	const struct al_element **sorted =
		sg_arena_alloc(p->e->arena, (es->n + 1) * sizeof(*sorted));

	if (!sorted)
		return no_memory(p);
	for (size_t i = 0; i < es->n; i++)
		sorted[i] = &es->v[i];
	qsort(sorted, es->n, sizeof(*sorted), by_hash);
	for (size_t i = 1; i < es->n; i++)
		if (sg_series_equal(&sorted[i - 1]->labels, &sorted[i]->labels))
			return sg_fail(&p->err, -EEXIST,
				       "vector contains metrics with the same labelset after "
				       "applying %s labels",
				       p->rule->kind == SG_RULE_ALERT ? "alert" : "rule");
	return 0;
}

static int check_count(struct al_pass *p, size_t n)
{
	uint64_t limit = p->e->group->limit;

	if (limit && n > limit)
		return sg_fail(&p->err, -E2BIG, "exceeded limit of %llu with %zu %s",
			       (unsigned long long)limit, n,
			       p->rule->kind == SG_RULE_ALERT ? "alerts" : "series");
	if (n > SG_RULE_ALERTS_MAX)
		return sg_fail(&p->err, -E2BIG,
			       "%zu results are more than %d; narrow the rule, or aggregate", n,
			       SG_RULE_ALERTS_MAX);
	return 0;
}

static int ask(struct al_pass *p, const char *expr, struct al_elements *ret)
{
	static const struct sg_series none = {.name = ""};
	struct sg_value v = {0};
	int r = run_query(p, expr, &v);

	if (r < 0)
		return r;
	if (v.kind != SG_VECTOR && v.kind != SG_SCALAR)
		return sg_fail(&p->err, -EINVAL, "rule result is not a vector or scalar");
	ret->n = v.kind == SG_SCALAR ? 1 : v.n;
	r = check_count(p, ret->n);
	if (r < 0)
		return r;
	ret->v = sg_arena_zalloc(p->e->arena, (ret->n + 1) * sizeof(*ret->v));
	if (!ret->v)
		return no_memory(p);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		const struct sg_point *pt = v.kind == SG_SCALAR ? &v.scalar : v.series[i].points;

		ret->v[i].hist = pt->hist;
		r = build(p, v.kind == SG_SCALAR ? &none : &v.series[i].series,
			  pt->hist ? 0 : pt->value, &ret->v[i]);
	}
	return r;
}

int al_elements_ask(struct al_pass *p, struct al_elements *ret)
{
	int r = ask(p, p->rule->expr, ret);

	return r < 0 ? r : check_unique(p, ret);
}

int al_elements_stand_in(struct al_pass *p, enum sg_alert_health why, struct al_elements *ret)
{
	static const struct sg_series none = {.name = ""};

	ret->n = 1;
	ret->v = sg_arena_zalloc(p->e->arena, sizeof(*ret->v));
	if (!ret->v)
		return no_memory(p);
	ret->v->health = why;
	return build(p, &none, NAN, ret->v);
}

/* ---- what rule_options ask --------------------------------------------------------- */

static const char *count_of(struct al_pass *p, const struct sg_selector *sel)
{
	static const char *const ops[] = {"=", "!=", "=~", "!~"};
	sg_auto_buf b = {0};

	sg_buf_str(&b, "count({");
	for (size_t i = 0; i < sel->n; i++) {
		const struct sg_matcher *m = &sel->matchers[i];

		sg_buf_printf(&b, "%s%s%s\"", i ? "," : "", m->name, ops[m->op]);
		for (const char *c = m->value; *c; c++) {
			if (*c == '"' || *c == '\\')
				sg_buf_char(&b, '\\');
			if (*c == '\n')
				sg_buf_str(&b, "\\n");
			else
				sg_buf_char(&b, *c);
		}
		sg_buf_char(&b, '"');
	}
	sg_buf_str(&b, "})");
	return b.err ? NULL : sg_arena_strdup(p->e->arena, b.data);
}

static int finds_nothing(struct al_pass *p, const struct sg_selector *sel)
{
	const char *expr = count_of(p, sel);
	struct sg_value v = {0};
	int r = expr ? run_query(p, expr, &v) : no_memory(p);

	return r < 0 ? r : v.n == 0;
}

int al_no_data(struct al_pass *p)
{
	struct sg_selector sels[SELECTORS_MAX];
	size_t n = 0;
	int r = sg_query_selectors(p->rule->expr, p->e->arena, sels, SELECTORS_MAX, &n, &p->err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = finds_nothing(p, &sels[i]);
	for (size_t i = 0; i < n; i++)
		sg_selector_release(&sels[i]);
	return r;
}

static int element_by_hash(const void *a, const void *b)
{
	const struct al_element *x = a, *y = b;

	return (x->labels.hash > y->labels.hash) - (x->labels.hash < y->labels.hash);
}

int al_recovered(struct al_pass *p, struct al_elements *ret)
{
	int r = ask(p, p->rule->recover_expr, ret);

	if (r == 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), element_by_hash);
	return r;
}

bool al_elements_have(const struct al_elements *sorted, const struct sg_series *labels)
{
	struct al_element key = {.labels = *labels};
	const struct al_element *found =
		sorted->n ? bsearch(&key, sorted->v, sorted->n, sizeof(key), element_by_hash)
			  : NULL;

	return found && sg_series_equal(&found->labels, labels);
}
