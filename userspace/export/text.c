// SPDX-License-Identifier: GPL-2.0
/* Text 0.0.4 and OpenMetrics 1.0, which differ in few places. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "family.h"

/* Within quotes, or in a HELP line of OpenMetrics; in one of 0.0.4 a quote stands for itself. */
static void put_escaped(struct sg_buf *b, const char *s, bool quotes)
{
	while (*s) {
		size_t n = strcspn(s, quotes ? "\\\n\"" : "\\\n");

		sg_buf_add(b, s, n);
		s += n;
		if (!*s)
			break;
		sg_buf_char(b, '\\');
		sg_buf_char(b, *s == '\n' ? 'n' : *s);
		s++;
	}
}

static void put_label(struct sg_buf *b, bool first, const char *name, const char *value)
{
	if (!first)
		sg_buf_char(b, ',');
	sg_buf_str(b, name);
	sg_buf_add(b, "=\"", 2);
	put_escaped(b, value, true);
	sg_buf_char(b, '"');
}

/* The labels without brackets; of a histogram its own "le" gives way to that of its buckets. */
static void put_labels(struct sg_buf *b, const struct sg_series *s)
{
	for (size_t i = 0; i < s->n_labels; i++) {
		bool taken = s->type == SG_HISTOGRAM && !strcmp(s->labels[i].name, "le");

		put_label(b, i == 0, taken ? "exported_le" : s->labels[i].name, s->labels[i].value);
	}
}

static bool has_suffix(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

static void put_header(struct sg_buf *b, const char *what, const char *name, size_t n)
{
	sg_buf_str(b, what);
	sg_buf_add(b, name, n);
	sg_buf_char(b, ' ');
}

static void begin_text(struct export_writer *w, const struct export_family *f)
{
	size_t n = strlen(f->name);

	put_header(w->out, "# HELP ", f->name, n);
	put_escaped(w->out, f->help, false);
	put_header(w->out, "\n# TYPE ", f->name, n);
	sg_buf_str(w->out, sg_type_name(f->type));
	sg_buf_char(w->out, '\n');
}

/* The name of a family of counters has no _total there; what counts and has none is of no type. */
static void begin_openmetrics(struct export_writer *w, const struct export_family *f)
{
	bool total = has_suffix(f->name, "_total");
	size_t n = strlen(f->name) - (f->type == SG_COUNTER && total ? 6 : 0);
	size_t unit = strlen(f->unit);

	put_header(w->out, "# HELP ", f->name, n);
	put_escaped(w->out, f->help, true);
	put_header(w->out, "\n# TYPE ", f->name, n);
	sg_buf_str(w->out, f->type == SG_COUNTER && !total ? "unknown" : sg_type_name(f->type));
	sg_buf_char(w->out, '\n');
	if (!unit || n <= unit || f->name[n - unit - 1] != '_' ||
	    memcmp(f->name + n - unit, f->unit, unit) != 0)
		return;
	put_header(w->out, "# UNIT ", f->name, n);
	sg_buf_str(w->out, f->unit);
	sg_buf_char(w->out, '\n');
}

static void put_seconds(struct sg_buf *b, int64_t ms)
{
	sg_buf_printf(b, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

struct line {
	struct export_writer *w;
	const struct export_family *f;
	const struct export_sample *s;
	bool openmetrics;
};

static void end_line(const struct line *l, const struct export_exemplar *x)
{
	struct sg_buf *b = l->w->out;

	if (l->f->timestamps) {
		sg_buf_char(b, ' ');
		if (l->openmetrics)
			put_seconds(b, l->s->t_ms);
		else
			sg_buf_printf(b, "%" PRId64, l->s->t_ms);
	}
	if (l->openmetrics && x) {
		sg_buf_str(b, " # {");
		for (size_t i = 0; i < x->n_labels; i++)
			put_label(b, i == 0, x->labels[i].name, x->labels[i].value);
		sg_buf_str(b, "} ");
		sg_fmt_float(b, x->value);
		sg_buf_char(b, ' ');
		put_seconds(b, x->t_ms);
	}
	sg_buf_char(b, '\n');
}

/* What comes before the value: name, suffix, labels, and the edge when there is one. */
static void begin_line(const struct line *l, const char *suffix, const char *le)
{
	const struct sg_buf *labels = &l->w->scratch[0];
	struct sg_buf *b = l->w->out;

	sg_buf_str(b, l->f->name);
	sg_buf_str(b, suffix);
	if (labels->len || le) {
		sg_buf_char(b, '{');
		sg_buf_add(b, labels->data, labels->len);
		if (le)
			put_label(b, !labels->len, "le", le);
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ' ');
}

/* OpenMetrics writes whole numbers of an edge as floats, so that it is the same whoever writes it. */
static const char *edge_text(struct sg_buf *b, double le, bool openmetrics)
{
	sg_buf_reset(b);
	sg_fmt_float_e(b, le);
	if (openmetrics && le == floor(le) && isfinite(le) && !strpbrk(b->data, ".e"))
		sg_buf_str(b, ".0");
	return b->err ? "" : b->data;
}

static void put_count(struct sg_buf *b, uint64_t n)
{
	char text[24], *p = text + sizeof(text);

	do {
		*--p = '0' + n % 10;
		n /= 10;
	} while (n);
	sg_buf_add(b, p, text + sizeof(text) - p);
}

static void put_hist(const struct line *l)
{
	uint64_t counts[EXPORT_EDGES_MAX + 1];
	const struct export_sample *s = l->s;
	struct export_edges e = l->f->edges;

	export_cumulate(&s->hist, &e, counts);
	for (size_t i = 0; i <= e.n; i++) {
		double le = i < e.n ? e.le[i] : INFINITY;

		begin_line(l, "_bucket", edge_text(&l->w->scratch[1], le, l->openmetrics));
		put_count(l->w->out, counts[i]);
		end_line(l, s->exemplars && e.n == l->f->edges.n ? s->exemplars[i] : NULL);
	}
	begin_line(l, "_sum", NULL);
	sg_fmt_float(l->w->out, s->hist.sum);
	end_line(l, NULL);
	begin_line(l, "_count", NULL);
	put_count(l->w->out, counts[e.n]);
	end_line(l, NULL);
}

static void put_sample(const struct line *l)
{
	sg_buf_reset(&l->w->scratch[0]);
	put_labels(&l->w->scratch[0], l->s->series);
	if (l->f->type == SG_HISTOGRAM) {
		put_hist(l);
		return;
	}
	begin_line(l, "", NULL);
	sg_fmt_float(l->w->out, l->s->value);
	end_line(l, NULL);
}

static void sample_text(struct export_writer *w, const struct export_family *f,
			const struct export_sample *s)
{
	put_sample(&(struct line){w, f, s, false});
}

static void sample_openmetrics(struct export_writer *w, const struct export_family *f,
			       const struct export_sample *s)
{
	put_sample(&(struct line){w, f, s, true});
}

static void finish_openmetrics(struct export_writer *w)
{
	sg_buf_str(w->out, "# EOF\n");
}

const struct export_form export_text = {.begin = begin_text, .sample = sample_text};
const struct export_form export_openmetrics = {
	.begin = begin_openmetrics,
	.sample = sample_openmetrics,
	.finish = finish_openmetrics,
	.has_exemplars = true,
};
