// SPDX-License-Identifier: GPL-2.0
// The runner of templates.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "template.h"

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static int run_list(struct al_run *r, const struct al_node *n, const struct al_value *dot,
		    enum flow *flow);
static int eval_pipe(struct al_run *r, const struct al_pipe *p, const struct al_value *dot,
		     struct al_value *ret);
static int eval_operand(struct al_run *r, const struct al_operand *o, const struct al_value *dot,
			struct al_value *ret);

static int step(struct al_run *r)
{
	if (++r->steps > AL_TMPL_STEPS_MAX)
		return sg_fail(r->err, -E2BIG, "too many steps: it loops too often");
	return r->out->err;
}

/* ---- variables --------------------------------------------------------------------- */

static int push_var(struct al_run *r, const char *name, const struct al_value *v)
{
	if (r->n_vars == AL_TMPL_VARS_MAX)
		return sg_fail(r->err, -EINVAL, "too many variables");
	r->vars[r->n_vars].name = name;
	r->vars[r->n_vars++].value = *v;
	return 0;
}

static struct al_value *find_var(struct al_run *r, const char *name)
{
	for (size_t i = r->n_vars; i > 0; i--)
		if (!strcmp(r->vars[i - 1].name, name))
			return &r->vars[i - 1].value;
	return NULL;
}

static int set_var(struct al_run *r, const struct al_pipe *p, size_t i, const struct al_value *v)
{
	struct al_value *old = p->assigns ? find_var(r, p->vars[i]) : NULL;

	if (!old)
		return push_var(r, p->vars[i], v);
	*old = *v;
	return 0;
}

/* ---- fields ------------------------------------------------------------------------ */

static struct al_value labels_value(const struct sg_series *s)
{
	static const struct sg_series none = {.name = ""};

	return (struct al_value){.kind = AL_LABELS, .labels = s ? s : &none};
}

static bool root_field(const struct al_run *r, const char *name, struct al_value *ret)
{
	if (!strcmp(name, "Labels"))
		*ret = labels_value(r->data->labels);
	else if (!strcmp(name, "ExternalLabels"))
		*ret = labels_value(r->data->external_labels);
	else if (!strcmp(name, "ExternalURL"))
		*ret = (struct al_value){.kind = AL_STRING,
					 .s = r->data->external_url ? r->data->external_url : ""};
	else if (!strcmp(name, "Value"))
		*ret = (struct al_value){.kind = AL_FLOAT, .f = r->data->value};
	else
		return false;
	return true;
}

static bool arg_field(const struct al_value *v, const char *name, struct al_value *ret)
{
	uint64_t i;

	*ret = (struct al_value){AL_NIL};
	if (strncmp(name, "arg", 3) == 0 && sg_parse_u64(name + 3, 0, 99, &i) == 0 && i < v->list.n)
		*ret = v->list.v[i];
	return true;
}

static bool field(const struct al_run *r, const struct al_value *v, const char *name,
		  struct al_value *ret)
{
	switch (v->kind) {
	case AL_ROOT: return root_field(r, name, ret);
	case AL_ARGS: return arg_field(v, name, ret);
	case AL_LABELS:
		*ret = (struct al_value){.kind = AL_STRING, .s = al_label_value(v->labels, name)};
		return true;
	case AL_SAMPLE:
		if (!strcmp(name, "Labels"))
			*ret = labels_value(v->sample.labels);
		else
			*ret = (struct al_value){.kind = AL_FLOAT, .f = v->sample.value};
		return !strcmp(name, "Labels") || !strcmp(name, "Value");
	default: return false;
	}
}

static int eval_fields(struct al_run *r, const struct al_field *f, struct al_value *v)
{
	for (; f; f = f->next) {
		struct al_value in = *v;

		if (!field(r, &in, f->name, v))
			return sg_fail(r->err, -EINVAL, "can't evaluate field %.60s in type %s",
				       f->name, al_value_type(&in));
	}
	return 0;
}

/* ---- functions --------------------------------------------------------------------- */

/* and, or: what decides, without evaluating what comes after it. */
static int eval_lazy(struct al_run *r, const struct al_operand *first, const struct al_value *dot,
		     const struct al_value *last, struct al_value *ret)
{
	bool stop_at = first->func->name[0] == 'o';
	const struct al_operand *o = first->next;
	int k;

	if (!o && !last)
		return sg_fail(r->err, -EINVAL, "%s: wants an argument", first->func->name);
	for (; o; o = o->next) {
		k = eval_operand(r, o, dot, ret);
		if (k < 0 || al_value_true(ret) == stop_at)
			return k;
	}
	if (last)
		*ret = *last;
	return 0;
}

