// SPDX-License-Identifier: GPL-2.0
// The file format of promtool's unit tests.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>

#include "unit_test.h"

#define DEFAULT_INTERVAL_MS 60000

static void add_label(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	struct ut_labels *l = ctx;
	const char *value = al_doc_text(d, v);
	struct sg_label *to = NULL;

	if (value)
		to = AL_DOC_ADD(d, l->v, l->n);
	if (to)
		*to = (struct sg_label){key, value};
}

static void set_labels(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_pairs(d, v, "labels", add_label, to);
}

/* LIST(input, struct ut_test, inputs, n_inputs): set_inputs, which reads a list of maps. */
#define LIST(what, owner, array, count)                                                            \
	static void add_##what(struct al_doc *d, const yaml_node_t *v, void *ctx)                  \
	{                                                                                          \
		owner *o = ctx;                                                                    \
		__typeof__(*o->array) one = {0}, *to;                                              \
                                                                                                   \
		al_doc_map(d, v, #what, what##_keys, ARRAY_SIZE(what##_keys), &one);               \
		to = AL_DOC_ADD(d, o->array, o->count);                                            \
		if (to)                                                                            \
			*to = one;                                                                 \
	}                                                                                          \
	static void set_##what##s(struct al_doc *d, const yaml_node_t *v, void *to)                \
	{                                                                                          \
		al_doc_list(d, v, #what "s", add_##what, to);                                      \
	}

static const struct al_key input_keys[] = {
	{"series", al_set_text, offsetof(struct ut_input, series)},
	{"values", al_set_text, offsetof(struct ut_input, values)},
};
LIST(input, struct ut_test, inputs, n_inputs)

static const struct al_key expected_keys[] = {
	{"exp_labels", set_labels, offsetof(struct ut_expected, labels)},
	{"exp_annotations", set_labels, offsetof(struct ut_expected, annotations)},
};
LIST(expected, struct ut_alert, expected, n_expected)

static const struct al_key alert_keys[] = {
	{"eval_time", al_set_duration, offsetof(struct ut_alert, at_ms)},
	{"alertname", al_set_text, offsetof(struct ut_alert, name)},
	{"exp_alerts", set_expecteds, 0},
};
LIST(alert, struct ut_test, alerts, n_alerts)

static const struct al_key sample_keys[] = {
	{"labels", al_set_text, offsetof(struct ut_sample, labels)},
	{"value", al_set_text, offsetof(struct ut_sample, value)},
	{"histogram", al_set_text, offsetof(struct ut_sample, histogram)},
};
LIST(sample, struct ut_expr, samples, n_samples)

static const struct al_key expr_keys[] = {
	{"expr", al_set_text, offsetof(struct ut_expr, expr)},
	{"eval_time", al_set_duration, offsetof(struct ut_expr, at_ms)},
	{"exp_samples", set_samples, 0},
};
LIST(expr, struct ut_test, exprs, n_exprs)

static const struct al_key test_keys[] = {
	{"name", al_set_text, offsetof(struct ut_test, name)},
	{"interval", al_set_duration, offsetof(struct ut_test, interval_ms)},
	{"input_series", set_inputs, 0},
	{"alert_rule_test", set_alerts, 0},
	{"promql_expr_test", set_exprs, 0},
	{"external_labels", set_labels, offsetof(struct ut_test, external_labels)},
	{"external_url", al_set_text, offsetof(struct ut_test, external_url)},
};

static void add_test(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct ut_file *f = ctx;
	struct ut_test one = {.line = al_doc_line(v)}, *to;

	al_doc_map(d, v, "test", test_keys, ARRAY_SIZE(test_keys), &one);
	to = AL_DOC_ADD(d, f->tests, f->n_tests);
	if (to)
		*to = one;
}

static void set_tests(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "tests", add_test, to);
}

static const struct al_key file_keys[] = {
	{"rule_files", al_set_texts, offsetof(struct ut_file, rule_files)},
	{"evaluation_interval", al_set_duration, offsetof(struct ut_file, interval_ms)},
	{"group_eval_order", al_set_texts, offsetof(struct ut_file, order)},
	{"tests", set_tests, 0},
};

static void fill_in(struct ut_file *f)
{
	if (!f->interval_ms)
		f->interval_ms = DEFAULT_INTERVAL_MS;
	for (size_t i = 0; i < f->n_tests; i++)
		if (!f->tests[i].interval_ms)
			f->tests[i].interval_ms = f->interval_ms;
}

int ut_read(struct ut_file *f, const char *path, struct sg_rule_problems *problems)
{
	sg_auto_buf b = {0};
	struct al_doc d;
	int r = al_doc_read(path, &b, problems);

	f->path = path;
	if (r < 0)
		return r;
	r = al_doc_open(&d, path, b.data ? b.data : "", b.len, f->arena, problems);
	if (r == 0 && al_doc_root(&d))
		al_doc_map(&d, al_doc_root(&d), "test file", file_keys, ARRAY_SIZE(file_keys), f);
	if (r == 0)
		r = d.r;
	al_doc_close(&d);
	fill_in(f);
	return r < 0 ? r : problems->n ? -EINVAL : 0;
}
