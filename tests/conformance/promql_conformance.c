// SPDX-License-Identifier: GPL-2.0
// Runs PromQL test scripts, in the language of Prometheus' own engine tests:
//   promql-conformance [-v] DIR
// prints 'FILE passed/total' for each DIR/*.test and 'TOTAL passed/total' last; with -v
// each case that differs. The status is 0 when all pass. Every evaluation counts.
#include <glob.h>
#include <regex.h>

#include "promqltest_parse.h"
#include "query/fake_reader.h"

#define MAX_EXPECTED 1024
#define MAX_NOTES 16

/* "expect warn msg: ...": a note, or an error, that must come. */
struct note {
	bool warn;
	const char *msg, *regex; /* NULL: any */
};
struct expected {
	struct sg_series s;
	struct points points;
};
struct expectation {
	bool fail, no_warn, no_info, ordered, bad, scalar, range;
	const char *string;
	struct note fails, notes[MAX_NOTES];
	size_t n_notes;
	int64_t from, to, step;
	double number;
	size_t n;
	struct expected e[MAX_EXPECTED];
};
struct evaluation {
	const char *query;
	bool range;
	int64_t from, to, step;
	size_t line;
};

/* What a series' last histogram was, for the hints that a store finds. */
struct loaded {
	struct fake_series *fs;
	struct own_native *last; /* NULL: none, or a float came after it */
};

struct script {
	const char *name;
	char **lines;
	size_t n, at;
	struct fake_reader *f;
	struct sg_arena *arena;
	struct loaded *loaded;
	size_t n_loaded, cap_loaded;
	size_t passed, total;
	bool verbose;
};

static bool is_indented(const char *s)
{
	return *s == ' ' || *s == '\t';
}

static void clear_data(struct script *sc)
{
	fake_clear(sc->f);
	for (size_t i = 0; i < sc->n_loaded; i++)
		free(sc->loaded[i].last);
	sc->n_loaded = 0;
}

/* ---- load ------------------------------------------------------------------------------ */

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

static enum sg_type type_of(const char *name)
{
	static const char *const ends[] = {"_total", "_sum", "_count", "_bucket"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_in(name, ends[i]))
			return SG_COUNTER;
	return SG_GAUGE;
}

static struct loaded *loaded_of(struct script *sc, struct fake_series *fs)
{
	for (size_t i = 0; i < sc->n_loaded; i++)
		if (sc->loaded[i].fs == fs)
			return &sc->loaded[i];
	if (SG_GROW(sc->loaded, sc->cap_loaded, sc->n_loaded) < 0)
		abort();
	sc->loaded[sc->n_loaded] = (struct loaded){.fs = fs};
	return &sc->loaded[sc->n_loaded++];
}

/*
 * The hint that Prometheus' store gives back: a histogram that goes on where the one
 * before it ended is marked so; the first of a chunk is not known to.
 */
static uint8_t stored_hint(const struct own_native *last, const struct own_native *now)
{
	struct sg_native h = now->h;

	if (h.hint == SG_HINT_GAUGE)
		return SG_HINT_GAUGE;
	if (!last || last->h.hint == SG_HINT_GAUGE || h.hint == SG_HINT_RESET)
		return SG_HINT_UNKNOWN;
	h.hint = SG_HINT_UNKNOWN;
	if (h.schema != last->h.schema || h.zero_threshold != last->h.zero_threshold ||
	    !sg_native_same_bounds(&h, &last->h) || sg_native_is_reset(&last->h, &h))
		return SG_HINT_UNKNOWN;
	return SG_HINT_NOT_RESET;
}

static void load_hist(struct script *sc, struct loaded *l, int64_t t, const struct own_native *n)
{
	struct own_native *own = native_copy(n);

	own->h.hint = stored_hint(l->last, n);
	fake_add_native(sc->f, l->fs, t, &own->h, 0);
	free(l->last);
	l->last = own;
	/* The first of a chunk is marked as unknown; what follows it goes on from there. */
}

