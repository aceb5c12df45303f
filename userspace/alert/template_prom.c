// SPDX-License-Identifier: GPL-2.0
// The functions that Prometheus adds to Go's templates.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/regex.h"
#include "query/label_regex.h"
#include "template.h"

#define PATTERN_MAX (SG_REGEX_PATTERN_MAX - 32)

static int string_arg(struct al_run *r, const struct al_value *v, const char *what)
{
	if (v->kind == AL_STRING)
		return 0;
	return sg_fail(r->err, -EINVAL, "%s: wrong type of argument; expected string; found %s",
		       what, al_value_type(v));
}

int al_to_float(struct al_run *r, const struct al_value *v, double *ret)
{
	char *end;

	switch (v->kind) {
	case AL_FLOAT: *ret = v->f; return 0;
	case AL_INT: *ret = (double)v->i; return 0;
	case AL_STRING:
		*ret = strtod(v->s, &end);
		if (end != v->s && !*end && !isspace((unsigned char)*v->s))
			return 0;
		return sg_fail(r->err, -EINVAL, "\"%.60s\" is not a number", v->s);
	default: return sg_fail(r->err, -EINVAL, "can't convert %s to float", al_value_type(v));
	}
}

static int fn_parse_duration(struct al_run *r, const struct al_value *args, size_t n,
			     struct al_value *ret)
{
	int64_t ms;

	if (string_arg(r, &args[0], "parseDuration") < 0)
		return -EINVAL;
	if (sg_prom_duration(args[0].s, &ms) < 0)
		return sg_fail(r->err, -EINVAL, "not a valid duration string: \"%.60s\"",
			       args[0].s);
	*ret = (struct al_value){.kind = AL_FLOAT, .f = (double)ms / 1000};
	return 0;
}

/* ---- text -------------------------------------------------------------------------- */

static int map_text(struct al_run *r, const struct al_value *v, const char *what,
		    int (*letter)(int), bool only_first, struct al_value *ret)
{
	bool start = true;
	char *s;

	if (string_arg(r, v, what) < 0)
		return -EINVAL;
	s = sg_arena_strdup(r->arena, v->s);
	if (!s)
		return -ENOMEM;
	*ret = (struct al_value){.kind = AL_STRING, .s = s};
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (!only_first || start)
			*s = c < 0x80 ? (char)letter(c) : *s;
		start = !(isalnum(c) || c == '_' || c == '\'' || c >= 0x80);
	}
	return 0;
}

static int fn_title(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	return map_text(r, &args[0], "title", toupper, true, ret);
}

static int fn_upper(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	return map_text(r, &args[0], "toUpper", toupper, false, ret);
}

static int fn_lower(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	return map_text(r, &args[0], "toLower", tolower, false, ret);
}

static int fn_match(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	sg_auto(sg_regex) re = NULL;
	char pattern[SG_REGEX_PATTERN_MAX + 32];
	struct sg_error why = {""};

	if (string_arg(r, &args[0], "match") < 0 || string_arg(r, &args[1], "match") < 0)
		return -EINVAL;
	if (strlen(args[0].s) > PATTERN_MAX)
		return sg_fail(r->err, -EINVAL, "match: the pattern is too long");
	snprintf(pattern, sizeof(pattern), ".*(?:%s).*", args[0].s);
	if (sg_regex_new(pattern, &re, &why) < 0)
		return sg_fail(r->err, -EINVAL, "match: %s", why.msg);
	*ret = (struct al_value){.kind = AL_BOOL, .b = sg_regex_match(re, args[1].s)};
	return 0;
}

static int fn_replace(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};
	struct pq_regex re;
	int k = 0;

	for (size_t i = 0; i < 3; i++)
		if (string_arg(r, &args[i], "reReplaceAll") < 0)
			return -EINVAL;
	if (strlen(args[0].s) > PATTERN_MAX)
		return sg_fail(r->err, -EINVAL, "reReplaceAll: the pattern is too long");
	k = pq_regex_compile_part(&re, args[0].s);
	if (k < 0)
		return sg_fail(r->err, k, "reReplaceAll: \"%.60s\" is no pattern that is supported",
			       args[0].s);
	pq_regex_replace_all(&re, args[2].s, args[1].s, &b);
	pq_regex_free(&re);
	return al_give(r, &b, ret);
}

static int fn_same(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	*ret = args[0];
	return string_arg(r, ret, "safeHtml");
}

static int fn_strip_port(struct al_run *r, const struct al_value *args, size_t n,
			 struct al_value *ret)
{
	const char *s = args[0].s, *end;

