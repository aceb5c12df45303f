// SPDX-License-Identifier: GPL-2.0
/*
 * Samples out of the store, as they are or of an expression. Read in parts that fit into a
 * bounded memory: slices of time, or, where a metric's samples must stay together, metrics.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/query.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "export.h"
#include "interrupt.h"
#include "opts.h"

#define MEMORY (128U << 20) /* of what is read at once */
#define SAMPLES 4000000U
#define SLICE_MS 600000
#define SLICE_MIN_MS 1000
#define STEPS 2000 /* of an expression at once */

struct export
{
	struct sg_cli *cli;
	struct sg_reader *reader;
	const struct sg_writer *writer;
	const char *expr;
	int64_t from, to;
	uint64_t step_ns, last_ns; /* 0: as stored */
	struct sg_arena *arena;
	struct sg_selector sel;
	struct sg_arena *text; /* of the selector */
	FILE *out;
	struct sg_buf b;
	char family[SG_NAME_MAX + 1]; /* of the run before; "": none */
	bool any; /* there was one */
	uint64_t samples;
	int interrupt;
	struct sg_error err;
};

/* ---- writing ------------------------------------------------------------------------------- */

static int flush(struct export *x)
{
	int r = x->b.err;

	if (r == 0 && x->b.len && fwrite(x->b.data, 1, x->b.len, x->out) != x->b.len)
		r = errno == EPIPE ? -EPIPE
				   : sg_fail(&x->err, -EIO, "cannot write: %s", strerror(errno));
	sg_buf_reset(&x->b);
	return r;
}

static int put_run(struct export *x, const struct sg_run *run)
{
	bool family = !x->any || strcmp(x->family, run->series->name) != 0;

	if (!run->n)
		return 0;
	x->writer->run(&x->b, run, family);
	snprintf(x->family, sizeof(x->family), "%s", run->series->name);
	x->any = true;
	x->samples += run->n;
	return x->b.len > 1 << 16 ? flush(x) : x->b.err;
}

static bool get_stored(const struct sg_run *r, size_t i, int64_t *t, double *v, struct sg_native *h)
{
	const struct sg_points *p = r->samples;

	*t = p->t_ms[i];
	if (p->natives && p->natives[i]) {
		*h = *p->natives[i];
		return true;
	}
	if (p->series.type == SG_HISTOGRAM && !p->natives) {
		sg_native_from_hist(h, &p->hists[i]);
		return true;
	}
	*v = p->values[i];
	return false;
}

static bool get_computed(const struct sg_run *r, size_t i, int64_t *t, double *v,
			 struct sg_native *h)
{
	const struct sg_point *p = &((const struct sg_value_series *)r->samples)->points[i];

	*t = p->t_ms;
	*v = p->value;
	if (p->hist)
		*h = *p->hist;
	return p->hist != NULL;
}

static int put_points(struct export *x, const struct sg_points *p)
{
	const struct sg_run run = {.series = &p->series,
				   .type = sg_type_name(p->series.type),
				   .n = p->n,
				   .get = get_stored,
				   .samples = p};

	return put_run(x, &run);
}

static int put_value(struct export *x, const struct sg_value_series *s)
{
	const struct sg_run run = {.series = &s->series,
				   .type = "unknown",
				   .n = s->n,
				   .get = get_computed,
				   .samples = s};

	return put_run(x, &run);
}

/* ---- what is stored ------------------------------------------------------------------------ */

static bool is_too_much(int r)
{
	return r == -E2BIG || r == -ENOMEM;
}

static int select_into(struct export *x, const struct sg_selector *sels, size_t n, int64_t from,
		       int64_t to, struct sg_points_set *set)
{
	const struct sg_read_limits lim = {.max_samples = SAMPLES};

	if (sg_interrupted(x->interrupt))
		return sg_fail(&x->err, -EINTR, "interrupted");
	sg_arena_reset(x->arena);
	*set = (struct sg_points_set){0};
	x->err.msg[0] = '\0';
	return x->reader->select(x->reader, sels, n, from, to, &lim, x->arena, set, &x->err);
}

static int put_set(struct export *x, const struct sg_points_set *set)
{
	int r = 0;

	for (size_t i = 0; i < set->n && r == 0; i++)
		r = put_points(x, &set->series[i]);
	return r;
}