static void load_points(struct script *sc, const struct sg_series *s, const struct points *ps,
			int64_t step)
{
	struct sg_series typed = *s;
	struct loaded *l;

	typed.type = type_of(s->name);
	l = loaded_of(sc, fake_series_of(sc->f, &typed));
	for (size_t i = 0; i < ps->n; i++) {
		int64_t t = (int64_t)i * step;
		const struct fake_series *fs = l->fs;

		if (ps->p[i].kind == POINT_NONE || (fs->n && fs->t_ms[fs->n - 1] >= t))
			continue;
		if (ps->p[i].kind == POINT_HIST) {
			load_hist(sc, l, t, ps->p[i].n);
			continue;
		}
		fake_add_native(sc->f, l->fs, t, NULL, ps->p[i].v);
		free(l->last);
		l->last = NULL;
	}
}

/* ---- classic histograms as native ones ---- */

struct classic {
	struct sg_series s; /* of the native one */
	size_t n_bounds;
	struct {
		double upper;
		struct points points;
	} buckets[64];
	struct points count, sum;
};
struct classics {
	size_t n;
	struct classic list[64];
};

static struct sg_series stem(struct script *sc, const struct sg_series *s)
{
	struct sg_label *l = sg_arena_alloc(sc->arena, (s->n_labels + 1U) * sizeof(*l));
	const char *end = strrchr(s->name, '_');
	struct sg_series out = *s;

	out.name = sg_arena_strndup(sc->arena, s->name, (size_t)(end - s->name));
	out.labels = l;
	out.n_labels = 0;
	for (size_t i = 0; i < s->n_labels; i++)
		if (strcmp(s->labels[i].name, "le"))
			l[out.n_labels++] = s->labels[i];
	out.hash = sg_series_hash(out.name, l, out.n_labels);
	return out;
}

static struct classic *classic_of(struct classics *cs, const struct sg_series *s)
{
	for (size_t i = 0; i < cs->n; i++)
		if (sg_series_equal(&cs->list[i].s, s))
			return &cs->list[i];
	if (cs->n == ARRAY_SIZE(cs->list))
		abort();
	cs->list[cs->n] = (struct classic){.s = *s};
	return &cs->list[cs->n++];
}

/* Takes the points over. */
static void collect(struct script *sc, struct classics *cs, const struct sg_series *s,
		    struct points *ps)
{
	struct sg_series base;
	struct classic *c;
	size_t i;

	if (!ends_in(s->name, "_bucket") && !ends_in(s->name, "_sum") &&
	    !ends_in(s->name, "_count"))
		return;
	base = stem(sc, s);
	c = classic_of(cs, &base);
	if (ends_in(s->name, "_sum")) {
		c->sum = *ps;
	} else if (ends_in(s->name, "_count")) {
		c->count = *ps;
	} else {
		double upper = strtod(sg_series_label(s, "le"), NULL);

		if (c->n_bounds == ARRAY_SIZE(c->buckets))
			abort();
		for (i = c->n_bounds; i && c->buckets[i - 1].upper > upper; i--)
			c->buckets[i] = c->buckets[i - 1];
		c->buckets[i].upper = upper;
		c->buckets[i].points = *ps;
		c->n_bounds++;
	}
	*ps = (struct points){0};
}

static bool value_at(const struct points *ps, size_t i, double *v)
{
	if (i >= ps->n || ps->p[i].kind != POINT_FLOAT)
		return false;
	*v = ps->p[i].v;
	return true;
}

