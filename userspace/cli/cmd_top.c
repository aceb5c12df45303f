// SPDX-License-Identifier: GPL-2.0
/* The host's latencies of the last seconds, and who had them. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sgprobe/metric.h>
#include <sgprobe/time.h>

#include "opts.h"
#include "promhist.h"
#include "render.h"

#define WINDOW_S 5
#define WINDOW_MS (WINDOW_S * 1000)
#define WHO_MAX 64

struct who { /* a program or a cgroup */
	char name[64];
	struct sg_hist oncpu, runq;
};

#define EARLIER 12 /* windows that "than usual" compares with */
#define EARLIER_MIN 4
#define EVENTS_MIN 50 /* in a window: a p99 of fewer is one event */
#define SLOWER 1.5
#define ROWS_MIN 6
#define ROW_MAX 512

struct row { /* a histogram of the host */
	char name[SG_NAME_MAX + 1], title[64], unit[16];
	bool latency; /* more of it is worse */
	struct sg_hist now;
	double earlier[EARLIER]; /* p99 of windows before; NaN: too few events */
	unsigned int n_earlier, at;
	int64_t kept_ms; /* when a window was kept last */
};

struct top {
	struct sg_cli *cli;
	struct sg_src src;
	const char *by; /* "comm" or "cgroup" */
	bool paused, all;
	int64_t t_ms;
	struct row *rows;
	size_t n_rows;
	struct sg_buf out; /* the picture */
	struct sg_error err;
};

/* ---- the host --------------------------------------------------------------------- */

static int add_row(const struct sg_metric_info *m, void *ctx)
{
	struct top *t = ctx;
	struct row *r = &t->rows[t->n_rows];

	if (m->type != SG_HISTOGRAM || m->of || t->n_rows == ROW_MAX)
		return 0;
	snprintf(r->name, sizeof(r->name), "%s", m->name);
	snprintf(r->title, sizeof(r->title), "%s", m->title);
	snprintf(r->unit, sizeof(r->unit), "%s", m->unit);
	r->latency = sg_metric_is_latency(m);
	t->n_rows++;
	return 0;
}

static double p99_of(const struct sg_hist *h)
{
	return h->count >= EVENTS_MIN ? sg_hist_quantile(h, 0.99) : NAN;
}

static void keep(struct row *r, double p99, int64_t end_ms)
{
	r->earlier[r->at++ % EARLIER] = p99;
	r->n_earlier = SG_MIN(r->n_earlier + 1, EARLIER);
	r->kept_ms = end_ms;
}

static int up(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How many times the p99 is what it was in most of the windows before; NaN: that cannot be said. */
static double change(const struct row *r)
{
	double sorted[EARLIER];
	size_t n = 0;

	for (size_t i = 0; i < r->n_earlier; i++)
		if (r->earlier[i] > 0)
			sorted[n++] = r->earlier[i];
	if (n < EARLIER_MIN)
		return NAN;
	qsort(sorted, n, sizeof(*sorted), up);
	return p99_of(&r->now) / sorted[n / 2];
}

/* Adds the seconds of window w, of a heat map with a column a second. */
static int add_window(struct sg_hist *to, const struct sg_heat *h, size_t w)
{
	int r = 0;

	for (size_t i = w * WINDOW_S; r == 0 && i < SG_MIN((w + 1) * WINDOW_S, h->n); i++)
		r = sg_hist_add(to, &h->columns[i]);
	return r;
}

static int keep_windows(struct top *t, struct row *r, const struct sg_heat *h)
{
	int k = 0;

	for (size_t w = 0; k == 0 && w < EARLIER; w++) {
		struct sg_hist one = {0};

		k = add_window(&one, h, w);
		keep(r, p99_of(&one), t->t_ms);
		sg_hist_free(&one);
	}
	return k;
}

/* The first time the minute before is read as well; later it is what was on the screen. */
static int read_row(struct top *t, struct row *r)
{
	size_t before = r->kept_ms ? 0 : EARLIER;
	struct sg_heat h;
	int k = sg_src_heat(&t->src, r->name, t->t_ms - WINDOW_MS * ((int64_t)before + 1), t->t_ms,
			    1000, &h, &t->err);

	if (k < 0)
		return k;
	if (before)
		k = keep_windows(t, r, &h);
	else if (t->t_ms - r->kept_ms >= WINDOW_MS)
		keep(r, p99_of(&r->now), t->t_ms);
	sg_hist_free(&r->now);
	r->now = (struct sg_hist){0};
	if (k == 0)
		k = add_window(&r->now, &h, before);
	sg_heat_free(&h);
	return k;
}

/* Got slower first, then latencies, other times, and what is no time. */
static int class_of(const struct row *r)
{
	if (r->latency)
		return change(r) >= SLOWER ? 0 : 1;
	return strcmp(r->unit, "seconds") == 0 ? 2 : 3;
}

static int by_interest(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	int cx = class_of(x), cy = class_of(y);

	if (cx == 0 && cy == 0 && change(x) != change(y))
		return change(x) < change(y) ? 1 : -1;
	if (cx != cy)
		return cx - cy;
	return x < y ? -1 : x > y; /* in the order of the catalogue */
}

static void put_row(struct sg_buf *b, const struct row *r)
{
	const struct sg_hist *h = &r->now;
	const double v[] = {sg_hist_quantile(h, 0.5), sg_hist_quantile(h, 0.9),
			    sg_hist_quantile(h, 0.99), sg_hist_max(h)};
	double times = change(r);
	char text[32];

	sg_buf_printf(b, "%-28.28s", r->title);
	sg_put_right(b, sg_fmt_count(h->count / WINDOW_S, text, sizeof(text)), 9);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		sg_put_right(b, sg_fmt_observed(r->unit, v[i], text, sizeof(text)), 9);
	snprintf(text, sizeof(text), "-");
	if (!isnan(times))
		snprintf(text, sizeof(text), "%.*fx", times < 9.95 ? 1 : 0, SG_MIN(times, 9999.0));
	sg_put_right(b, text, 7);
	sg_buf_char(b, '\n');
}

static void put_rest(struct top *t, size_t more)
{
	size_t quiet = 0;

	for (size_t i = 0; i < t->n_rows; i++)
		quiet += t->rows[i].now.count == 0;
	if (more)
		sg_buf_printf(&t->out, "%zu more (a: all)%s", more, quiet ? ", " : "");
	if (quiet)
		sg_buf_printf(&t->out, "%zu without events", quiet);
	if (more || quiet)
		sg_buf_char(&t->out, '\n');
}

static int put_host(struct top *t, unsigned int room)
{
	const struct row **shown = calloc(t->n_rows + 1, sizeof(struct row *));
	size_t n = 0, most;
	int r = shown ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < t->n_rows; i++) {
		r = read_row(t, &t->rows[i]);
		if (r == 0 && t->rows[i].now.count > 0)
			shown[n++] = &t->rows[i];
	}
	if (n)
		qsort(shown, n, sizeof(*shown), by_interest);
	most = t->all ? n : SG_MIN(n, (size_t)SG_MAX(room, ROWS_MIN));
	for (size_t i = 0; r == 0 && i < most; i++)
		put_row(&t->out, shown[i]);
	if (r == 0)
		put_rest(t, n - most);
	free(shown);
	return r;
}