static int call(struct al_run *r, const struct al_operand *first, const struct al_value *dot,
		const struct al_value *last, struct al_value *ret)
{
	const struct al_func *f = first->func;
	struct al_value args[16];
	size_t n = 0;
	int k = 0;

	if (!f->run)
		return eval_lazy(r, first, dot, last, ret);
	for (const struct al_operand *o = first->next; o && k == 0; o = o->next) {
		if (n == ARRAY_SIZE(args) - 1)
			return sg_fail(r->err, -EINVAL, "%s: too many arguments", f->name);
		k = eval_operand(r, o, dot, &args[n++]);
	}
	if (k < 0)
		return k;
	if (last)
		args[n++] = *last;
	if (n < f->min || n > f->max)
		return sg_fail(r->err, -EINVAL, "wrong number of args for %s: want %u%s, got %zu",
			       f->name, f->min, f->max > f->min ? " or more" : "", n);
	return f->run(r, args, n, ret);
}

/* ---- pipelines --------------------------------------------------------------------- */

static int eval_var(struct al_run *r, const char *name, struct al_value *ret)
{
	const struct al_value *v = find_var(r, name);

	if (!v)
		return sg_fail(r->err, -EINVAL, "undefined variable %.60s", name);
	*ret = *v;
	return 0;
}

static int eval_operand(struct al_run *r, const struct al_operand *o, const struct al_value *dot,
			struct al_value *ret)
{
	int k = step(r);

	*ret = (struct al_value){AL_NIL};
	if (k < 0)
		return k;
	switch (o->kind) {
	case AL_OP_VALUE: *ret = o->value; break;
	case AL_OP_DOT: *ret = *dot; break;
	case AL_OP_VAR: k = eval_var(r, o->name, ret); break;
	case AL_OP_FUNC: {
		struct al_operand alone = *o;

		alone.next = NULL;
		k = call(r, &alone, dot, NULL, ret);
		break;
	}
	case AL_OP_PIPE: k = eval_pipe(r, o->pipe, dot, ret); break;
	}
	return k < 0 ? k : eval_fields(r, o->fields, ret);
}

static int eval_pipe(struct al_run *r, const struct al_pipe *p, const struct al_value *dot,
		     struct al_value *ret)
{
	const struct al_value *last = NULL;
	struct al_value before;
	int k = step(r);

	for (const struct al_command *c = p->first; c && k == 0; c = c->next) {
		if (c->first->kind == AL_OP_FUNC)
			k = call(r, c->first, dot, last, ret);
		else
			k = eval_operand(r, c->first, dot, ret);
		before = *ret;
		last = &before;
	}
	return k;
}

/* ---- actions ----------------------------------------------------------------------- */

static int run_action(struct al_run *r, const struct al_node *n, const struct al_value *dot)
{
	struct al_value v;
	int k = eval_pipe(r, n->pipe, dot, &v);

	if (k < 0)
		return k;
	if (n->pipe->n_vars)
		return set_var(r, n->pipe, 0, &v);
	al_value_text(r->out, &v);
	return r->out->err;
}

static int run_branch(struct al_run *r, const struct al_node *n, const struct al_value *dot,
		      enum flow *flow)
{
	size_t vars = r->n_vars;
	struct al_value v;
	int k = eval_pipe(r, n->pipe, dot, &v);

	if (k == 0 && n->pipe->n_vars)
		k = set_var(r, n->pipe, 0, &v);
	if (k == 0 && al_value_true(&v))
		k = run_list(r, n->body, n->kind == AL_NODE_WITH ? &v : dot, flow);
	else if (k == 0)
		k = run_list(r, n->other, dot, flow);
	r->n_vars = vars;
	return k;
}

/* The i-th of what is ranged over; false: there is none. */
static bool range_item(const struct al_value *v, size_t i, struct al_value *key,
		       struct al_value *item)
{
	*key = (struct al_value){.kind = AL_INT, .i = (int64_t)i};
	if (v->kind == AL_LIST && i < v->list.n) {
		*item = v->list.v[i];
		return true;
	}
	if (v->kind == AL_LABELS && i < v->labels->n_labels) {
		*key = (struct al_value){.kind = AL_STRING, .s = v->labels->labels[i].name};
		*item = (struct al_value){.kind = AL_STRING, .s = v->labels->labels[i].value};
		return true;
	}
	return false;
}