/* The native histogram at one time; false when there is none, or its counts fall. */
static bool convert_at(const struct classic *c, size_t at, struct own_native *n)
{
	double below = 0, v = 0, all;
	bool any = false;
	uint32_t k = 0;

	memset(n, 0, sizeof(*n));
	point_at_itself(n);
	n->h.schema = SG_SCHEMA_CUSTOM;
	for (size_t i = 0; i < c->n_bounds; i++) {
		if (!value_at(&c->buckets[i].points, at, &v))
			continue;
		if (v < below)
			return false;
		any = true;
		if (isinf(c->buckets[i].upper))
			break;
		n->bounds[k] = c->buckets[i].upper;
		if (v != below)
			n->pos[n->h.n_pos++] = (struct sg_bucket){(int32_t)k, v - below};
		k++;
		below = v;
	}
	all = v;
	value_at(&c->count, at, &all);
	if (all != below)
		n->pos[n->h.n_pos++] = (struct sg_bucket){(int32_t)k, all - below};
	value_at(&c->sum, at, &n->h.sum);
	n->h.n_bounds = k;
	n->h.count = all;
	return any;
}

static void load_classic(struct script *sc, struct classic *c, int64_t step)
{
	struct points ps = {0};
	size_t n = 0;

	for (size_t i = 0; i < c->n_bounds; i++)
		n = SG_MAX(n, c->buckets[i].points.n);
	for (size_t i = 0; i < n; i++) {
		struct point p = {0};
		struct own_native *h = malloc(sizeof(*h));

		if (!h)
			abort();
		if (convert_at(c, i, h))
			p = (struct point){.kind = POINT_HIST, .n = h};
		add_point(&ps, &p);
		free(h);
	}
	if (n)
		load_points(sc, &c->s, &ps, step);
	points_free(&ps);
	for (size_t i = 0; i < c->n_bounds; i++)
		points_free(&c->buckets[i].points);
	points_free(&c->sum);
	points_free(&c->count);
}

struct definitions {
	size_t n, cap;
	struct expected *d;
};

/* Takes the points over. The last of two lines for one series is the one that counts. */
static void define(struct definitions *ds, const struct sg_series *s, const struct points *ps)
{
	for (size_t i = 0; i < ds->n; i++)
		if (sg_series_equal(&ds->d[i].s, s)) {
			points_free(&ds->d[i].points);
			ds->d[i].points = *ps;
			return;
		}
	if (SG_GROW(ds->d, ds->cap, ds->n) < 0)
		abort();
	ds->d[ds->n++] = (struct expected){*s, *ps};
}

static void read_definitions(struct script *sc, struct definitions *ds)
{
	for (; sc->at < sc->n; sc->at++) {
		const char *line = sc->lines[sc->at], *p = skip_blank(line);
		struct points ps = {0};
		struct sg_series s;
		size_t n;

		if (!*p || *p == '#')
			continue;
		if (!is_indented(line))
			return;
		n = metric_length(p);
		if (parse_metric(p, n, sc->arena, &s) < 0) {
			printf("%s:%zu: cannot read the series: %s\n", sc->name, sc->at + 1, p);
			continue;
		}
		parse_points(p + n, &ps);
		define(ds, &s, &ps);
	}
}

static void load(struct script *sc, const char *args, bool nhcb)
{
	struct classics *cs = calloc(1, sizeof(*cs));
	struct definitions ds = {0};
	int64_t step = 0;

	if (!cs)
		abort();
	args = skip_blank(args);
	parse_ms(&args, &step);
	read_definitions(sc, &ds);
	for (size_t i = 0; i < ds.n; i++) {
		load_points(sc, &ds.d[i].s, &ds.d[i].points, step);
		if (nhcb)
			collect(sc, cs, &ds.d[i].s, &ds.d[i].points);
		points_free(&ds.d[i].points);
	}
	for (size_t i = 0; i < cs->n; i++)
		load_classic(sc, &cs->list[i], step);
	free(ds.d);
	free(cs);
}

/* ---- what is expected -------------------------------------------------------------------- */

static void parse_note(const char *p, struct note *n)
{
	const char *msg = strstr(p, "msg:"), *regex = strstr(p, "regex:");

	if (msg && (!regex || msg < regex))
		n->msg = skip_blank(msg + 4);
	else if (regex)
		n->regex = skip_blank(regex + 6);
}

