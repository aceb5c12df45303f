// SPDX-License-Identifier: GPL-2.0
// Reads the range once and adds up what each metric did in it.
#include "gather.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* One piece holds some hundred series with sixty ticks each: a few megabytes. */
#define PIECE_MS 60000
#define PIECE_BYTES (256UL << 20)

/* ---- the catalogue, copied -------------------------------------------------------------- */

static int metric_eq(const void *entry, const void *key)
{
	return !strcmp(((const struct report_metric *)entry)->info.name, key);
}

static const char *keep(struct report_data *d, const char *s)
{
	return s ? sg_arena_strdup(d->arena, s) : NULL;
}

static int add_metric(const struct sg_metric_info *info, void *ctx)
{
	struct report_data *d = ctx;
	struct report_metric *m = sg_arena_zalloc(d->arena, sizeof(*m));

	if (!m || SG_GROW(d->metrics, d->cap_metrics, d->n_metrics) < 0)
		return -ENOMEM;
	m->info = *info;
	m->info.name = keep(d, info->name);
	m->info.title = keep(d, info->title);
	m->info.unit = keep(d, info->unit);
	m->info.label = keep(d, info->label);
	m->info.group = keep(d, info->group);
	m->info.of = keep(d, info->of);
	m->info.dim = keep(d, info->dim);
	m->info.help = NULL;
	if (!m->info.name || !m->info.title || !m->info.group)
		return -ENOMEM;
	if (info->type == SG_HISTOGRAM && !info->dim) {
		m->columns = sg_arena_zalloc(d->arena, d->n_columns * sizeof(*m->columns));
		if (!m->columns)
			return -ENOMEM;
	}
	d->metrics[d->n_metrics++] = m;
	return sg_map_put(d->by_name, sg_hash_str(m->info.name, 0), m);
}

const struct report_metric *report_find(const struct report_data *d, const char *name)
{
	return sg_map_get(d->by_name, sg_hash_str(name, 0), name);
}

const struct report_metric *report_dimension(const struct report_data *d, const char *of,
					     const char *dim)
{
	for (size_t i = 0; i < d->n_metrics; i++) {
		const struct sg_metric_info *m = &d->metrics[i]->info;

		if (m->of && m->dim && !strcmp(m->of, of) && !strcmp(m->dim, dim))
			return d->metrics[i];
	}
	return NULL;
}

double report_sum(const struct report_data *d, const char *name)
{
	const struct report_metric *m = report_find(d, name);

	return m ? m->sum : 0;
}

/* ---- parts ------------------------------------------------------------------------------ */

struct part_key {
	const struct report_metric *m;
	const char *value;
};
struct part_entry {
	struct part_key key;
	struct report_part part;
};

static int part_eq(const void *entry, const void *key)
{
	const struct part_key *a = &((const struct part_entry *)entry)->key, *b = key;

	return a->m == b->m && !strcmp(a->value, b->value);
}

/* The value a series is told by: its dimension's, else all of its labels'. */
static void part_value(const struct report_metric *m, const struct sg_series *s, struct sg_buf *b)
{
	if (m->info.dim) {
		sg_buf_str(b, sg_series_label(s, m->info.dim));
		return;
	}
	for (size_t i = 0; i < s->n_labels; i++) {
		if (i)
			sg_buf_char(b, ' ');
		sg_buf_str(b, s->labels[i].value);
	}
}

static struct report_part *new_part(struct report_data *d, struct report_metric *m, uint64_t hash,
				    const char *value)
{
	struct part_entry *e = sg_arena_zalloc(d->arena, sizeof(*e));

	if (!e || SG_GROW(m->parts, m->cap_parts, m->n_parts) < 0)
		return NULL;
	e->part.value = e->key.value = sg_arena_strdup(d->arena, value);
	e->key.m = m;
	if (!e->key.value || sg_map_put(d->by_part, hash, e) < 0)
		return NULL;
	m->parts[m->n_parts++] = &e->part;
	return &e->part;
}

