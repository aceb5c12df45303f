/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PromQL over a reader. Instant and range queries with Prometheus' own meaning:
 * 5 min lookback, left-open ranges (t - d, t], extrapolation of rate and increase,
 * native histograms as first-class values.
 */
#ifndef SGPROBE_QUERY_H
#define SGPROBE_QUERY_H

#include <sgprobe/native.h>
#include <sgprobe/reader.h>

enum sg_value_kind { SG_SCALAR, SG_STRING, SG_VECTOR, SG_MATRIX };

struct sg_point {
	int64_t t_ms;
	const struct sg_native *hist; /* NULL: a float */
	double value;
};
struct sg_value_series {
	struct sg_series series; /* name "" where PromQL drops it */
	size_t n; /* 1 in a vector */
	struct sg_point *points;
};
struct sg_value {
	enum sg_value_kind kind;
	size_t n;
	struct sg_value_series *series; /* vector, matrix */
	struct sg_point scalar;
	const char *string;
	size_t n_warnings;
	const char **warnings;
};

struct sg_query_limits {
	uint64_t deadline_ns; /* sg_mono_ns(); 0: none */
	size_t max_samples; /* 0: 5 million */
	size_t max_bytes; /* of memory; 0: 64 MiB */
	size_t max_steps; /* of a range query; 0: 11000, as Prometheus */
};

/*
 * All results are in the arena. Errors, with a sentence in err as Prometheus words
 * it ("1:5: parse error: ..."): -EINVAL bad expression or parameter (HTTP 400),
 * -E2BIG a limit (422), -ETIMEDOUT (503),
 * -EIO, -ENOMEM.
 */
int sg_query_instant(struct sg_reader *r, const char *expr, int64_t t_ms,
		     const struct sg_query_limits *lim, struct sg_arena *arena,
		     struct sg_value *ret, struct sg_error *err);
int sg_query_range(struct sg_reader *r, const char *expr, int64_t start_ms, int64_t end_ms,
		   int64_t step_ms, const struct sg_query_limits *lim, struct sg_arena *arena,
		   struct sg_value *ret, struct sg_error *err);
/* Parses only: 0 or -EINVAL. For checks and fuzzing. */
int sg_query_check(const char *expr, struct sg_error *err);
/* A bare selector "name{a="b"}" into matchers in the arena, not compiled. */
int sg_query_selector(const char *text, struct sg_arena *arena, struct sg_selector *ret,
		      struct sg_error *err);

/*
 * Every selector of an expression, compiled, in its order; at most max (-E2BIG). Strings are in
 * the arena; the caller releases the n that there are, also after a failure.
 */
int sg_query_selectors(const char *expr, struct sg_arena *arena, struct sg_selector *ret,
		       size_t max, size_t *n, struct sg_error *err);

/* {"resultType":...,"result":...} as Prometheus' API prints it. */
void sg_query_json(struct sg_buf *b, const struct sg_value *v);
/*
 * The same for long answers: more (NULL: nobody) is called after every sample, and may take b's
 * bytes and empty it. Not 0 ends it, and is returned.
 */
typedef int (*sg_query_more)(struct sg_buf *b, void *ctx);
int sg_query_json_parts(struct sg_buf *b, const struct sg_value *v, sg_query_more more, void *ctx);

/*
 * Appends the expression as Prometheus lays it out: on one line, or indented where it is longer
 * than 100 characters. -EINVAL as for a query.
 */
int sg_query_format(const char *expr, struct sg_buf *b, struct sg_error *err);

#endif