static bool starts(const char *p, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(p, word, n) && (!p[n] || isspace((unsigned char)p[n]));
}

static void add_note(struct expectation *x, bool warn, const char *p)
{
	if (x->n_notes == MAX_NOTES)
		return;
	x->notes[x->n_notes] = (struct note){.warn = warn};
	parse_note(p, &x->notes[x->n_notes++]);
}

static void parse_expect(struct expectation *x, const char *p)
{
	x->no_warn |= starts(p, "no_warn");
	x->no_info |= starts(p, "no_info");
	x->ordered |= starts(p, "ordered");
	if (starts(p, "warn"))
		add_note(x, true, p);
	if (starts(p, "info"))
		add_note(x, false, p);
	if (starts(p, "fail")) {
		x->fail = true;
		parse_note(p, &x->fails);
	}
	if (starts(p, "string"))
		x->string = skip_blank(p + 6);
	if (!strncmp(p, "range vector from ", 18)) {
		x->range = true;
		p += 18;
		parse_ms(&p, &x->from);
		p = skip_blank(p) + 3;
		parse_ms(&p, &x->to);
		p = skip_blank(p) + 5;
		parse_ms(&p, &x->step);
	}
}

static void parse_series(struct script *sc, struct expectation *x, const char *p)
{
	struct expected *e = &x->e[x->n];
	size_t n = metric_length(p);
	char *end;

	x->number = strtod(p, &end);
	if (end != p && !*skip_blank(end)) {
		x->scalar = true;
		return;
	}
	if (x->n == MAX_EXPECTED || parse_metric(p, n, sc->arena, &e->s) < 0) {
		x->bad = true;
		return;
	}
	parse_points(p + n, &e->points);
	x->bad |= e->points.bad;
	x->n++;
}

static void parse_expectation(struct script *sc, struct expectation *x)
{
	for (; sc->at < sc->n; sc->at++) {
		const char *line = sc->lines[sc->at], *p = skip_blank(line);

		if (!*p || (*p != '#' && !is_indented(line)))
			return;
		if (*p == '#')
			continue;
		if (!strncmp(p, "expect ", 7))
			parse_expect(x, skip_blank(p + 7));
		else if (!strncmp(p, "expected_fail_message", 21))
			x->fails.msg = skip_blank(p + 21);
		else if (!strncmp(p, "expected_fail_regexp", 20))
			x->fails.regex = skip_blank(p + 20);
		else
			parse_series(sc, x, p);
	}
}

/* ---- comparison ---------------------------------------------------------------------------- */

static bool near(double got, double want)
{
	if (isnan(got) || isnan(want))
		return isnan(got) && isnan(want);
	return got == want || fabs(got - want) <= 1e-6 * fmax(fabs(got), fabs(want));
}

static bool same_buckets(const struct sg_bucket *a, uint32_t n_a, const struct sg_bucket *b,
			 uint32_t n_b)
{
	if (n_a != n_b)
		return false;
	for (uint32_t i = 0; i < n_a; i++)
		if (a[i].index != b[i].index || !near(a[i].count, b[i].count))
			return false;
	return true;
}

static bool same_hist(const struct sg_native *got, const struct own_native *want)
{
	const struct sg_native *w = &want->h;

	return got->schema == w->schema && near(got->count, w->count) && near(got->sum, w->sum) &&
	       near(got->zero_count, w->zero_count) && got->zero_threshold == w->zero_threshold &&
	       sg_native_same_bounds(got, w) && (!want->hint_set || got->hint == w->hint) &&
	       same_buckets(got->pos, got->n_pos, w->pos, w->n_pos) &&
	       same_buckets(got->neg, got->n_neg, w->neg, w->n_neg);
}

static const struct sg_point *point_at(const struct sg_value_series *s, int64_t t)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->points[i].t_ms == t)
			return &s->points[i];
	return NULL;
}

