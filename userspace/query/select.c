// SPDX-License-Identifier: GPL-2.0
// Reading: one select per distinct selector, for all steps and all uses of it.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"

/* ---- what must be read --------------------------------------------------------------- */

static bool same_matcher(const struct sg_matcher *a, const struct sg_matcher *b)
{
	return a->op == b->op && !strcmp(a->name, b->name) && !strcmp(a->value, b->value);
}

static bool same_selector(const struct sg_selector *a, const struct sg_selector *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_matcher(&a->matchers[i], &b->matchers[i]))
			return false;
	return true;
}

/* ---- how fine ------------------------------------------------------------------------ */

#define SHORT_MS 3600000
#define WINDOW_POINTS 5 /* that a window needs at least, at each of many steps */
#define INSTANT_POINTS 3600 /* where there is one step only */

/* What a function over windows asks of coarser samples; others need all, or a few. */
static const struct need {
	const char *function;
	bool all;
	enum sg_field field;
} needs[] = {
	{"min_over_time", false, SG_FIELD_MIN},
	{"max_over_time", false, SG_FIELD_MAX},
	{"avg_over_time", false, SG_FIELD_AVG},
	{"sum_over_time", true, SG_FIELD_LAST},
	{"count_over_time", true, SG_FIELD_LAST},
	{"quantile_over_time", true, SG_FIELD_LAST},
	{"stddev_over_time", true, SG_FIELD_LAST},
	{"stdvar_over_time", true, SG_FIELD_LAST},
	{"mad_over_time", true, SG_FIELD_LAST},
	{"ts_of_first_over_time", true, SG_FIELD_LAST},
	{"ts_of_last_over_time", true, SG_FIELD_LAST},
	{"ts_of_min_over_time", true, SG_FIELD_LAST},
	{"ts_of_max_over_time", true, SG_FIELD_LAST},
	{"changes", true, SG_FIELD_LAST},
	{"resets", true, SG_FIELD_LAST},
	{"irate", true, SG_FIELD_LAST},
	{"idelta", true, SG_FIELD_LAST},
	{"double_exponential_smoothing", true, SG_FIELD_LAST},
};

static const struct need *need_of(const struct pq_node *call)
{
	static const struct need any = {.field = SG_FIELD_LAST};

	for (size_t i = 0; call && i < ARRAY_SIZE(needs); i++)
		if (!strcmp(call->func->name, needs[i].function))
			return &needs[i];
	return &any;
}

struct planned { /* of what is around a node */
	int64_t start, end, step_ms; /* step_ms 0: it is asked for one time only */
	const struct pq_node *call; /* the innermost */
};

/*
 * Samples at the ends of whole steps are those that steps find, when they are at whole
 * steps themselves. Else they would be late by a step, at most a quarter is allowed.
 */
static int64_t enough_for_steps(const struct planned *p)
{
	return p->start % SG_MAX(p->step_ms, (int64_t)1) == 0 ? p->step_ms : p->step_ms / 4;
}

static int64_t enough_for_windows(const struct pq_node *n, const struct planned *p)
{
	if (!p->step_ms)
		return n->range_ms / INSTANT_POINTS;
	return SG_MIN(p->step_ms, n->range_ms / WINDOW_POINTS);
}

static int64_t enough(const struct pq_node *n, const struct need *need, const struct planned *p)
{
	bool whole_steps = !n->range_ms && p->step_ms && p->start % p->step_ms == 0;

	if (need->all || n->at != PQ_AT_NONE)
		return 0;
	/* A short time is read as it is, where it could make a difference. */
	if (p->step_ms && p->end - p->start <= SHORT_MS && !whole_steps)
		return 0;
	return n->range_ms ? enough_for_windows(n, p) : enough_for_steps(p);
}

static int add_selection(struct pq_engine *e, struct pq_node *n, const struct planned *p)
{
	int64_t to = p->end, from = p->start - (n->range_ms ? n->range_ms : PQ_LOOKBACK_MS);
	const struct need *need = need_of(n->range_ms ? p->call : NULL);
	int64_t res = enough(n, need, p);
	struct pq_selection *s;

	for (size_t i = 0; i < e->n_selections; i++) {
		s = &e->selections[i];
		if (!same_selector(s->sel, &n->sel) || s->totals != n->totals ||
		    s->field != need->field)
			continue;
		s->res_ms = SG_MIN(s->res_ms, res);
		s->from_ms = SG_MIN(s->from_ms, from);
		s->to_ms = SG_MAX(s->to_ms, to);
		n->selection = i;
		return 0;
	}
	if (e->n_selections == e->cap_selections) {
		size_t cap = e->cap_selections ? e->cap_selections * 2 : 8;

		s = pq_alloc_n(e, cap, sizeof(*s));
		if (!s)
			return pq_oom(e);
		if (e->n_selections)
			memcpy(s, e->selections, e->n_selections * sizeof(*s));
		e->selections = s;
		e->cap_selections = cap;
	}
	n->selection = e->n_selections;
	e->selections[e->n_selections++] = (struct pq_selection){.sel = &n->sel,
								 .from_ms = from,
								 .to_ms = to,
								 .totals = n->totals,
								 .pos = n->pos,
								 .res_ms = res,
								 .field = need->field,
								 .lookback_ms = PQ_LOOKBACK_MS};
	return 0;
}

