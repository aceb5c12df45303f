// SPDX-License-Identifier: GPL-2.0
// Prometheus' own engine tests, where a copy of them is at hand: SGPROBE_PROMQL_DATA
// names the folder of *.test scripts. Skipped without one.
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "query/fake_reader.h"
#include "query/promqltest_parse.h"

/* These look into buckets, whose schema is always 3 here. */
static const char *const needs_schema3[] = {"histogram_quantile", "histogram_fraction",
					    "histogram_stddev", "histogram_stdvar",
					    "histogram_quantiles"};

struct script {
	const char *path;
	char **lines;
	size_t n, at;
	struct fake_reader *f;
	struct sg_arena *arena;
	char *odd[256]; /* metrics that cannot be held */
	size_t n_odd;
	bool schema3; /* all histograms loaded are of schema 3 */
	size_t passed, failed, skipped;
};

struct expected {
	struct sg_series s;
	struct points points;
};
struct expectation {
	bool fail, warn, info, no_warn, no_info, ordered, odd, scalar, range;
	const char *string, *msg;
	int64_t from, to, step;
	double number;
	size_t n;
	struct expected e[512];
};

static bool verbose(void)
{
	return getenv("SGPROBE_PROMQL_VERBOSE") != NULL;
}

static bool is_indented(const char *s)
{
	return *s == ' ' || *s == '\t';
}

static void mark_odd(struct script *sc, const char *name)
{
	if (sc->n_odd < ARRAY_SIZE(sc->odd))
		sc->odd[sc->n_odd++] = strdup(name);
}

static void clear_data(struct script *sc)
{
	fake_clear(sc->f);
	while (sc->n_odd)
		free(sc->odd[--sc->n_odd]);
	sc->schema3 = true;
}

/* ---- load ------------------------------------------------------------------------------ */