static const char *compare_series(const struct sg_value_series *s, const struct expected *e,
				  int64_t from, int64_t step)
{
	size_t n = 0;

	for (size_t i = 0; i < e->points.n; i++) {
		const struct point *want = &e->points.p[i];
		const struct sg_point *got = point_at(s, from + (int64_t)i * step);

		if (want->kind == POINT_NONE && got)
			return "a sample that is not expected";
		if (want->kind == POINT_NONE)
			continue;
		n++;
		if (!got)
			return "a sample is missing";
		if ((want->kind == POINT_HIST) != (got->hist != NULL))
			return "another kind of sample";
		if (got->hist ? !same_hist(got->hist, want->n) : !near(got->value, want->v))
			return "another value";
	}
	return n == s->n ? NULL : "more samples";
}

static const char *compare_set(const struct sg_value *v, const struct expectation *x, int64_t from,
			       int64_t step)
{
	if (v->n != x->n)
		return v->n > x->n ? "more series" : "fewer series";
	for (size_t i = 0; i < x->n; i++) {
		const struct sg_value_series *found = NULL;
		const char *why;

		for (size_t k = 0; k < v->n; k++)
			if (sg_series_equal(&v->series[k].series, &x->e[i].s) &&
			    (!x->ordered || k == i))
				found = &v->series[k];
		if (!found)
			return x->ordered ? "another order" : "other labels";
		why = compare_series(found, &x->e[i], from, step);
		if (why)
			return why;
	}
	return NULL;
}

static bool note_matches(const struct note *n, const char *text)
{
	sg_auto_buf b = {0};
	regex_t re;
	bool yes;

	if (n->msg)
		return !strcmp(n->msg, text);
	if (!n->regex)
		return true;
	for (const char *p = n->regex; *p; p++) {
		if (p[0] == '\\' && p[1] == 'd') {
			sg_buf_str(&b, "[0-9]");
			p++;
		} else {
			sg_buf_char(&b, *p);
		}
	}
	if (b.err || regcomp(&re, b.data, REG_EXTENDED | REG_NOSUB))
		return false;
	yes = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return yes;
}

/* Each note that is expected came, and, where any are, no other of its sort. */
static const char *compare_notes(const struct sg_value *v, const struct expectation *x, bool warn)
{
	const char *kind = warn ? "PromQL warning" : "PromQL info";
	size_t wanted = 0, got = 0, matched = 0;

	for (size_t k = 0; k < x->n_notes; k++) {
		bool found = false;

		if (x->notes[k].warn != warn)
			continue;
		wanted++;
		for (size_t i = 0; i < v->n_warnings; i++)
			found |= !strncmp(v->warnings[i], kind, strlen(kind)) &&
				 note_matches(&x->notes[k], v->warnings[i]);
		if (!found)
			return warn ? "a warning is missing" : "an info is missing";
	}
	for (size_t i = 0; i < v->n_warnings; i++) {
		bool found = false;

		if (strncmp(v->warnings[i], kind, strlen(kind)))
			continue;
		got++;
		for (size_t k = 0; k < x->n_notes; k++)
			found |= x->notes[k].warn == warn &&
				 note_matches(&x->notes[k], v->warnings[i]);
		matched += found;
	}
	if (got && (warn ? x->no_warn : x->no_info))
		return warn ? "a warning that is not expected" : "an info that is not expected";
	return wanted && matched < got ? "another note" : NULL;
}

static const char *compare_string(const struct sg_value *v, const struct script *sc,
				  const char *want)
{
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_error err;
	struct sg_value w = {0};

	if (v->kind != SG_STRING ||
	    sg_query_instant(&sc->f->reader, want, 0, NULL, arena, &w, &err) < 0)
		return "another kind of value";
	return w.kind == SG_STRING && !strcmp(v->string, w.string) ? NULL : "another string";
}