	if (string_arg(r, &args[0], "stripPort") < 0)
		return -EINVAL;
	*ret = args[0];
	if (*s == '[') {
		end = strstr(s, "]:");
		s += end ? 1 : 0;
	} else {
		end = strchr(s, ':');
		end = end && strchr(end + 1, ':') ? NULL : end;
	}
	if (end)
		ret->s = sg_arena_strndup(r->arena, s, (size_t)(end - s));
	return ret->s ? 0 : -ENOMEM;
}

static bool is_address(const char *s)
{
	return strspn(s, "0123456789.") == strlen(s) || strchr(s, ':');
}

/* "host.example.org:80" without the domain; addresses stay. */
static int fn_strip_domain(struct al_run *r, const struct al_value *args, size_t n,
			   struct al_value *ret)
{
	struct al_value host;
	const char *port, *s;
	int k = fn_strip_port(r, args, n, &host);

	if (k < 0)
		return k;
	*ret = args[0];
	if (is_address(host.s))
		return 0;
	port = args[0].s +
	       (strlen(host.s) < strlen(args[0].s) ? strlen(host.s) : strlen(args[0].s));
	s = sg_arena_printf(r->arena, "%.*s%s", (int)strcspn(host.s, "."), host.s, port);
	ret->s = s;
	return s ? 0 : -ENOMEM;
}

static int fn_external_url(struct al_run *r, const struct al_value *args, size_t n,
			   struct al_value *ret)
{
	*ret = (struct al_value){.kind = AL_STRING,
				 .s = r->data->external_url ? r->data->external_url : ""};
	return 0;
}

static int fn_path_prefix(struct al_run *r, const struct al_value *args, size_t n,
			  struct al_value *ret)
{
	const char *url = r->data->external_url ? r->data->external_url : "";
	const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

	*ret = (struct al_value){.kind = AL_STRING, .s = path ? path : ""};
	return 0;
}

static int link_to(struct al_run *r, const struct al_value *v, int tab, struct al_value *ret)
{
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	if (string_arg(r, v, "graphLink") < 0)
		return -EINVAL;
	sg_buf_str(&b, "/graph?g0.expr=");
	for (const char *s = v->s; *s; s++) {
		bool safe = isalnum((unsigned char)*s) || strchr("-_.~", *s);

		if (safe || *s == ' ')
			sg_buf_char(&b, safe ? *s : '+');
		else
			sg_buf_printf(&b, "%%%02X", (unsigned char)*s);
	}
	sg_buf_printf(&b, "&g0.tab=%d", tab);
	return al_give(r, &b, ret);
}

static int fn_graph_link(struct al_run *r, const struct al_value *args, size_t n,
			 struct al_value *ret)
{
	return link_to(r, &args[0], 0, ret);
}

static int fn_table_link(struct al_run *r, const struct al_value *args, size_t n,
			 struct al_value *ret)
{
	return link_to(r, &args[0], 1, ret);
}

/* ---- queries ----------------------------------------------------------------------- */

static int give_samples(struct al_run *r, const struct sg_value *v, struct al_value *ret)
{
	struct al_value *list = sg_arena_zalloc(r->arena, (v->n + 1) * sizeof(*list));
	static const struct sg_series none = {.name = ""};

	if (!list)
		return -ENOMEM;
	*ret = (struct al_value){.kind = AL_LIST, .list = {list, v->n}};
	if (v->kind == SG_SCALAR) {
		ret->list.n = 1;
		list[0].kind = AL_SAMPLE;
		list[0].sample.labels = &none;
		list[0].sample.value = v->scalar.value;
		return 0;
	}
	for (size_t i = 0; i < v->n; i++) {
		list[i].kind = AL_SAMPLE;
		list[i].sample.labels = al_labels_of(r->arena, &v->series[i].series);
		if (!list[i].sample.labels)
			return -ENOMEM;
		list[i].sample.value = v->series[i].points[0].value;
	}
	return 0;
}

static int fn_query(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	const struct sg_rule_query *q = r->data->query;
	struct sg_value v = {0};
	int k;

	if (string_arg(r, &args[0], "query") < 0)
		return -EINVAL;
	if (!q)
		return sg_fail(r->err, -EINVAL, "query: there is nothing to ask here");
	if (++r->queries > AL_TMPL_QUERIES_MAX)
		return sg_fail(r->err, -E2BIG, "query: more than %d of them", AL_TMPL_QUERIES_MAX);
	k = q->run(q->ctx, args[0].s, r->data->now_ms, r->arena, &v, r->err);
	if (k < 0)
		return k;
	if (v.kind != SG_VECTOR && v.kind != SG_SCALAR)
		return sg_fail(r->err, -EINVAL, "query result is not a vector or scalar");
	return give_samples(r, &v, ret);
}

