/* SPDX-License-Identifier: GPL-2.0 */
/* What is exposed: families of series of one name, and the writers of each form. */
#ifndef EXPORT_FAMILY_H
#define EXPORT_FAMILY_H

#include <sgprobe/export.h>
#include <sgprobe/native.h>

#define EXPORT_EDGES_MAX 256

/* Upper bounds of classic buckets, ascending, without the last, +Inf. */
struct export_edges {
	size_t n;
	double le[EXPORT_EDGES_MAX];
};

/*
 * The edges of a histogram: powers of two from 2^-24 s (60 ns) to 64 s, of four from 1 to 2^30
 * of what is counted otherwise, the same for every series of a name at any time, since a
 * counter that begins late loses its first increase. Or its own bounds, where it has such.
 */
void export_edges_of(const struct sg_native *h, const char *unit, struct export_edges *ret);
/*
 * Observations up to each edge, in counts[n + 1], the last of all of them. Exact: an edge that
 * is within a bucket is left out of e, whose n is then lower.
 */
void export_cumulate(const struct sg_native *h, struct export_edges *e, uint64_t *counts);
/* Which bucket a value is in: 0 to e->n. */
size_t export_bucket_of(const struct export_edges *e, double v);

/* An exemplar of a classic bucket, the labels in the arena. */
struct export_exemplar {
	double value;
	int64_t t_ms;
	size_t n_labels;
	const struct sg_label *labels;
};

/* The newest sample of one series. */
struct export_sample {
	const struct sg_series *series;
	int64_t t_ms;
	double value; /* counter, gauge */
	struct sg_native hist; /* histogram */
	const struct export_exemplar *const *exemplars; /* NULL, or one a bucket, NULL for none */
};

struct export_family {
	const char *name;
	enum sg_type type;
	const char *help, *unit; /* never NULL */
	struct export_edges edges; /* histogram */
	bool timestamps;
};

/* A form: a family is begun, gets samples, and is ended. */
struct export_writer {
	struct sg_buf *out;
	struct sg_buf scratch[4]; /* for parts whose length comes before them */
};
struct export_form {
	void (*begin)(struct export_writer *w, const struct export_family *f);
	void (*sample)(struct export_writer *w, const struct export_family *f,
		       const struct export_sample *s);
	void (*end)(struct export_writer *w, const struct export_family *f);
	void (*finish)(struct export_writer *w); /* of the whole answer; NULL: nothing */
	bool has_exemplars;
};
extern const struct export_form export_text, export_openmetrics, export_protobuf;
void export_writer_release(struct export_writer *w);

/* exemplars.c: the worst of each bucket, by series. */
struct export_exemplars;
int export_exemplars_read(struct sg_reader *r, const struct sg_export_options *o, int64_t newest_ms,
			  const struct sg_catalogue *c, struct sg_arena *arena,
			  struct export_exemplars **ret);
const struct export_exemplar *const *export_exemplars_of(const struct export_exemplars *x,
							 const struct sg_series *s);
void export_exemplars_free(struct export_exemplars *x);

#endif
