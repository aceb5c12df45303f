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

#define UT_FILES_MAX 200
#define UT_GROUPS_MAX 2000

struct ut_group {
	const struct sg_rule_group *g;
	size_t order; /* in group_eval_order; 0 also when it is not in there */
	struct sg_rules_eval *eval;
};

struct ut_run {
	struct ut_file file;
	size_t n_rule_files, n_groups;
	struct sg_rule_file *rule_files[UT_FILES_MAX];
	struct ut_group groups[UT_GROUPS_MAX];
	struct sg_buf *out;
	struct al_mem *mem; /* of the test that runs */
	struct sg_arena *arena; /* likewise */
	unsigned int failed;
};

/* Says that a test failed, once for all, and which (t may be NULL). */
void ut_fail(struct ut_run *r, const struct ut_test *t);
int ut_ask(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena, struct sg_value *ret,
	   struct sg_error *err); /* ctx: struct ut_run * */
/* unit_test_check.c: 0 or -ENOMEM; what differs is said and counted. */
int ut_check_alert(struct ut_run *r, const struct ut_test *t, const struct ut_alert *a);
int ut_check_expr(struct ut_run *r, const struct ut_test *t, const struct ut_expr *e);

/* unit_test_file.c */
int ut_read(struct ut_file *f, const char *path, struct sg_rule_problems *problems);

#endif