static const char *compare(const struct script *sc, const struct sg_value *v,
			   const struct expectation *x, const struct evaluation *ev)
{
	const char *why = compare_notes(v, x, true);

	if (!why)
		why = compare_notes(v, x, false);
	if (why)
		return why;
	if (x->bad)
		return "an expectation that cannot be read";
	if (x->string)
		return compare_string(v, sc, x->string);
	if (x->scalar || v->kind == SG_SCALAR) {
		double want = x->scalar				   ? x->number
			      : x->n == 1 && x->e[0].points.n == 1 ? x->e[0].points.p[0].v
								   : NAN;

		if (v->kind != SG_SCALAR || (!x->scalar && x->n != 1))
			return "another kind of value";
		return near(v->scalar.value, want) ? NULL : "another number";
	}
	if (v->kind == SG_STRING)
		return "another kind of value";
	if (x->range)
		return compare_set(v, x, x->from, x->step);
	return compare_set(v, x, ev->from, ev->range ? ev->step : 1);
}

/* ---- eval ------------------------------------------------------------------------------ */

static void print_hist(const struct sg_native *h)
{
	printf(" {{schema:%d count:%g sum:%g z:%g/%g hint:%d", h->schema, h->count, h->sum,
	       h->zero_count, h->zero_threshold, h->hint);
	for (uint32_t i = 0; i < h->n_bounds; i++)
		printf("%s%g", i ? " " : " bounds:", h->bounds[i]);
	for (uint32_t i = 0; i < h->n_neg; i++)
		printf(" -%d=%g", h->neg[i].index, h->neg[i].count);
	for (uint32_t i = 0; i < h->n_pos; i++)
		printf(" %d=%.10g", h->pos[i].index, h->pos[i].count);
	printf("}}");
}

static void print_series(const struct sg_series *s)
{
	printf("    %s{", s->name);
	for (size_t i = 0; i < s->n_labels; i++)
		printf("%s%s=\"%s\"", i ? "," : "", s->labels[i].name, s->labels[i].value);
	printf("}");
}

static void print_got(const struct sg_value *v)
{
	printf("  got:\n");
	if (v->kind == SG_SCALAR)
		printf("    %.17g\n", v->scalar.value);
	if (v->kind == SG_STRING)
		printf("    \"%s\"\n", v->string);
	for (size_t i = 0; i < v->n; i++) {
		print_series(&v->series[i].series);
		for (size_t k = 0; k < v->series[i].n; k++)
			if (v->series[i].points[k].hist)
				print_hist(v->series[i].points[k].hist);
			else
				printf(" %.12g", v->series[i].points[k].value);
		printf("\n");
	}
	for (size_t i = 0; i < v->n_warnings; i++)
		printf("    %s\n", v->warnings[i]);
}

static void print_failure(const struct script *sc, const struct evaluation *ev, const char *why,
			  const struct sg_value *v, const struct sg_error *err)
{
	printf("%s:%zu: %s: %s\n  expected:\n", sc->name, ev->line, ev->query, why);
	for (size_t i = ev->line; i < sc->at; i++)
		printf("    %s\n", skip_blank(sc->lines[i]));
	if (*err->msg)
		printf("  got the error: %s\n", err->msg);
	else
		print_got(v);
}

static void check(struct script *sc, const struct evaluation *ev, const struct expectation *x)
{
	sg_auto(sg_arena) arena = sg_arena_new(64UL << 20);
	struct sg_error err = {""};
	struct sg_value v = {0};
	const char *why;
	int r;

	if (ev->range)
		r = sg_query_range(&sc->f->reader, ev->query, ev->from, ev->to, ev->step, NULL,
				   arena, &v, &err);
	else
		r = sg_query_instant(&sc->f->reader, ev->query, ev->from, NULL, arena, &v, &err);
	if (x->fail)
		why = r == 0				 ? "no error"
		      : note_matches(&x->fails, err.msg) ? NULL
							 : "another error";
	else
		why = r < 0 ? "an error" : compare(sc, &v, x, ev);
	sc->total++;
	sc->passed += !why;
	if (why && sc->verbose)
		print_failure(sc, ev, why, &v, &err);
}

