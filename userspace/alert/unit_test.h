/* SPDX-License-Identifier: GPL-2.0 */
/* Unit tests of rules: what is read from their file. */
#ifndef ALERT_UNIT_TEST_H
#define ALERT_UNIT_TEST_H

#include "doc.h"
#include "mem_reader.h"

struct ut_labels {
	size_t n;
	struct sg_label *v;
};
struct ut_input {
	const char *series, *values;
};
struct ut_expected {
	struct ut_labels labels, annotations;
};
struct ut_alert {
	int64_t at_ms;
	const char *name;
	size_t n_expected;
	struct ut_expected *expected;
};
struct ut_sample {
	const char *labels, *value, *histogram;
};
struct ut_expr {
	const char *expr;
	int64_t at_ms;
	size_t n_samples;
	struct ut_sample *samples;
};
struct ut_test {
	const char *name, *external_url;
	int64_t interval_ms;
	size_t n_inputs, n_alerts, n_exprs;
	struct ut_input *inputs;
	struct ut_alert *alerts;
	struct ut_expr *exprs;
	struct ut_labels external_labels;
	unsigned int line;
};
struct ut_file {
	struct sg_arena *arena;
	const char *path;
	struct al_texts rule_files, order;
	int64_t interval_ms;
	size_t n_tests;
	struct ut_test *tests;
};

/* unit_test_file.c */
int ut_read(struct ut_file *f, const char *path, struct sg_rule_problems *problems);

#endif
