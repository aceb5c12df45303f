// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/time.h>

#include "metrics.h"
#include "opts.h"
#include "render.h"

struct view {
	struct sg_cli *cli;
	struct sg_src src;
	const char *match;
	uint64_t last_ns;
	int64_t to; /* -1: now */
};

/* The widest whole step that puts the range into the columns there are. */
static int64_t step_for(uint64_t last_ns, unsigned int columns)
{
	static const int64_t nice[] = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600};
	int64_t seconds = (int64_t)(last_ns / 1000000000);

	for (size_t i = 0; i < ARRAY_SIZE(nice); i++)
		if (seconds / nice[i] <= columns)
			return nice[i] * 1000;
	return (seconds / columns + 1) * 1000;
}

static int fetch(struct view *v, unsigned int columns, struct sg_heat *h, struct sg_error *err)
{
	int64_t to = v->to, step = step_for(v->last_ns, columns);
	int r = to < 0 ? sg_src_newest(&v->src, &to, err) : 0;

	if (r < 0)
		return r;
	to = to / step * step;
	return sg_src_heat(&v->src, v->match, to - (int64_t)(v->last_ns / 1000000), to, step, h,
			   err);
}

static int draw(struct view *v, struct sg_buf *b, unsigned int rows, struct sg_error *err)
{
	struct sg_size size = sg_tty_size();
	struct sg_heat_style style = {.columns = size.columns,
				      .rows = rows ? rows : size.rows,
				      .depth = sg_tty_depth(sg_cli_color(v->cli, stdout))};
	struct sg_heat h;
	int r = fetch(v, size.columns - 9, &h, err);

	if (r < 0)
		return r;
	sg_heat_render(b, &h, &style);
	sg_heat_free(&h);
	return b->err;
}

/* Draws anew; once something was shown, a daemon that is away for a while is waited for. */
static int redraw(struct view *v, struct sg_buf *b, bool first, struct sg_error *err)
{
	int r;

	sg_buf_reset(b);
	err->msg[0] = '\0';
	r = draw(v, b, 0, err);
	if (r >= 0 || first)
		return r;
	sg_buf_reset(b);
	sg_buf_str(b, "sgprobe heat: ");
	sg_term_str(b, err->msg);
	sg_buf_str(b, "\ntrying again; q ends\n");
	return 0;
}

static int live(struct view *v, struct sg_error *err)
{
	sg_auto_buf b = {0};
	struct sg_tty tty;
	int key = 0, r = redraw(v, &b, true, err);

	if (r < 0)
		return r;
	r = sg_tty_open(&tty);
	while (r >= 0 && key != 'q' && key != 3) {
		sg_tty_draw(&b);
		key = sg_tty_wait(&tty, 1000);
		r = redraw(v, &b, false, err);
	}
	sg_tty_close(&tty);
	return r;
}

static void put_hist(struct sg_buf *b, const struct sg_hist *c)
{
	sg_json_num(b, c->count);
	sg_buf_char(b, ',');
	sg_json_num(b, c->sum);
	sg_buf_str(b, ",[");
	for (uint32_t k = 0; k < c->n; k++) {
		sg_buf_printf(b, "%s[%d,", k ? "," : "", c->buckets[k].index);
		sg_json_num(b, c->buckets[k].count);
		sg_buf_char(b, ']');
	}
	sg_buf_char(b, ']');
}

static void put_json(struct sg_buf *b, const struct sg_heat *h)
{
	bool any = false;

	sg_buf_str(b, "{\"name\":");
	sg_json_str(b, h->name);
	sg_buf_str(b, ",\"unit\":");
	sg_json_str(b, h->unit);
	sg_buf_printf(b, ",\"schema\":3,\"from_ms\":%lld,\"step_ms\":%lld,\"columns\":[",
		      (long long)h->from_ms, (long long)h->step_ms);
	for (size_t i = 0; i < h->n; i++) {
		if (!h->columns[i].count)
			continue;
		sg_buf_printf(b, "%s[%" PRId64 ",", any ? "," : "",
			      h->from_ms + (int64_t)(i + 1) * h->step_ms);
		put_hist(b, &h->columns[i]);
		sg_buf_char(b, ']');
		any = true;
	}
	sg_buf_str(b, "]}\n");
}

static int once(struct view *v, struct sg_error *err)
{
	sg_auto_buf b = {0};
	struct sg_heat h;
	int r;

	if (!v->cli->json) {
		r = draw(v, &b, 24, err);
	} else {
		r = fetch(v, 11000, &h, err);
		if (r == 0) {
			put_json(&b, &h);
			sg_heat_free(&h);
		}
	}
	return r < 0 ? r : sg_cli_put(&b);
}

int sg_cmd_heat(struct sg_cli *cli, int argc, char **argv)
{
	struct view v = {.cli = cli, .last_ns = 120000000000ULL, .to = -1};
	bool one = false;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"last", 0, SG_OPT_DURATION, &v.last_ns, "DURATION", "how far back (2m)"},
		{"to", 0, SG_OPT_TIME, &v.to, "T", "the end (now)"},
		{"once", '1', SG_OPT_FLAG, &one, NULL, "print once, do not go live"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);
	struct sg_error err = {0};
	sg_auto_buf match = {0};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	r = sg_metric_resolve(argv[1], &match, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg);
	v.match = match.data;
	r = sg_src_open(&v.src, &cli->cfg, &err);
	if (r == 0 && (one || cli->json || v.to >= 0 || v.src.reader || !isatty(STDOUT_FILENO)))
		r = once(&v, &err);
	else if (r == 0)
		r = live(&v, &err);
	sg_src_close(&v.src);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r))
		     : r;
}