/* The time that a modifier gives instead of the step's. */
static bool fixed_time(const struct pq_engine *e, const struct pq_node *n, int64_t *t)
{
	switch (n->at) {
	case PQ_AT_TIME: *t = n->at_ms; return true;
	case PQ_AT_START: *t = e->start_ms; return true;
	case PQ_AT_END: *t = e->end_ms; return true;
	default: return false;
	}
}

/*
 * Of a histogram whose count, sum or average is all that is asked for, the buckets
 * need not be looked at: unless some call or operator on the way looks into them,
 * or a subquery, whose steps need the resets that only buckets show.
 */
enum totals { WHOLE, TOTALS, NEVER_TOTALS };

static enum totals asks_totals(const struct pq_node *n, enum totals outside)
{
	static const char *const only[] = {"histogram_count", "histogram_sum", "histogram_avg"};
	static const char *const all[] = {"histogram_quantile", "histogram_quantiles",
					  "histogram_fraction"};

	if (n->kind == PQ_SUBQUERY || (n->kind == PQ_BINARY && pq_op_is_trim(n->op)))
		return NEVER_TOTALS;
	for (size_t i = 0; n->kind == PQ_CALL && i < ARRAY_SIZE(all); i++)
		if (!strcmp(n->func->name, all[i]))
			return NEVER_TOTALS;
	for (size_t i = 0; n->kind == PQ_CALL && i < ARRAY_SIZE(only); i++)
		if (!strcmp(n->func->name, only[i]) && outside == WHOLE)
			return TOTALS;
	return outside;
}

static int plan(struct pq_engine *e, struct pq_node *n, struct planned p, enum totals totals)
{
	int64_t t;
	int r = 0;

	totals = asks_totals(n, totals);
	n->totals = totals == TOTALS;

	if (n->kind == PQ_SELECTOR || n->kind == PQ_SUBQUERY) {
		if (fixed_time(e, n, &t))
			p.start = p.end = t;
		p.start -= n->offset_ms;
		p.end -= n->offset_ms;
	}
	if (n->kind == PQ_SELECTOR)
		return add_selection(e, n, &p);
	if (n->kind == PQ_SUBQUERY) {
		p.start -= n->range_ms;
		p.step_ms = n->step_ms ? n->step_ms : PQ_SUBQUERY_STEP_MS;
		p.start -= p.start % p.step_ms; /* as its steps are */
	}
	if (n->kind == PQ_CALL)
		p.call = n;
	for (size_t i = 0; !r && i < n->n_args; i++)
		r = plan(e, n->args[i], p, totals);
	return r;
}

/* ---- reading ------------------------------------------------------------------------- */

/* A sum or count is that of a counter; whether it was reset is found here, once. */
static void only_totals(const struct sg_native *before, struct sg_native *h)
{
	if (h->hint == SG_HINT_UNKNOWN && before)
		h->hint = sg_native_is_reset(before, h) ? SG_HINT_RESET : SG_HINT_NOT_RESET;
}

static void drop_buckets(struct sg_native *h)
{
	h->n_pos = h->n_neg = 0;
	h->zero_count = h->zero_threshold = 0;
}

static void note_layout(struct pq_track *t, const struct sg_native *h, int8_t *schema)
{
	t->gauges |= h->hint == SG_HINT_GAUGE;
	t->layouts |= *schema != INT8_MAX && *schema != h->schema;
	*schema = h->schema;
}

#define MADE_AT_ONCE 64

const struct sg_native *pq_make_hist(const struct pq_track *t, size_t i)
{
	static const struct sg_native empty = {.schema = SG_SCHEMA_OWN};
	struct pq_engine *e = t->e;

	if (!e->made_left) {
		e->made = pq_alloc_lasting(e, MADE_AT_ONCE, sizeof(*e->made));
		e->made_left = e->made ? MADE_AT_ONCE : 0;
	}
	if (!e->made_left) {
		e->short_of_memory = true;
		return &empty;
	}
	e->made_left--;
	sg_native_from_hist(e->made, &t->own[i]);
	t->hists[i] = e->made;
	return e->made++;
}