static int by_time(struct export *x, const struct sg_selector *sel)
{
	int64_t slice = SLICE_MS, from = x->from - 1;

	while (from < x->to) {
		int64_t to = SG_MIN(from + slice, x->to);
		struct sg_points_set set;
		int r = select_into(x, sel, 1, from, to, &set);

		if (is_too_much(r) && slice > SLICE_MIN_MS) {
			slice /= 2;
			continue;
		}
		if (r == 0)
			r = put_set(x, &set);
		if (r < 0)
			return r;
		from = to;
	}
	return 0;
}

/* The selector and a name. */
static int named(struct export *x, const char *name, struct sg_selector *ret)
{
	struct sg_matcher *m = sg_arena_zalloc(x->text, (x->sel.n + 1) * sizeof(*m));

	if (!m)
		return -ENOMEM;
	memcpy(m, x->sel.matchers, x->sel.n * sizeof(*m));
	for (size_t i = 0; i < x->sel.n; i++)
		m[i].regex = NULL;
	m[x->sel.n] = (struct sg_matcher){.op = SG_MATCH_EQ, .name = "__name__", .value = name};
	*ret = (struct sg_selector){x->sel.n + 1, m};
	return sg_selector_compile(ret, &x->err);
}

/* The whole time of the metrics v[0 ... n): together if they fit, else one half after the other. */
static int by_name(struct export *x, struct sg_selector *v, size_t n)
{
	struct sg_points_set set;
	int r = select_into(x, v, n, x->from - 1, x->to, &set);

	if (!is_too_much(r))
		return r < 0 ? r : put_set(x, &set);
	if (n == 1) /* too much alone: its series, slice by slice */
		return by_time(x, v);
	r = by_name(x, v, n / 2);
	return r < 0 ? r : by_name(x, v + n / 2, n - n / 2);
}

struct names {
	char **v;
	size_t n, cap;
};