static struct report_part *find_part(struct report_data *d, struct report_metric *m,
				     const struct sg_series *s)
{
	sg_auto_buf b = {0};
	struct part_key key = {.m = m};
	struct part_entry *e;
	uint64_t hash;

	sg_buf_str(&b, "");
	part_value(m, s, &b);
	if (b.err)
		return NULL;
	key.value = b.data ? b.data : "";
	hash = sg_hash_str(key.value, sg_hash_str(m->info.name, 1));
	e = sg_map_get(d->by_part, hash, &key);
	return e ? &e->part : new_part(d, m, hash, key.value);
}

/* ---- adding ------------------------------------------------------------------------------- */

/* A tick's values belong to the time before it: (t - 1 tick, t]. */
static size_t column_of(const struct report_data *d, int64_t t)
{
	int64_t c = (t - 1 - d->o->from_ms) / d->step_ms;

	return (size_t)SG_MAX(0, SG_MIN(c, (int64_t)d->n_columns - 1));
}

static size_t third_of(const struct report_data *d, int64_t t)
{
	int64_t span = d->o->to_ms - d->o->from_ms;

	return (size_t)SG_MIN((t - 1 - d->o->from_ms) * REPORT_THIRDS / span, REPORT_THIRDS - 1);
}

static int add_hist(struct report_data *d, struct report_metric *m, struct report_part *part,
		    int64_t t, const struct sg_hist *h)
{
	int r;

	if (h->count == 0)
		return 0;
	r = sg_hist_add(&part->total, h);
	if (r < 0 || m->info.dim)
		return r;
	r = sg_hist_add(&m->total, h);
	if (!r)
		r = sg_hist_add(&m->thirds[third_of(d, t)], h);
	if (!r)
		r = sg_hist_add(&m->columns[column_of(d, t)], h);
	return r;
}

static void add_value(struct report_metric *m, struct report_part *part, double v)
{
	part->min = part->n ? fmin(part->min, v) : v;
	part->max = part->n ? fmax(part->max, v) : v;
	part->last = v;
	part->sum += v;
	part->n++;
	m->sum += v;
}

static int add_points(struct report_data *d, const struct sg_points *p)
{
	struct report_metric *m =
		sg_map_get(d->by_name, sg_hash_str(p->series.name, 0), p->series.name);
	struct report_part *part;
	int r = 0;

	if (!m || m->info.type != p->series.type || !p->n)
		return 0;
	part = find_part(d, m, &p->series);
	if (!part)
		return -ENOMEM;
	for (size_t i = 0; !r && i < p->n; i++) {
		if (m->info.type == SG_HISTOGRAM)
			r = add_hist(d, m, part, p->t_ms[i], &p->hists[i]);
		else
			add_value(m, part, p->values[i]);
	}
	return r;
}

/* Seconds in which a kernel-side metric has a tick: histograms are in every frame. */
static int64_t seconds_seen(const struct report_data *d, const struct sg_points_set *set,
			    int64_t from)
{
	bool seen[PIECE_MS / 1000] = {false};
	int64_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct sg_points *p = &set->series[i];
		const struct report_metric *m = report_find(d, p->series.name);

		if (!m || m->info.dim || !strcmp(m->info.group, "self"))
			continue;
		for (size_t k = 0; k < p->n; k++) {
			size_t at = (size_t)((p->t_ms[k] - 1 - from) / 1000);

			n += at < ARRAY_SIZE(seen) && !seen[at];
			seen[SG_MIN(at, ARRAY_SIZE(seen) - 1)] = true;
		}
	}
	return n;
}

static int read_piece(struct report_data *d, struct sg_reader *r, const struct sg_selector *sel,
		      int64_t from, int64_t to, struct sg_arena *arena, struct sg_error *err)
{
	struct sg_read_limits lim = {.deadline_ns = d->o->deadline_ns};
	struct sg_points_set set = {0};
	int k = r->select_deltas(r, sel, 1, from, to, &lim, arena, &set, err);

	for (size_t i = 0; !k && i < set.n; i++)
		k = add_points(d, &set.series[i]);
	if (k < 0)
		return k;
	d->any |= set.n > 0;
	d->watched_s += seconds_seen(d, &set, from);
	return 0;
}