static int sample_arg(struct al_run *r, const struct al_value *v, const char *what)
{
	if (v->kind == AL_SAMPLE)
		return 0;
	return sg_fail(r->err, -EINVAL, "%s: wants one sample, as first gives it; found %s", what,
		       al_value_type(v));
}

static int fn_first(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	if (args[0].kind != AL_LIST)
		return sg_fail(r->err, -EINVAL, "first: wants a query's result; found %s",
			       al_value_type(&args[0]));
	if (!args[0].list.n)
		return sg_fail(r->err, -EINVAL, "first() called on vector with no elements");
	*ret = args[0].list.v[0];
	return 0;
}

static int fn_value(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	if (sample_arg(r, &args[0], "value") < 0)
		return -EINVAL;
	*ret = (struct al_value){.kind = AL_FLOAT, .f = args[0].sample.value};
	return 0;
}

static int fn_label(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	if (string_arg(r, &args[0], "label") < 0 || sample_arg(r, &args[1], "label") < 0)
		return -EINVAL;
	*ret = (struct al_value){.kind = AL_STRING,
				 .s = al_label_value(args[1].sample.labels, args[0].s)};
	return 0;
}

static int fn_strvalue(struct al_run *r, const struct al_value *args, size_t n,
		       struct al_value *ret)
{
	if (sample_arg(r, &args[0], "strvalue") < 0)
		return -EINVAL;
	*ret = (struct al_value){.kind = AL_STRING,
				 .s = al_label_value(args[0].sample.labels, "__value__")};
	return 0;
}

static int by_label(const void *a, const void *b, void *name)
{
	const struct al_value *x = a, *y = b;

	return strcmp(al_label_value(x->sample.labels, name),
		      al_label_value(y->sample.labels, name));
}

static int fn_sort(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	struct al_value *list;

	if (string_arg(r, &args[0], "sortByLabel") < 0)
		return -EINVAL;
	if (args[1].kind != AL_LIST)
		return sg_fail(r->err, -EINVAL, "sortByLabel: wants a query's result");
	for (size_t i = 0; i < args[1].list.n; i++)
		if (sample_arg(r, &args[1].list.v[i], "sortByLabel") < 0)
			return -EINVAL;
	list = sg_arena_alloc(r->arena, (args[1].list.n + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	memcpy(list, args[1].list.v, args[1].list.n * sizeof(*list));
	qsort_r(list, args[1].list.n, sizeof(*list), by_label, (void *)args[0].s);
	*ret = (struct al_value){.kind = AL_LIST, .list = {list, args[1].list.n}};
	return 0;
}

static int fn_args(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	struct al_value *copy = sg_arena_alloc(r->arena, (n + 1) * sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, args, n * sizeof(*copy));
	*ret = (struct al_value){.kind = AL_ARGS, .list = {copy, n}};
	return 0;
}

const struct al_func al_prom_funcs[] = {
	{"query", 1, 1, fn_query},
	{"first", 1, 1, fn_first},
	{"value", 1, 1, fn_value},
	{"label", 2, 2, fn_label},
	{"strvalue", 1, 1, fn_strvalue},
	{"sortByLabel", 2, 2, fn_sort},
	{"args", 0, 15, fn_args},
	{"humanize", 1, 1, al_fn_humanize},
	{"humanize1024", 1, 1, al_fn_humanize1024},
	{"humanizeDuration", 1, 1, al_fn_humanize_duration},
	{"humanizePercentage", 1, 1, al_fn_humanize_percentage},
	{"humanizeTimestamp", 1, 1, al_fn_humanize_timestamp},
	{"toTime", 1, 1, al_fn_to_time},
	{"parseDuration", 1, 1, fn_parse_duration},
	{"title", 1, 1, fn_title},
	{"toUpper", 1, 1, fn_upper},
	{"toLower", 1, 1, fn_lower},
	{"match", 2, 2, fn_match},
	{"reReplaceAll", 3, 3, fn_replace},
	{"safeHtml", 1, 1, fn_same},
	{"stripPort", 1, 1, fn_strip_port},
	{"stripDomain", 1, 1, fn_strip_domain},
	{"graphLink", 1, 1, fn_graph_link},
	{"tableLink", 1, 1, fn_table_link},
	{"externalURL", 0, 0, fn_external_url},
	{"pathPrefix", 0, 0, fn_path_prefix},
	{0},
};

const struct al_func *al_func_find(const char *name)
{
	const struct al_func *const tables[] = {al_go_funcs, al_prom_funcs};

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct al_func *f = tables[t]; f->name; f++)
			if (!strcmp(f->name, name))
				return f;
	return NULL;
}