/* first: the word "eval", "eval_fail" ...; p: what follows it. */
static void eval(struct script *sc, const char *p, const char *first)
{
	struct expectation *x = calloc(1, sizeof(*x));
	struct evaluation ev = {.range = !strncmp(p, "range from ", 11), .line = sc->at};

	if (!x)
		abort();
	x->fail = !strncmp(first, "eval_fail", 9);
	x->ordered = !strncmp(first, "eval_ordered", 12);
	if (!strncmp(first, "eval_warn", 9))
		add_note(x, true, "");
	if (!strncmp(first, "eval_info", 9))
		add_note(x, false, "");
	p += ev.range ? 11 : strlen("instant at ");
	parse_ms(&p, &ev.from);
	if (ev.range) {
		p = skip_blank(p) + strlen("to ");
		parse_ms(&p, &ev.to);
		p = skip_blank(p) + strlen("step ");
		parse_ms(&p, &ev.step);
	}
	ev.query = skip_blank(p);
	parse_expectation(sc, x);
	check(sc, &ev, x);
	for (size_t i = 0; i < x->n; i++)
		points_free(&x->e[i].points);
	free(x);
}

static void run_line(struct script *sc)
{
	const char *line = sc->lines[sc->at++], *p = skip_blank(line);

	if (!strncmp(p, "clear", 5))
		clear_data(sc);
	else if (!strncmp(p, "load_with_nhcb", 14))
		load(sc, p + 14, true);
	else if (!strncmp(p, "load", 4))
		load(sc, p + 4, false);
	else if (!strncmp(p, "eval", 4) && strchr(p, ' '))
		eval(sc, skip_blank(strchr(p, ' ')), p);
	else if (*p && *p != '#')
		printf("%s:%zu: cannot read: %s\n", sc->name, sc->at, p);
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "r");
	sg_auto_buf b = {0};
	char buf[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		sg_buf_add(&b, buf, n);
	fclose(f);
	return b.data ? strdup(b.data) : NULL;
}

static void split_lines(struct script *sc, char *text)
{
	size_t cap = 0;

	for (char *p = text; p && *p;) {
		char *end = strchr(p, '\n');

		if (SG_GROW(sc->lines, cap, sc->n) < 0)
			abort();
		sc->lines[sc->n++] = p;
		if (!end)
			break;
		*end = '\0';
		p = end + 1;
	}
}

static void run_script(const char *path, struct script *total)
{
	const char *slash = strrchr(path, '/');
	struct script sc = {.name = slash ? slash + 1 : path,
			    .f = fake_new(),
			    .arena = sg_arena_new(0),
			    .verbose = total->verbose};
	char *text = read_all(path);

	split_lines(&sc, text);
	while (sc.at < sc.n)
		run_line(&sc);
	printf("%s %zu/%zu\n", sc.name, sc.passed, sc.total);
	total->passed += sc.passed;
	total->total += sc.total;
	clear_data(&sc);
	sg_reader_close(&sc.f->reader);
	sg_arena_free(sc.arena);
	free(sc.loaded);
	free(sc.lines);
	free(text);
}

int main(int argc, char **argv)
{
	struct script total = {.verbose = argc > 2 && !strcmp(argv[1], "-v")};
	char pattern[4096];
	glob_t g = {0};

	if (argc != 2 + total.verbose) {
		fprintf(stderr, "usage: promql-conformance [-v] DIR\n");
		return 2;
	}
	snprintf(pattern, sizeof(pattern), "%s/*.test", argv[argc - 1]);
	if (glob(pattern, 0, NULL, &g)) {
		fprintf(stderr, "promql-conformance: no *.test in %s\n", argv[argc - 1]);
		return 2;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		run_script(g.gl_pathv[i], &total);
	globfree(&g);
	printf("TOTAL %zu/%zu\n", total.passed, total.total);
	return total.passed == total.total ? 0 : 1;
}
