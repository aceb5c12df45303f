// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sgprobe/file.h>
#include <sgprobe/flame.h>

#include "opts.h"
#include "source.h"

#define PROFILE_BYTES (256u << 20)

struct wish {
	struct sg_cli *cli;
	struct sg_profile_filter filter;
	struct sg_flame_range range; /* -1: not given */
	uint64_t last_ns;
	const char *svg;
};

static int find_range(struct sg_src *src, struct wish *w, struct sg_error *err)
{
	int64_t newest = 0;
	int r = w->range.to_ms < 0 ? sg_src_newest(src, &newest, err) : 0;

	if (r < 0)
		return r;
	if (w->range.to_ms < 0)
		w->range.to_ms = newest;
	if (w->range.from_ms < 0)
		w->range.from_ms = w->range.to_ms - (int64_t)(w->last_ns / 1000000);
	return w->range.from_ms < w->range.to_ms
		       ? 0
		       : sg_fail(err, -EINVAL, "the range ends before it begins");
}

static void put_time(char *out, size_t n, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(out, n, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, n, "?");
}

static int add_total(const struct sg_stack *s, void *ctx)
{
	*(uint64_t *)ctx += s->us;
	return 0;
}

static void put_title(struct sg_buf *b, const struct wish *w, const struct sg_profile *p)
{
	char from[32], to[32], time[32];
	uint64_t us = 0;

	put_time(from, sizeof(from), w->range.from_ms);
	put_time(to, sizeof(to), w->range.to_ms);
	sg_profile_each(p, add_total, &us);
	sg_buf_printf(b, "%s, %s to %s: %s",
		      w->filter.all_kinds		 ? "Time on and off the CPUs"
		      : w->filter.kind == SG_PROFILE_CPU ? "CPU time"
							 : "Time of long waits",
		      from, to, sg_fmt_seconds((double)us * 1e-6, time, sizeof(time)));
}

static int write_svg(const struct wish *w, const struct sg_profile *p, struct sg_error *err)
{
	sg_auto_buf b = {0}, title = {0};
	int r;

	put_title(&title, w, p);
	r = title.err ? title.err : sg_flame_svg(&b, p, title.data);
	if (r < 0)
		return r;
	if (strcmp(w->svg, "-") == 0)
		return sg_cli_put(&b);
	r = sg_write_file(w->svg, b.data, b.len, 0644);
	return r < 0 ? sg_fail(err, r, "cannot write %s: %s", w->svg, strerror(-r)) : 0;
}

static int show(const struct wish *w, const struct sg_profile *p, struct sg_error *err)
{
	sg_auto_buf b = {0};

	if (!sg_profile_len(p) && !w->cli->json)
		return sg_fail(err, -ENODATA,
			       "there is no stack in this time; 'sgprobe status' says whether they "
			       "are taken (probe.profile, probe.offcpu)");
	if (w->svg)
		return write_svg(w, p, err);
	if (w->cli->json)
		sg_flame_json(&b, p, &w->range);
	else
		sg_flame_folded(&b, p, w->filter.all_kinds);
	return b.err ? b.err : sg_cli_put(&b);
}

static int run(struct wish *w, struct sg_error *err)
{
	sg_auto(sg_profile) p = sg_profile_new(PROFILE_BYTES);
	struct sg_src src;
	int r = p ? sg_src_open(&src, &w->cli->cfg, err) : -ENOMEM;

	if (r < 0)
		return r;
	r = find_range(&src, w, err);
	if (r == 0)
		r = sg_src_profile(&src, &w->filter, w->range.from_ms, w->range.to_ms, p, err);
	sg_src_close(&src);
	return r < 0 ? r : show(w, p, err);
}

int sg_cmd_profile(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {.cli = cli, .range = {-1, -1}, .last_ns = 600000000000ULL, .filter = {0}};
	bool off_cpu = false;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"last", 0, SG_OPT_DURATION, &w.last_ns, "DURATION",
		 "how long before the end (10m)"},
		{"since", 0, SG_OPT_TIME, &w.range.from_ms, "T", "the beginning"},
		{"until", 0, SG_OPT_TIME, &w.range.to_ms, "T", "the end (now)"},
		{"cgroup", 0, SG_OPT_TEXT, &w.filter.cgroup, "NAME",
		 "of this group; NAME* begins so"},
		{"comm", 0, SG_OPT_TEXT, &w.filter.comm, "NAME",
		 "of this command; NAME* begins so"},
		{"off-cpu", 0, SG_OPT_FLAG, &off_cpu, NULL, "long waits instead of CPU time"},
		{"all", 0, SG_OPT_FLAG, &w.filter.all_kinds, NULL, "both"},
		{"kernel", 0, SG_OPT_FLAG, &w.filter.no_user, NULL, "the kernel's frames only"},
		{"user", 0, SG_OPT_FLAG, &w.filter.no_kernel, NULL, "the programs' frames only"},
		{"svg", 'o', SG_OPT_TEXT, &w.svg, "FILE", "write a flame graph; - is stdout"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	struct sg_error err = {0};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (w.filter.no_user && w.filter.no_kernel)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--kernel and --user exclude each other");
	w.filter.kind = off_cpu ? SG_PROFILE_OFFCPU : SG_PROFILE_CPU;
	r = run(&w, &err);
	if (r == -ENODATA)
		return sg_cli_fail(cli, SG_EXIT_NOT_FOUND, "%s", err.msg);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r))
		     : r;
}