/* ---- who -------------------------------------------------------------------------- */

static struct who *find(struct who *all, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strncmp(all[i].name, name, sizeof(all[i].name) - 1) == 0)
			return &all[i];
	if (*n == WHO_MAX)
		return NULL;
	snprintf(all[*n].name, sizeof(all[*n].name), "%s", name);
	return &all[(*n)++];
}

/* Adds the increase of one histogram metric per name. */
static int read_who(struct top *t, const char *metric, struct who *all, size_t *n, bool runq)
{
	char expr[256];
	json_t *data, *s;
	size_t i;
	int r;

	snprintf(expr, sizeof(expr), "increase(sgprobe_%s_%s[%ds])", t->by, metric, WINDOW_S);
	r = sg_src_query(&t->src, expr, t->t_ms, &data, &t->err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(data, "result"), i, s)
	{
		const char *name =
			json_string_value(json_object_get(json_object_get(s, "metric"), t->by));
		struct who *w = name ? find(all, n, name) : NULL;
		struct sg_hist h;

		if (!w ||
		    sg_promhist_parse(&h, json_array_get(json_object_get(s, "histogram"), 1)) < 0)
			continue;
		sg_hist_add(runq ? &w->runq : &w->oncpu, &h);
		sg_hist_free(&h);
	}
	json_decref(data);
	return 0;
}

static int by_cpu(const void *a, const void *b)
{
	double x = ((const struct who *)a)->oncpu.sum, y = ((const struct who *)b)->oncpu.sum;

	return (x < y) - (x > y);
}

static void put_who(struct sg_buf *b, const struct who *w)
{
	const double v[] = {sg_hist_quantile(&w->runq, 0.5), sg_hist_quantile(&w->runq, 0.99)};
	char text[32];

	sg_buf_printf(b, "%7.1f%%", w->oncpu.sum / WINDOW_S * 100);
	sg_put_right(b, sg_fmt_count(w->runq.count / WINDOW_S, text, sizeof(text)), 10);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		sg_put_right(b, sg_fmt_unit("seconds", v[i], text, sizeof(text)), 10);
	sg_buf_str(b, "  ");
	sg_term_str(b, w->name);
	sg_buf_char(b, '\n');
}