static int run_item(struct al_run *r, const struct al_node *n, const struct al_value *key,
		    const struct al_value *item, enum flow *flow)
{
	const struct al_pipe *p = n->pipe;
	size_t vars = r->n_vars;
	int k = step(r);

	if (k == 0 && p->n_vars == 2)
		k = set_var(r, p, 0, key);
	if (k == 0 && p->n_vars)
		k = set_var(r, p, p->n_vars - 1, item);
	if (k == 0)
		k = run_list(r, n->body, item, flow);
	r->n_vars = vars;
	return k;
}

static int run_range(struct al_run *r, const struct al_node *n, const struct al_value *dot)
{
	struct al_value v = {AL_NIL}, key, item;
	enum flow flow = FLOW_ON;
	size_t i = 0;
	int k = eval_pipe(r, n->pipe, dot, &v);

	if (k < 0)
		return k;
	if (v.kind != AL_LIST && v.kind != AL_LABELS && v.kind != AL_NIL)
		return sg_fail(r->err, -EINVAL, "range can't iterate over a %s", al_value_type(&v));
	for (; k == 0 && flow != FLOW_BREAK && range_item(&v, i, &key, &item); i++) {
		flow = FLOW_ON;
		k = run_item(r, n, &key, &item, &flow);
	}
	flow = FLOW_ON;
	return k < 0 || i ? k : run_list(r, n->other, dot, &flow);
}

static int run_node(struct al_run *r, const struct al_node *n, const struct al_value *dot,
		    enum flow *flow)
{
	switch (n->kind) {
	case AL_NODE_TEXT: sg_buf_add(r->out, n->text, n->len); return r->out->err;
	case AL_NODE_ACTION: return run_action(r, n, dot);
	case AL_NODE_IF:
	case AL_NODE_WITH: return run_branch(r, n, dot, flow);
	case AL_NODE_RANGE: return run_range(r, n, dot);
	case AL_NODE_BREAK: *flow = FLOW_BREAK; return 0;
	case AL_NODE_CONTINUE: *flow = FLOW_CONTINUE; return 0;
	}
	return 0;
}

static int run_list(struct al_run *r, const struct al_node *n, const struct al_value *dot,
		    enum flow *flow)
{
	size_t vars = r->n_vars;
	int k = 0;

	for (; n && k == 0 && *flow == FLOW_ON; n = n->next) {
		k = step(r);
		if (k == 0)
			k = run_node(r, n, dot, flow);
	}
	r->n_vars = vars;
	return k;
}

const struct sg_series *al_labels_of(struct sg_arena *a, const struct sg_series *s)
{
	struct sg_label *l = sg_arena_alloc(a, (s->n_labels + 1UL) * sizeof(*l));
	struct sg_series *ret = sg_arena_alloc(a, sizeof(*ret));

	if (!l || !ret)
		return NULL;
	if (s->n_labels)
		memcpy(l, s->labels, s->n_labels * sizeof(*l));
	l[s->n_labels] = (struct sg_label){"__name__", s->name};
	return al_series_make(a, "", l, s->n_labels + 1UL, ret) ? ret : NULL;
}

static int predeclare(struct al_run *r, const struct al_value *root)
{
	static const char *const names[][2] = {{"$labels", "Labels"},
					       {"$externalLabels", "ExternalLabels"},
					       {"$externalURL", "ExternalURL"},
					       {"$value", "Value"}};
	struct al_value v;
	int k = push_var(r, "$", root);

	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(names); i++) {
		root_field(r, names[i][1], &v);
		k = push_var(r, names[i][0], &v);
	}
	return k;
}

int al_tmpl_run(const struct al_tmpl *t, const struct al_tmpl_data *d, struct sg_arena *arena,
		struct sg_buf *out, struct sg_error *err)
{
	struct al_tmpl_data data = *d;
	struct al_run r = {.data = &data, .arena = arena, .out = out, .err = err};
	struct al_value root = {.kind = AL_ROOT};
	enum flow flow = FLOW_ON;
	size_t max = out->max;
	int k;

	data.labels = al_labels_of(arena, d->labels);
	k = data.labels ? predeclare(&r, &root) : -ENOMEM;

	out->max = out->len + AL_TMPL_OUT_MAX;
	if (k == 0)
		k = run_list(&r, t->first, &root, &flow);
	if (k == -EMSGSIZE)
		sg_fail(err, k, "the text is longer than %u bytes", AL_TMPL_OUT_MAX);
	out->max = max;
	return k;
}