static int read_pieces(struct report_data *d, struct sg_reader *r, struct sg_error *err)
{
	struct sg_matcher m = {SG_MATCH_RE, "__name__", "sgprobe_.+", NULL};
	struct sg_selector sel = {1, &m};
	sg_auto(sg_arena) arena = sg_arena_new(PIECE_BYTES);
	int64_t from = SG_MAX(d->o->from_ms, d->oldest_ms - 1);
	int64_t to = SG_MIN(d->o->to_ms, d->newest_ms);
	int k = arena ? sg_selector_compile(&sel, err) : -ENOMEM;

	if (k < 0)
		return k;
	/* Pieces begin at the range's own start, so that the same range gives the same bytes. */
	from = d->o->from_ms + (from - d->o->from_ms) / PIECE_MS * PIECE_MS;
	for (; !k && from < to; from += PIECE_MS) {
		k = read_piece(d, r, &sel, from, SG_MIN(from + PIECE_MS, d->o->to_ms), arena, err);
		sg_arena_reset(arena);
	}
	sg_selector_release(&sel);
	return k;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* The shortest round step that makes at most REPORT_MAX_COLUMNS of the range. */
static int64_t step_of(int64_t span_ms)
{
	static const int seconds[] = {1,   2,	5,    10,   15,	  30,	 60,	120,   300,
				      600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};

	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		if (span_ms <= (int64_t)seconds[i] * 1000 * REPORT_MAX_COLUMNS)
			return (int64_t)seconds[i] * 1000;
	return (span_ms / REPORT_MAX_COLUMNS / 86400000 + 1) * 86400000;
}

static int init(struct report_data *d, const struct sg_report_options *o, report_catalogue cat)
{
	*d = (struct report_data){.o = o, .step_ms = step_of(o->to_ms - o->from_ms)};
	d->n_columns = (size_t)((o->to_ms - o->from_ms + d->step_ms - 1) / d->step_ms);
	d->arena = sg_arena_new(0);
	d->by_name = sg_map_new(metric_eq);
	d->by_part = sg_map_new(part_eq);
	if (!d->arena || !d->by_name || !d->by_part)
		return -ENOMEM;
	return cat(add_metric, d);
}

static int by_value(const void *a, const void *b)
{
	return strcmp((*(struct report_part *const *)a)->value,
		      (*(struct report_part *const *)b)->value);
}

int report_gather(struct sg_reader *r, const struct sg_report_options *o, report_catalogue cat,
		  struct report_data *d, struct sg_error *err)
{
	int k = init(d, o, cat);

	if (k < 0)
		return k;
	k = r->range(r, &d->oldest_ms, &d->newest_ms);
	if (k == -ENODATA)
		return 0;
	if (!k)
		k = r->gaps(r, o->from_ms, o->to_ms, d->arena, &d->gaps, &d->n_gaps);
	if (!k && r->events)
		k = r->events(r, o->from_ms, o->to_ms, NULL, REPORT_MAX_EVENTS, o->deadline_ns,
			      d->arena, &d->events, &d->n_events);
	if (!k)
		k = read_pieces(d, r, err);
	for (size_t i = 0; !k && i < d->n_metrics; i++)
		if (d->metrics[i]->n_parts)
			qsort(d->metrics[i]->parts, d->metrics[i]->n_parts,
			      sizeof(*d->metrics[i]->parts), by_value);
	return k;
}

void report_data_free(struct report_data *d)
{
	for (size_t i = 0; i < d->n_metrics; i++) {
		struct report_metric *m = d->metrics[i];

		for (size_t k = 0; k < m->n_parts; k++)
			sg_hist_free(&m->parts[k]->total);
		for (size_t k = 0; m->columns && k < d->n_columns; k++)
			sg_hist_free(&m->columns[k]);
		for (size_t k = 0; k < REPORT_THIRDS; k++)
			sg_hist_free(&m->thirds[k]);
		sg_hist_free(&m->total);
		free(m->parts);
	}
	free(d->metrics);
	sg_map_free(d->by_name);
	sg_map_free(d->by_part);
	sg_arena_free(d->arena);
	*d = (struct report_data){0};
}
