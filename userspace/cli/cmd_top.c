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
#define WHO_MAX 64

struct who { /* a program or a cgroup */
	char name[64];
	struct sg_hist oncpu, runq;
};

struct top {
	struct sg_cli *cli;
	struct sg_src src;
	const char *by; /* "comm" or "cgroup" */
	bool paused;
	int64_t t_ms;
	struct sg_buf out; /* the picture */
	int r; /* of the rows */
	struct sg_error err;
};

/* ---- the host --------------------------------------------------------------------- */

static void put_hist_row(struct sg_buf *b, const char *title, const char *unit,
			 const struct sg_hist *h)
{
	const double v[] = {sg_hist_quantile(h, 0.5), sg_hist_quantile(h, 0.9),
			    sg_hist_quantile(h, 0.99), sg_hist_max(h)};
	char text[32];

	sg_buf_printf(b, "%-30.30s", title);
	sg_put_right(b, sg_fmt_count(h->count / WINDOW_S, text, sizeof(text)), 10);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		sg_put_right(b, h->count > 0 ? sg_fmt_unit(unit, v[i], text, sizeof(text)) : "-",
			     10);
	sg_buf_char(b, '\n');
}

static int host_row(const struct sg_metric_info *m, void *ctx)
{
	struct top *t = ctx;
	struct sg_hist all = {0};
	struct sg_heat h;

	if (m->type != SG_HISTOGRAM || m->of)
		return 0;
	t->r = sg_src_heat(&t->src, m->name, t->t_ms - WINDOW_S * 1000, t->t_ms, 1000, &h, &t->err);
	if (t->r < 0)
		return 1;
	for (size_t i = 0; i < h.n; i++)
		sg_hist_add(&all, &h.columns[i]);
	put_hist_row(&t->out, m->title, m->unit, &all);
	sg_hist_free(&all);
	sg_heat_free(&h);
	return 0;
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
	sg_buf_printf(&t->out, "%-30s %9s %9s %9s %9s %9s\n", "LATENCY", "events/s", "p50", "p90",
		      "p99", "max");
}

static int draw(struct top *t, unsigned int rows)
{
	int r = sg_src_newest(&t->src, &t->t_ms, &t->err);
	unsigned int used;

	if (r < 0)
		return r;
	t->t_ms = t->t_ms / 1000 * 1000;
	put_title(t);
	t->r = 0;
	sg_metrics_each(host_row, t);
	if (t->r < 0)
		return t->r;
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
	int r = draw(t, 40);

	return r < 0 ? r : sg_cli_put(&t->out);
}

int sg_cmd_top(struct sg_cli *cli, int argc, char **argv)
{
	struct top t = {.cli = cli, .by = "comm"};
	uint64_t interval_ns = 1000000000;
	bool one = false;
	const struct sg_opt opts[] = {
		{"once", '1', SG_OPT_FLAG, &one, NULL, "print once, do not go live"},
		{"by", 0, SG_OPT_TEXT, &t.by, "comm|cgroup", "who is listed (comm)"},
		{"interval", 'i', SG_OPT_DURATION, &interval_ns, "DURATION",
		 "between two looks (1s)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (strcmp(t.by, "comm") != 0 && strcmp(t.by, "cgroup") != 0)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--by is comm or cgroup");
	r = sg_src_open(&t.src, &cli->cfg, &t.err);
	if (r == 0)
		r = one || t.src.reader || !isatty(STDOUT_FILENO)
			    ? once(&t)
			    : live(&t, SG_MIN(interval_ns, 3600000000000ULL));
	sg_src_close(&t.src);
	sg_buf_free(&t.out);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s",
				   t.err.msg[0] ? t.err.msg : strerror(-r))
		     : r;
}