static int note_name(struct names *l, const char *name)
{
	for (size_t i = l->n; i-- > 0;)
		if (strcmp(l->v[i], name) == 0)
			return 0;
	if (SG_GROW(l->v, l->cap, l->n) < 0 || !(l->v[l->n] = strdup(name)))
		return -ENOMEM;
	l->n++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(struct export *x, struct names *l)
{
	int64_t slice = SLICE_MS, from = x->from - 1;

	while (from < x->to) {
		int64_t to = SG_MIN(from + slice, x->to);
		struct sg_points_set set;
		int r = select_into(x, &x->sel, 1, from, to, &set);

		if (is_too_much(r) && slice > SLICE_MIN_MS) {
			slice /= 2;
			continue;
		}
		for (size_t i = 0; i < set.n && r == 0; i++)
			r = note_name(l, set.series[i].series.name);
		if (r < 0)
			return r;
		from = to;
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare_names);
	return 0;
}

static int names_apart(struct export *x)
{
	struct names l = {0};
	struct sg_selector *sels = NULL;
	size_t made = 0;
	int r = list_names(x, &l);

	if (r == 0 && l.n) {
		sels = calloc(l.n, sizeof(*sels));
		r = sels ? 0 : -ENOMEM;
	}
	while (r == 0 && made < l.n) {
		r = named(x, l.v[made], &sels[made]);
		made += r == 0;
	}
	if (r == 0 && l.n)
		r = by_name(x, sels, l.n);
	for (size_t i = 0; i < made; i++)
		sg_selector_release(&sels[i]);
	for (size_t i = 0; i < l.n; i++)
		free(l.v[i]);
	free(l.v);
	free(sels);
	return r;
}

static int export_stored(struct export *x)
{
	struct sg_points_set set;
	int r = sg_query_selector(x->expr, x->text, &x->sel, &x->err);

	if (r == 0)
		r = sg_selector_compile(&x->sel, &x->err);
	if (r < 0)
		return r;
	if (!x->writer->by_family) {
		r = by_time(x, &x->sel);
	} else {
		r = select_into(x, &x->sel, 1, x->from - 1, x->to, &set);
		r = is_too_much(r) ? names_apart(x) : r < 0 ? r : put_set(x, &set);
	}
	sg_selector_release(&x->sel);
	return r;
}

/* ---- what is computed ---------------------------------------------------------------------- */

static int export_computed(struct export *x)
{
	const struct sg_query_limits lim = {.max_bytes = MEMORY, .max_samples = 4 * SAMPLES};
	int64_t step = (int64_t)(x->step_ns / 1000000), steps = STEPS;

	for (int64_t from = x->from; from <= x->to;) {
		int64_t to = SG_MIN(from + (steps - 1) * step, x->to);
		struct sg_value v = {0};
		int r;

		if (sg_interrupted(x->interrupt))
			return sg_fail(&x->err, -EINTR, "interrupted");
		sg_arena_reset(x->arena);
		x->err.msg[0] = '\0';
		r = sg_query_range(x->reader, x->expr, from, to, step, &lim, x->arena, &v, &x->err);
		if (is_too_much(r) && steps > 1) {
			steps /= 2;
			continue;
		}
		for (size_t i = 0; i < v.n && r == 0; i++)
			r = put_value(x, &v.series[i]);
		if (r < 0)
			return r;
		from += steps * step;
	}
	return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int set_range(struct export *x)
{
	int64_t oldest, newest;
	int r = x->reader->range(x->reader, &oldest, &newest);

	if (r < 0)
		return sg_fail(&x->err, r, "the store in %s is empty", x->cli->cfg.data_dir);
	if (x->to < 0)
		x->to = newest;
	if (x->from < 0)
		x->from = x->to - (int64_t)(x->last_ns / 1000000);
	if (!x->step_ns) { /* what is not there need not be looked for */
		x->from = SG_MAX(x->from, oldest - 60000);
		x->to = SG_MIN(x->to, newest);
	}
	return x->from <= x->to ? 0 : sg_fail(&x->err, -EINVAL, "the range ends before it begins");
}

static int run(struct export *x)
{
	int r = sg_store_reader(x->cli->cfg.data_dir, NULL, &x->reader, &x->err);

	if (r == 0)
		r = set_range(x);
	x->arena = sg_arena_new(MEMORY);
	x->text = sg_arena_new(0);
	if (r == 0 && (!x->arena || !x->text))
		r = -ENOMEM;
	if (r < 0)
		return r;
	x->writer->begin(&x->b);
	r = x->step_ns ? export_computed(x) : export_stored(x);
	if (r == 0) {
		x->writer->end(&x->b);
		r = flush(x);
	}
	return r;
}

static int open_output(struct export *x, const char *file)
{
	x->out = stdout;
	if (!file || strcmp(file, "-") == 0)
		return 0;
	x->out = fopen(file, "we");
	return x->out ? 0
		      : sg_cli_fail(x->cli, SG_EXIT_FAILED, "cannot write %s: %s", file,
				    strerror(errno));
}

static int finish(struct export *x, int r)
{
	if (x->out && (x->out == stdout ? fflush(stdout) : fclose(x->out)) != 0 && r == 0 &&
	    errno != EPIPE)
		r = sg_fail(&x->err, -EIO, "cannot write: %s", strerror(errno));
	sg_reader_close(x->reader);
	sg_arena_free(x->arena);
	sg_arena_free(x->text);
	sg_buf_free(&x->b);
	if (x->interrupt >= 0)
		close(x->interrupt);
	if (r == 0 || r == -EPIPE) {
		if (x->out != stdout)
			fprintf(stderr, "%" PRIu64 " samples\n", x->samples);
		return SG_EXIT_OK;
	}
	return sg_cli_fail(x->cli, sg_cli_code(r), "%s", x->err.msg[0] ? x->err.msg : strerror(-r));
}

int sg_cmd_export(struct sg_cli *cli, int argc, char **argv)
{
	struct export x = {.cli = cli, .from = -1, .to = -1, .last_ns = 3600000000000ULL};
	const char *format = "csv", *file = NULL;
	const struct sg_opt opts[] = {
		{"format", 'F', SG_OPT_TEXT, &format, "FORMAT", "csv, openmetrics or jsonl (csv)"},
		{"output", 'o', SG_OPT_TEXT, &file, "FILE", "where to (standard output)"},
		{"last", 0, SG_OPT_DURATION, &x.last_ns, "DURATION",
		 "a range that ends with what is stored (1h)"},
		{"from", 0, SG_OPT_TIME, &x.from, "T", "the beginning of a range"},
		{"to", 0, SG_OPT_TIME, &x.to, "T", "its end"},
		{"step", 0, SG_OPT_DURATION, &x.step_ns, "DURATION",
		 "EXPR computed at each step, instead of the samples as they are"},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, &n);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	x.expr = n ? argv[1] : "{__name__!=\"\"}";
	x.writer = sg_writer_find(format);
	if (!x.writer)
		return sg_cli_fail(cli, SG_EXIT_USAGE,
				   "there is no format %s; there are csv, "
				   "openmetrics and jsonl",
				   format);
	r = open_output(&x, file);
	if (r)
		return r;
	x.interrupt = sg_interrupt_open();
	return finish(&x, run(&x));
}
