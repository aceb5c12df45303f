// SPDX-License-Identifier: GPL-2.0
/* The newest sample of every series, family by family, into the form that is asked. */
#include <errno.h>
#include <string.h>

#include "family.h"

#define STALE_MS 60000 /* a tick that is older is none of a daemon that watches */
#define ARENA_MAX (64U << 20)
#define UNDESCRIBED "Not in sgprobe's catalogue."

static const struct export_form *const forms[] = {
	[SG_FORMAT_TEXT] = &export_text,
	[SG_FORMAT_OPENMETRICS] = &export_openmetrics,
	[SG_FORMAT_PROTOBUF] = &export_protobuf,
};

struct job {
	const struct sg_export_options *o;
	const struct export_form *form;
	struct export_writer writer;
	struct sg_arena *arena;
	struct sg_catalogue *catalogue;
	struct export_exemplars *exemplars;
	struct sg_points_set set;
	struct sg_error *err;
};

void export_writer_release(struct export_writer *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(w->scratch); i++)
		sg_buf_free(&w->scratch[i]);
}

static void release(struct job *j)
{
	export_writer_release(&j->writer);
	export_exemplars_free(j->exemplars);
	sg_catalogue_free(j->catalogue);
	sg_arena_free(j->arena);
}

static int newest_tick(struct job *j, struct sg_reader *r, int64_t *newest)
{
	int64_t oldest;
	int e = r->range(r, &oldest, newest);

	if (e == -ENODATA || (!e && j->o->now_ms - *newest > STALE_MS))
		return sg_fail(j->err, -EAGAIN, "there is no tick of the last %d seconds",
			       STALE_MS / 1000);
	return e;
}

static int read_all(struct job *j, struct sg_reader *r)
{
	struct sg_read_limits lim = {.deadline_ns = j->o->deadline_ns};
	int64_t newest = 0;
	int e = newest_tick(j, r, &newest);

	if (!e)
		e = r->select(r, j->o->sels, j->o->n_sels, newest - SG_EXPORT_ALIVE_MS, newest,
			      &lim, j->arena, &j->set, j->err);
	if (!e && j->form->has_exemplars)
		e = export_exemplars_read(r, j->o, newest, j->catalogue, j->arena, &j->exemplars);
	return e;
}

static bool is_stale(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits == SG_STALE_BITS;
}

/* False: the series ended, or its last sample is none that its type has. */
static bool newest_sample(const struct sg_points *p, struct export_sample *s)
{
	size_t last = p->n - 1;
	const struct sg_native *native = p->natives ? p->natives[last] : NULL;

	if (!p->n)
		return false;
	*s = (struct export_sample){.series = &p->series, .t_ms = p->t_ms[last]};
	if (p->series.type != SG_HISTOGRAM) {
		s->value = p->values[last];
		return !native && !is_stale(s->value);
	}
	if (native)
		s->hist = *native;
	else if (p->natives)
		return false;
	else
		sg_native_from_hist(&s->hist, &p->hists[last]);
	return true;
}

static void describe(const struct job *j, const struct sg_series *s, struct export_family *f)
{
	const struct sg_metric_info *m = sg_catalogue_find(j->catalogue, s->name);

	*f = (struct export_family){
		.name = s->name,
		.type = s->type,
		.help = m && *m->help ? m->help : UNDESCRIBED,
		.unit = m && m->unit ? m->unit : sg_metric_unit(s->name),
		.timestamps = j->o->timestamps,
	};
}

/* The series of one name, from i on; i is then behind them. */
static void put_family(struct job *j, size_t *i)
{
	const struct sg_points *p = j->set.series;
	const char *name = p[*i].series.name;
	struct export_family f;
	struct export_sample s;
	bool begun = false;

	for (describe(j, &p[*i].series, &f); *i < j->set.n && !strcmp(p[*i].series.name, name);
	     ++*i) {
		if (p[*i].series.type != f.type || !newest_sample(&p[*i], &s))
			continue;
		if (f.type == SG_HISTOGRAM) {
			export_edges_of(&s.hist, f.unit, &f.edges);
			s.exemplars = export_exemplars_of(j->exemplars, s.series);
		}
		if (!begun)
			j->form->begin(&j->writer, &f);
		begun = true;
		j->form->sample(&j->writer, &f, &s);
	}
	if (begun && j->form->end)
		j->form->end(&j->writer, &f);
}

static int put_all(struct job *j)
{
	struct sg_buf *b = j->writer.out;
	int e = 0;

	for (size_t i = 0; i < j->set.n && !e && !b->err;) {
		put_family(j, &i);
		if (j->o->more)
			e = j->o->more(b, j->o->ctx);
	}
	if (!e && j->form->finish)
		j->form->finish(&j->writer);
	if (!e && b->err)
		e = sg_fail(j->err, b->err == -EMSGSIZE ? -E2BIG : -ENOMEM,
			    "there are too many series for one answer; ask for some with match[]");
	return e;
}

int sg_export(struct sg_reader *r, const struct sg_export_options *o, struct sg_buf *b,
	      struct sg_error *err)
{
	static const struct sg_matcher any = {SG_MATCH_NE, "__name__", "", NULL};
	const struct sg_selector all = {1, (struct sg_matcher *)&any};
	struct sg_export_options options = *o;
	struct job j = {.o = &options, .form = forms[o->format], .writer.out = b, .err = err};
	int e;

	if (!o->n_sels) {
		options.sels = &all;
		options.n_sels = 1;
	}
	j.arena = sg_arena_new(ARENA_MAX);
	j.catalogue = sg_catalogue_new();
	e = j.arena && j.catalogue ? read_all(&j, r) : -ENOMEM;
	if (!e)
		e = put_all(&j);
	release(&j);
	return e;
}