/* sgprobe's own, without their buckets. */
static void make_totals(const struct sg_points *p, struct sg_native *made, struct pq_track *t)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct sg_hist *h = &p->hists[i];

		made[i] = (struct sg_native){
			.count = h->count, .sum = h->sum, .schema = SG_SCHEMA_OWN};
		if (i)
			made[i].hint =
				sg_hist_is_reset(h - 1, h) ? SG_HINT_RESET : SG_HINT_NOT_RESET;
		t->hists[i] = &made[i];
	}
}

static void make_any(const struct sg_points *p, bool totals, struct sg_native *made,
		     struct pq_track *t)
{
	struct sg_native *before = NULL;
	int8_t schema = INT8_MAX;

	for (size_t i = 0; i < p->n; i++) {
		struct sg_native *h = &made[i];

		t->hists[i] = NULL;
		if (!p->natives[i])
			continue;
		*h = *p->natives[i];
		if (totals)
			only_totals(before, h);
		before = h;
		t->hists[i] = h;
		note_layout(t, h, &schema);
	}
	for (size_t i = 0; totals && i < p->n; i++)
		if (t->hists[i])
			drop_buckets(&made[i]);
	t->values = p->values;
}

/* Histograms as the engine has them; what the reader gives is borrowed. */
static int make_hists(struct pq_engine *e, const struct sg_points *p, bool totals,
		      struct pq_track *t)
{
	struct sg_native *made = NULL;

	t->hists = pq_alloc_n(e, p->n, sizeof(*t->hists));
	if (p->natives || totals)
		made = pq_alloc_n(e, p->n, sizeof(*made));
	if (!t->hists || (!made && (p->natives || totals)))
		return pq_oom(e);
	e->any_buckets |= !totals;
	if (p->natives) {
		make_any(p, totals, made, t);
	} else if (totals) {
		make_totals(p, made, t);
	} else {
		memset(t->hists, 0, p->n * sizeof(*t->hists));
		t->own = p->hists;
		t->e = e;
	}
	return 0;
}

static int make_tracks(struct pq_engine *e, const struct sg_points_set *set, bool totals,
		       struct pq_tracks *ret)
{
	int r = 0;

	ret->tracks = pq_alloc_n(e, set->n, sizeof(*ret->tracks));
	if (!ret->tracks)
		return pq_oom(e);
	ret->n = set->n;
	for (size_t i = 0; !r && i < set->n; i++) {
		const struct sg_points *p = &set->series[i];
		struct pq_track *t = &ret->tracks[i];

		*t = (struct pq_track){.series = &p->series, .n = p->n, .t_ms = p->t_ms};
		if (p->natives || p->series.type == SG_HISTOGRAM)
			r = make_hists(e, p, totals, t);
		else
			t->values = p->values;
	}
	return r;
}

/* ---- ends of series ------------------------------------------------------------------- */

bool pq_is_stale(const struct pq_track *t, size_t i)
{
	uint64_t bits;

	if (!t->values || (t->hists && t->hists[i]))
		return false;
	memcpy(&bits, &t->values[i], sizeof(bits));
	return bits == SG_STALE_BITS;
}

static int without_stale(struct pq_engine *e, struct pq_track *t)
{
	const struct sg_native **hists = pq_alloc_n(e, t->n, sizeof(*hists));
	int64_t *times = pq_alloc_n(e, t->n, sizeof(*times));
	double *values = pq_alloc_n(e, t->n, sizeof(*values));
	size_t n = 0;

	if (!hists || !times || !values)
		return pq_oom(e);
	for (size_t i = 0; i < t->n; i++) {
		if (pq_is_stale(t, i))
			continue;
		times[n] = t->t_ms[i];
		values[n] = t->values[i];
		hists[n++] = t->hists ? t->hists[i] : NULL;
	}
	t->t_ms = times;
	t->values = values;
	t->hists = t->hists ? hists : NULL;
	t->n = n;
	return 0;
}

