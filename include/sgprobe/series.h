/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The name of what is measured: a metric name, a type and labels.
 *
 * Label names match [a-zA-Z_][a-zA-Z0-9_]*, values are UTF-8 of at most
 * SG_LABEL_VALUE_MAX bytes; both are checked where they enter (frame decoder,
 * probe). An absent label equals the empty value, as in Prometheus.
 */
#ifndef SGPROBE_SERIES_H
#define SGPROBE_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/err.h>
#include <sgprobe/hist.h>
#include <sgprobe/str.h>

#define SG_NAME_MAX 127
#define SG_LABEL_VALUE_MAX 255
#define SG_LABELS_MAX 16

enum sg_type { SG_COUNTER = 0, SG_GAUGE = 1, SG_HISTOGRAM = 2 };
const char *sg_type_name(enum sg_type t); /* "counter", "gauge", "histogram" */

struct sg_label {
	const char *name;
	const char *value;
};

struct sg_series {
	const char *name;
	enum sg_type type;
	uint16_t n_labels;
	const struct sg_label *labels; /* ascending by name, no duplicates, no empty values */
	uint64_t hash; /* sg_series_hash of name and labels (not of type) */
};

uint64_t sg_series_hash(const char *name, const struct sg_label *labels, size_t n);
bool sg_series_equal(const struct sg_series *a, const struct sg_series *b); /* name and labels */
int sg_series_cmp(const struct sg_series *a, const struct sg_series *b); /* by name, then labels */
/* A deep copy in the arena: everything it points to as well. NULL: no memory. */
struct sg_series *sg_series_copy(struct sg_arena *a, const struct sg_series *s);
/* A deep copy in one malloc block, to be freed with free(). */
struct sg_series *sg_series_dup(const struct sg_series *s);
/* Value of a label, "" when absent. "__name__" gives the name. */
const char *sg_series_label(const struct sg_series *s, const char *name);
/* name{a="b",c="d"} with PromQL escapes. */
void sg_series_format(struct sg_buf *b, const struct sg_series *s);
/* Sorts labels, drops empty values, computes the hash; labels is changed in place. -EINVAL on a bad name, value or duplicate. */
int sg_series_init(struct sg_series *s, enum sg_type type, const char *name,
		   struct sg_label *labels, size_t n);

/* Selection: {name=~"..."}; all matchers must match. */
enum sg_match_op { SG_MATCH_EQ, SG_MATCH_NE, SG_MATCH_RE, SG_MATCH_NRE };
struct sg_matcher {
	enum sg_match_op op;
	const char *name; /* "__name__" for the metric name */
	const char
		*value; /* text or, for RE and NRE, an RE2-style pattern, anchored at both ends */
	void *regex; /* NULL before sg_selector_compile, private to it after */
};
struct sg_selector {
	size_t n;
	struct sg_matcher *matchers;
};
/* Compiles the patterns. -EINVAL, with what is wrong with the pattern in err, or -ENOMEM; then none is. */
int sg_selector_compile(struct sg_selector *sel, struct sg_error *err);
void sg_selector_release(struct sg_selector *sel); /* frees compiled patterns, not the strings */
bool sg_selector_match(const struct sg_selector *sel, const struct sg_series *s);
/* Value of the '=' matcher on __name__, or NULL: readers use it to skip quickly. */
const char *sg_selector_name(const struct sg_selector *sel);

#endif