static int put_all_who(struct top *t, unsigned int rows)
{
	struct who *all = calloc(WHO_MAX, sizeof(*all));
	size_t n = 0;
	int r = all ? read_who(t, "sched_oncpu_seconds", all, &n, false) : -ENOMEM;

	if (r == 0)
		r = read_who(t, "sched_runqueue_latency_seconds", all, &n, true);
	if (r == 0) {
		qsort(all, n, sizeof(*all), by_cpu);
		sg_buf_printf(&t->out, "\n%8s %9s %9s %9s  %s\n", "CPU", "waits/s", "wait p50",
			      "p99", strcmp(t->by, "comm") == 0 ? "PROGRAM" : "CGROUP");
		for (size_t i = 0; i < n && i < rows; i++)
			put_who(&t->out, &all[i]);
	}
	for (size_t i = 0; i < n; i++) {
		sg_hist_free(&all[i].oncpu);
		sg_hist_free(&all[i].runq);
	}
	free(all);
	return r;
}

/* ---- the screen ------------------------------------------------------------------- */

static void put_title(struct top *t)
{
	time_t now = t->t_ms / 1000;
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	sg_buf_printf(&t->out, "sgprobe top  %s, the last %d s%s%s\n\n", clock, WINDOW_S,
		      t->src.reader ? ", from the store" : "", t->paused ? ", paused" : "");
	sg_buf_printf(&t->out, "%-28s%9s%9s%9s%9s%9s%7s\n", "LATENCY", "events/s", "p50", "p90",
		      "p99", "max", "usual");
}

static int draw(struct top *t, unsigned int rows)
{
	int r = sg_src_newest(&t->src, &t->t_ms, &t->err);
	unsigned int used;

	if (r < 0)
		return r;
	t->t_ms = t->t_ms / 1000 * 1000;
	put_title(t);
	/* Half of the screen is for who it was. */
	r = put_host(t, rows / 2 > 5 ? rows / 2 - 5 : 0);
	if (r < 0)
		return r;
	used = 3;
	for (size_t i = 0; i < t->out.len; i++)
		used += t->out.data[i] == '\n';
	return put_all_who(t, rows > used ? rows - used : 3);
}

static void on_key(struct top *t, int key)
{
	if (key == 'c')
		t->by = "comm";
	else if (key == 'g')
		t->by = "cgroup";
	else if (key == 'a')
		t->all = !t->all;
	else if (key == 'p' || key == ' ')
		t->paused = !t->paused;
}

/* Draws anew; once something was shown, a daemon that is away for a while is waited for. */
static int redraw(struct top *t, bool first)
{
	int r;

	sg_buf_reset(&t->out);
	t->err.msg[0] = '\0';
	r = draw(t, sg_tty_size().rows);
	if (r >= 0 || first)
		return r;
	sg_buf_reset(&t->out);
	sg_buf_str(&t->out, "sgprobe top: ");
	sg_term_str(&t->out, t->err.msg);
	sg_buf_str(&t->out, "\ntrying again; q ends\n");
	return 0;
}

static int live(struct top *t, uint64_t interval_ns)
{
	struct sg_tty tty;
	int key = 0, r = redraw(t, true);

	if (r < 0)
		return r;
	r = sg_tty_open(&tty);
	while (r >= 0 && key != 'q' && key != 3) {
		sg_tty_draw(&t->out);
		key = sg_tty_wait(&tty, (int)(interval_ns / 1000000));
		on_key(t, key);
		if (!t->paused)
			r = redraw(t, false);
	}
	sg_tty_close(&tty);
	return r;
}

static int once(struct top *t)
{
	int r = draw(t, 60);

	return r < 0 ? r : sg_cli_put(&t->out);
}

int sg_cmd_top(struct sg_cli *cli, int argc, char **argv)
{
	struct top t = {.cli = cli, .by = "comm"};
	uint64_t interval_ns = 1000000000;
	bool one = false;
	const struct sg_opt opts[] = {
		{"once", '1', SG_OPT_FLAG, &one, NULL, "print once, do not go live"},
		{"all", 'a', SG_OPT_FLAG, &t.all, NULL, "every latency, not only the first"},
		{"by", 0, SG_OPT_TEXT, &t.by, "comm|cgroup", "who is listed (comm)"},
		{"interval", 'i', SG_OPT_DURATION, &interval_ns, "DURATION",
		 "between two looks (1s)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (strcmp(t.by, "comm") != 0 && strcmp(t.by, "cgroup") != 0)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--by is comm or cgroup");
	t.rows = calloc(ROW_MAX, sizeof(*t.rows));
	if (!t.rows)
		return sg_cli_fail(cli, SG_EXIT_FAILED, "out of memory");
	sg_metrics_each(add_row, &t);
	r = sg_src_open(&t.src, &cli->cfg, &t.err);
	if (r == 0)
		r = one || t.src.reader || !isatty(STDOUT_FILENO)
			    ? once(&t)
			    : live(&t, SG_MIN(interval_ns, 3600000000000ULL));
	sg_src_close(&t.src);
	sg_buf_free(&t.out);
	for (size_t i = 0; i < t.n_rows; i++)
		sg_hist_free(&t.rows[i].now);
	free(t.rows);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s",
				   t.err.msg[0] ? t.err.msg : strerror(-r))
		     : r;
}