/* Windows do not see the markers, instant selectors do. Only readers of natives have them. */
static int make_live(struct pq_engine *e, const struct sg_points_set *set, struct pq_selection *s)
{
	int r = 0;

	s->live = s->tracks;
	for (size_t i = 0; !r && i < set->n; i++) {
		bool stale = false;

		for (size_t k = 0; set->series[i].natives && !stale && k < s->tracks.tracks[i].n;
		     k++)
			stale = pq_is_stale(&s->tracks.tracks[i], k);
		if (!stale)
			continue;
		if (s->live.tracks == s->tracks.tracks) {
			s->live.tracks = pq_alloc_n(e, set->n, sizeof(*s->live.tracks));
			if (!s->live.tracks)
				return pq_oom(e);
			memcpy(s->live.tracks, s->tracks.tracks, set->n * sizeof(*s->live.tracks));
		}
		r = without_stale(e, &s->live.tracks[i]);
	}
	return r;
}

static int too_many_samples(struct pq_engine *e)
{
	return sg_fail(
		e->err, -E2BIG,
		"query processing would load too many samples into memory in query "
		"execution: ask for a shorter range or fewer series (the limit is %zu samples)",
		e->max_samples);
}

static int select_samples(struct pq_engine *e, const struct pq_selection *s, int64_t from_ms,
			  struct sg_points_set *set)
{
	struct sg_read_limits lim = {.max_samples = e->max_samples - e->n_samples,
				     .deadline_ns = e->deadline_ns,
				     .res_ms = s->res_ms,
				     .field = s->field};
	int r = e->reader->select(e->reader, s->sel, 1, from_ms, s->to_ms, &lim, e->arena, set,
				  e->err);

	return r == -ENOMEM ? pq_oom(e) : r;
}

/* The answer says so when it is not made of what was measured each second. */
static void tell_resolution(struct pq_engine *e, const struct pq_selection *s, int64_t res_ms)
{
	if (res_ms >= 3600000)
		pq_info(e, s->pos, "samples are read at a resolution of %lldh",
			(long long)res_ms / 3600000);
	else if (res_ms >= 60000)
		pq_info(e, s->pos, "samples are read at a resolution of %lldm",
			(long long)res_ms / 60000);
	else if (res_ms)
		pq_info(e, s->pos, "samples are read at a resolution of %llds",
			(long long)res_ms / 1000);
}

static int read_selection(struct pq_engine *e, struct pq_selection *s)
{
	struct sg_points_set set = {0};
	int r;

	if (e->max_samples == e->n_samples)
		return too_many_samples(e);
	r = select_samples(e, s, s->from_ms, &set);
	/* Where only coarse ones are left, one has to look further back for the last. */
	if (!r && 2 * set.res_ms > s->lookback_ms) {
		s->lookback_ms = 2 * set.res_ms;
		r = select_samples(e, s, s->from_ms - s->lookback_ms, &set);
	}
	if (r < 0)
		return r;
	tell_resolution(e, s, set.res_ms);
	e->n_samples += set.n_samples;
	if (e->n_samples > e->max_samples)
		return too_many_samples(e);
	r = make_tracks(e, &set, s->totals, &s->tracks);
	return r < 0 ? r : make_live(e, &set, s);
}

int pq_read_all(struct pq_engine *e, struct pq_node *root, const struct pq_grid *g)
{
	const struct planned p = {.start = g->start_ms,
				  .end = pq_grid_time(g, g->n - 1),
				  .step_ms = g->n > 1 ? g->step_ms : 0};
	int r = plan(e, root, p, WHOLE);

	for (size_t i = 0; !r && i < e->n_selections; i++) {
		r = pq_tick(e);
		if (!r)
			r = read_selection(e, &e->selections[i]);
	}
	return r;
}

/* ---- windows ------------------------------------------------------------------------- */

void pq_window_at(const struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		  size_t step, int64_t *start, int64_t *end)
{
	int64_t t = pq_grid_time(g, step);

	fixed_time(e, n, &t);
	*end = t - n->offset_ms;
	*start = *end - n->range_ms;
}

/* Mostly a little after where windows began before. */
static size_t first_after(struct pq_track *t, int64_t time)
{
	size_t a = t->sought, b, stride = 1;

	if (a >= t->n || t->t_ms[a] > time)
		a = 0;
	for (b = a; b < t->n && t->t_ms[b] <= time; stride *= 2) {
		a = b + 1;
		b += stride;
	}
	b = SG_MIN(b, t->n);
	while (a < b) {
		size_t mid = a + (b - a) / 2;

		if (t->t_ms[mid] <= time)
			a = mid + 1;
		else
			b = mid;
	}
	return t->sought = a;
}

void pq_window_slide(struct pq_window *w, int64_t start, int64_t end)
{
	struct pq_track *t = w->track;

	if (!w->hi)
		w->lo = w->hi = first_after(t, start);
	while (w->hi < t->n && t->t_ms[w->hi] <= end)
		w->hi++;
	while (w->lo < w->hi && t->t_ms[w->lo] <= start)
		w->lo++;
	w->start_ms = start;
	w->end_ms = end;
}