static bool is_counter(const char *name)
{
	static const char *const ends[] = {"_total", "_sum", "_count", "_bucket"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (strlen(name) > strlen(ends[i]) &&
		    !strcmp(name + strlen(name) - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

static void load_points(struct script *sc, const struct sg_series *s, const struct points *ps,
			int64_t step)
{
	const char *labels[2 * SG_LABELS_MAX + 2] = {NULL};
	struct fake_series *fs;
	enum sg_type type = SG_GAUGE;
	bool floats = false, hists = false;

	for (size_t i = 0; i < ps->n; i++) {
		floats |= ps->p[i].kind == POINT_FLOAT;
		hists |= ps->p[i].kind == POINT_HIST;
		sc->schema3 &= ps->p[i].kind != POINT_HIST || ps->p[i].schema == 3 || !ps->p[i].h.n;
	}
	if (ps->odd || ps->gauge || (floats && hists)) {
		mark_odd(sc, s->name);
		return;
	}
	type = hists ? SG_HISTOGRAM : is_counter(s->name) ? SG_COUNTER : SG_GAUGE;
	for (size_t i = 0; i < s->n_labels; i++) {
		labels[2 * i] = s->labels[i].name;
		labels[2 * i + 1] = s->labels[i].value;
	}
	fs = fake_series(sc->f, type, s->name, labels);
	if (fs->s.type != type || fs->n) {
		mark_odd(sc, s->name);
		return;
	}
	for (size_t i = 0; i < ps->n; i++) {
		if (ps->p[i].kind == POINT_FLOAT)
			fake_add(fs, (int64_t)i * step, ps->p[i].v);
		else if (ps->p[i].kind == POINT_HIST)
			fake_add_hist(fs, (int64_t)i * step, &ps->p[i].h);
	}
}

static bool storable(struct script *sc, const struct sg_series *s)
{
	struct sg_label l[SG_LABELS_MAX];
	struct sg_series copy;

	memcpy(l, s->labels, s->n_labels * sizeof(*l));
	if (*s->name && !sg_series_init(&copy, SG_GAUGE, s->name, l, s->n_labels))
		return true;
	mark_odd(sc, s->name);
	return false;
}

/* A classic histogram that is loaded as a native one too has that one's name. */
static void mark_stem(struct script *sc, const char *name)
{
	const char *end = strrchr(name, '_');
	char stem[SG_NAME_MAX + 1];

	if (!end)
		return;
	snprintf(stem, sizeof(stem), "%.*s", (int)SG_MIN((size_t)(end - name), (size_t)SG_NAME_MAX),
		 name);
	mark_odd(sc, stem);
}

static void load(struct script *sc, const char *args, bool nhcb)
{
	int64_t step = 0;

	args = skip_blank(args);
	parse_ms(&args, &step);
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
		if (parse_metric(p, n, sc->arena, &s) < 0)
			continue;
		parse_points(p + n, &ps);
		if (nhcb)
			mark_stem(sc, s.name);
		if (storable(sc, &s))
			load_points(sc, &s, &ps, step);
		points_free(&ps);
	}
}

/* ---- eval ------------------------------------------------------------------------------ */

static void parse_expect(struct expectation *x, const char *p)
{
	static const struct {
		const char *word;
		size_t offset;
	} flags[] = {
		{"fail", offsetof(struct expectation, fail)},
		{"warn", offsetof(struct expectation, warn)},
		{"info", offsetof(struct expectation, info)},
		{"no_warn", offsetof(struct expectation, no_warn)},
		{"no_info", offsetof(struct expectation, no_info)},
		{"ordered", offsetof(struct expectation, ordered)},
	};

	p = skip_blank(p);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		size_t n = strlen(flags[i].word);

		if (!strncmp(p, flags[i].word, n) && (!p[n] || isspace((unsigned char)p[n])))
			*(bool *)((char *)x + flags[i].offset) = true;
	}
	if (strstr(p, "msg:"))
		x->msg = skip_blank(strstr(p, "msg:") + 4);
	if (!strncmp(p, "string", 6))
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

static void parse_expectation(struct script *sc, struct expectation *x)
{
	for (; sc->at < sc->n; sc->at++) {
		const char *line = sc->lines[sc->at], *p = skip_blank(line);
		struct expected *e = &x->e[x->n];
		size_t n;
		char *end;

		if (!*p)
			return;
		if (*p == '#')
			continue;
		if (!is_indented(line))
			return;
		if (!strncmp(p, "expect ", 7)) {
			parse_expect(x, p + 7);
			continue;
		}
		if (!strncmp(p, "expected_fail", 13))
			continue;
		x->number = strtod(p, &end);
		if (end != p && !*skip_blank(end)) {
			x->scalar = true;
			continue;
		}
		n = metric_length(p);
		if (x->n == ARRAY_SIZE(x->e) || parse_metric(p, n, sc->arena, &e->s) < 0) {
			x->odd = true;
			continue;
		}
		parse_points(p + n, &e->points);
		x->n++;
	}
}

static bool near(double got, double want)
{
	if (isnan(got) || isnan(want))
		return isnan(got) && isnan(want);
	return got == want || fabs(got - want) <= 1e-6 * fmax(fabs(got), fabs(want));
}

static bool same_hist(const struct sg_hist *a, const struct sg_hist *b)
{
	uint32_t i = 0, j = 0;

	if (!near(a->count, b->count) || !near(a->sum, b->sum))
		return false;
	while (i < a->n || j < b->n) {
		if (i < a->n && a->buckets[i].count == 0)
			i++;
		else if (j < b->n && b->buckets[j].count == 0)
			j++;
		else if (i >= a->n || j >= b->n || a->buckets[i].index != b->buckets[j].index ||
			 !near(a->buckets[i].count, b->buckets[j].count))
			return false;
		else
			i++, j++;
	}
	return true;
}

/* The point of a series at a time, or NULL. */
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
		if (got->hist ? !same_hist(got->hist, &want->h) : !near(got->value, want->v))
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

static const char *compare_notes(const struct sg_value *v, const struct expectation *x)
{
	bool warn = false, info = false, msg = !x->msg;

	for (size_t i = 0; i < v->n_warnings; i++) {
		warn |= !strncmp(v->warnings[i], "PromQL warning", 14);
		info |= !strncmp(v->warnings[i], "PromQL info", 11);
		msg |= x->msg && !strcmp(v->warnings[i], x->msg);
	}
	if ((x->warn && !warn) || (x->info && !info))
		return "a warning or note is missing";
	if ((x->no_warn && warn) || (x->no_info && info))
		return "a warning or note that is not expected";
	return msg ? NULL : "another message";
}

static const char *compare(const struct sg_value *v, const struct expectation *x, int64_t from,
			   int64_t step)
{
	const char *why = compare_notes(v, x);
	char quoted[1024];

	if (why)
		return why;
	if (x->string) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", v->string ? v->string : "");
		return v->kind == SG_STRING && !strcmp(quoted, x->string) ? NULL : "another string";
	}
	if (x->scalar && v->kind == SG_SCALAR)
		return near(v->scalar.value, x->number) ? NULL : "another number";
	if (v->kind == SG_SCALAR && x->n == 1 && x->e[0].points.n == 1)
		return near(v->scalar.value, x->e[0].points.p[0].v) ? NULL : "another number";
	if (x->range)
		return compare_set(v, x, x->from, x->step);
	return compare_set(v, x, from, step);
}

/* Whether a query speaks of a metric: the whole word. */
static bool mentions(const char *query, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(query, name); n && p; p = strstr(p + 1, name)) {
		bool begins = p == query || !(isalnum((unsigned char)p[-1]) || p[-1] == '_');

		if (begins && !isalnum((unsigned char)p[n]) && p[n] != '_')
			return true;
	}
	return false;
}

static bool cannot_hold(const struct script *sc, const char *query, const struct expectation *x)
{
	for (size_t i = 0; i < sc->n_odd; i++)
		if (mentions(query, sc->odd[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(needs_schema3); i++)
		if (strstr(query, needs_schema3[i]) && !sc->schema3)
			return true;
	/* Selectors without a name may reach what was not loaded. */
	if (sc->n_odd && strstr(query, "__name__"))
		return true;
	for (size_t i = 0; i < x->n; i++)
		if (x->e[i].points.odd)
			return true;
	return x->odd;
}

static void count(struct script *sc, const char *query, size_t line, const char *why,
		  const struct sg_error *err)
{
	if (!why) {
		sc->passed++;
		return;
	}
	sc->failed++;
	if (verbose())
		print_message("%s:%zu: %s: %s %s\n", sc->path, line, query, why, err->msg);
}

static void check(struct script *sc, const char *query, struct expectation *x, bool range,
		  int64_t from, int64_t to, int64_t step, size_t line)
{
	sg_auto(sg_arena) arena = sg_arena_new(64UL << 20);
	struct sg_error err = {""};
	struct sg_value v = {0};
	const char *why = NULL;
	int r;

	if (cannot_hold(sc, query, x)) {
		sc->skipped++;
		return;
	}
	if (range)
		r = sg_query_range(&sc->f->reader, query, from, to, step, NULL, arena, &v, &err);
	else
		r = sg_query_instant(&sc->f->reader, query, from, NULL, arena, &v, &err);
	if (r == -EOPNOTSUPP) {
		sc->skipped++;
		return;
	}
	if (x->fail)
		why = r == 0				  ? "no error"
		      : x->msg && strcmp(err.msg, x->msg) ? "another error"
							  : NULL;
	else
		why = r < 0 ? "an error" : compare(&v, x, from, range ? step : 1);
	count(sc, query, line, why, &err);
}

static void eval(struct script *sc, const char *p, const char *first)
{
	struct expectation *x = calloc(1, sizeof(*x));
	bool range = !strncmp(p, "range from ", 11);
	int64_t from = 0, to = 0, step = 0;
	size_t line = sc->at;

	x->fail = strstr(first, "eval_fail") != NULL;
	x->warn = strstr(first, "eval_warn") != NULL;
	x->info = strstr(first, "eval_info") != NULL;
	x->ordered = strstr(first, "eval_ordered") != NULL;
	p += range ? 11 : strlen("instant at ");
	parse_ms(&p, &from);
	if (range) {
		p = skip_blank(p) + strlen("to ");
		parse_ms(&p, &to);
		p = skip_blank(p) + strlen("step ");
		parse_ms(&p, &step);
	}
	parse_expectation(sc, x);
	check(sc, skip_blank(p), x, range, from, to, step, line);
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

static void run_script(const char *path, struct script *total)
{
	struct script sc = {
		.path = path, .f = fake_new(), .arena = sg_arena_new(0), .schema3 = true};
	char *text = read_all(path), *save = NULL;
	size_t cap = 0;

	/* strtok would join empty lines, which end an expectation. */
	for (char *p = text; p && *p;) {
		char *end = strchr(p, '\n');

		if (SG_GROW(sc.lines, cap, sc.n) < 0)
			abort();
		sc.lines[sc.n++] = p;
		if (!end)
			break;
		*end = '\0';
		p = end + 1;
	}
	(void)save;
	while (sc.at < sc.n)
		run_line(&sc);
	print_message("# %s: %zu as in Prometheus, %zu not, %zu left out\n",
		      strrchr(path, '/') ? strrchr(path, '/') + 1 : path, sc.passed, sc.failed,
		      sc.skipped);
	total->passed += sc.passed;
	total->failed += sc.failed;
	total->skipped += sc.skipped;
	clear_data(&sc);
	sg_reader_close(&sc.f->reader);
	sg_arena_free(sc.arena);
	free(sc.lines);
	free(text);
}

static void prometheus_own_cases_come_out_as_there(void **state)
{
	const char *dir = getenv("SGPROBE_PROMQL_DATA");
	struct script total = {0};
	char pattern[4096];
	glob_t g = {0};

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/*.test", dir ? dir : "/nonexistent");
	if (!dir || glob(pattern, 0, NULL, &g)) {
		print_message(
			"# skip: set SGPROBE_PROMQL_DATA to a folder of PromQL test scripts\n");
		globfree(&g);
		skip();
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		run_script(g.gl_pathv[i], &total);
	globfree(&g);
	print_message("# all: %zu as in Prometheus, %zu not, %zu left out\n", total.passed,
		      total.failed, total.skipped);
	/* What differs are hints of counter resets that our histograms do not carry. */
	assert_true(total.passed > 0 && total.failed * 100 <= total.passed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prometheus_own_cases_come_out_as_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