/* ---- instant selectors --------------------------------------------------------------- */

static void cell_at(const struct pq_track *t, size_t i, struct pq_cell *out)
{
	out->h = pq_hist_at(t, i);
	out->v = out->h ? 0 : t->values[i];
}

static int fill_row(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		    struct pq_track *t, struct pq_rows *out)
{
	int64_t lookback = e->selections[n->selection].lookback_ms;
	struct pq_window w = {.track = t};
	struct pq_cell *cells = NULL;

	for (size_t i = 0; i < g->n; i++) {
		int64_t start, end;

		pq_window_at(e, g, n, i, &start, &end);
		pq_window_slide(&w, end - lookback, end);
		if (w.lo == w.hi || pq_is_stale(t, w.hi - 1))
			continue;
		if (!cells)
			cells = pq_cells(e, g);
		if (!cells)
			return pq_oom(e);
		cell_at(t, w.hi - 1, &cells[i]);
	}
	return cells ? pq_rows_add(e, out, t->series, false, cells) : 0;
}

int pq_eval_selector(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		     struct pq_rows *out)
{
	struct pq_tracks *ts = &e->selections[n->selection].tracks;
	int r = 0;

	for (size_t i = 0; !r && i < ts->n; i++) {
		r = pq_tick(e);
		if (!r)
			r = fill_row(e, g, n, &ts->tracks[i], out);
	}
	return r;
}

/* ---- subqueries ---------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Steps of a subquery are multiples of its step, whatever the query's start is. */
static int inner_grid(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		      struct pq_grid *in)
{
	int64_t first, last, ignored;

	pq_window_at(e, g, n, 0, &first, &ignored);
	pq_window_at(e, g, n, g->n - 1, &ignored, &last);
	in->step_ms = n->step_ms ? n->step_ms : PQ_SUBQUERY_STEP_MS;
	in->start_ms = (floor_div(first, in->step_ms) + 1) * in->step_ms;
	in->n = last < in->start_ms ? 0 : (size_t)((last - in->start_ms) / in->step_ms) + 1;
	return in->n > e->max_samples ? too_many_samples(e) : 0;
}

static int row_to_track(struct pq_engine *e, const struct pq_grid *in, const struct pq_row *row,
			struct pq_track *t)
{
	int64_t *times = pq_alloc_n(e, in->n, sizeof(*times));
	double *values = pq_alloc_n(e, in->n, sizeof(*values));
	const struct sg_native **hists = pq_alloc_n(e, in->n, sizeof(*hists));
	bool any_hist = false;
	int8_t schema = INT8_MAX;

	if (!times || !values || !hists)
		return pq_oom(e);
	*t = (struct pq_track){.series = &row->series,
			       .drop_name = row->drop_name,
			       .t_ms = times,
			       .values = values};
	for (size_t i = 0; i < in->n; i++) {
		if (!pq_has(&row->cells[i]))
			continue;
		times[t->n] = pq_grid_time(in, i);
		values[t->n] = row->cells[i].v;
		hists[t->n++] = row->cells[i].h;
		any_hist |= row->cells[i].h != NULL;
		if (row->cells[i].h)
			note_layout(t, row->cells[i].h, &schema);
	}
	t->hists = any_hist ? hists : NULL;
	return 0;
}

static int eval_subquery(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
			 struct pq_tracks *ret)
{
	struct pq_rows rows = {0};
	struct pq_grid in;
	int r = inner_grid(e, g, n, &in);

	*ret = (struct pq_tracks){0};
	if (r < 0 || !in.n)
		return r;
	r = pq_eval(e, &in, n->args[0], &rows);
	pq_rows_done(&rows);
	if (r < 0)
		return r;
	ret->tracks = pq_alloc_n(e, rows.n, sizeof(*ret->tracks));
	if (!ret->tracks)
		return pq_oom(e);
	for (size_t i = 0; !r && i < rows.n; i++)
		r = row_to_track(e, &in, rows.rows[i], &ret->tracks[ret->n++]);
	return r;
}

int pq_eval_tracks(struct pq_engine *e, const struct pq_grid *g, const struct pq_node *n,
		   struct pq_tracks *ret)
{
	n = pq_unwrap(n);
	if (n->kind == PQ_SUBQUERY)
		return eval_subquery(e, g, n, ret);
	*ret = n->range_ms ? e->selections[n->selection].live : e->selections[n->selection].tracks;
	return 0;
}
