// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sgprobe/time.h>

#include "client.h"
#include "opts.h"
#include "source.h"
#include "status_ingest.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static double number_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void put_time(struct sg_buf *b, const char *name, int64_t ms)
{
	char text[40] = "-";
	time_t t = ms / 1000;
	struct tm tm;

	if (ms > 0 && localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	sg_buf_printf(b, "%-10s %s\n", name, text);
}

static void put_line(struct sg_buf *b, const char *name, const char *value)
{
	sg_buf_printf(b, "%-10s ", name);
	sg_term_str(b, value);
	sg_buf_char(b, '\n');
}

static void put_processes(struct sg_buf *b, const json_t *st)
{
	json_t *all = json_object_get(st, "processes"), *p;
	const char *name;

	sg_buf_printf(b, "%-10s", "processes");
	json_object_foreach(all, name, p)
	{
		sg_buf_char(b, ' ');
		sg_term_str(b, name);
		sg_buf_printf(b, " %d", (int)number_of(p, "pid"));
		if (number_of(p, "restarts") > 0)
			sg_buf_printf(b, " (restarted %d times)", (int)number_of(p, "restarts"));
	}
	sg_buf_char(b, '\n');
}

/* Off because someone wished so: no trouble. */
static bool is_wished(const json_t *probe)
{
	static const char off[] = "switched off";

	return strncmp(text_of(probe, "reason"), off, sizeof(off) - 1) == 0;
}

/* What the budget has left of it. */
static void put_step(struct sg_buf *b, const json_t *probe)
{
	static const char *const names[] = {"full", "sampled", "sparse", "off"};
	double step = number_of(probe, "step");

	if (step < 1 || step >= ARRAY_SIZE(names))
		return;
	sg_buf_printf(b, ", %s: ", names[(int)step]);
	sg_term_str(b, text_of(probe, "step_reason"));
}

static void put_probes(struct sg_buf *b, const json_t *st)
{
	json_t *all = json_object_get(st, "probes"), *p;
	size_t i;

	json_array_foreach(all, i, p)
	{
		bool up = json_is_true(json_object_get(p, "up"));
		const char *why = text_of(p, up ? "variant" : "reason");

		sg_buf_printf(b, "%-10s ", i ? "" : "probes");
		sg_term_str(b, text_of(p, "name"));
		sg_buf_str(b, up ? " on" : is_wished(p) ? " off" : " OFF");
		if (why[0]) {
			sg_buf_str(b, up ? " (" : ": ");
			sg_term_str(b, why);
			sg_buf_str(b, up ? ")" : "");
		}
		if (up)
			put_step(b, p);
		sg_buf_char(b, '\n');
	}
}

/* What sgprobe itself takes, of one CPU. */
static void put_cost(struct sg_buf *b, struct sg_src *src)
{
	static const struct {
		const char *name, *expr;
	} parts[] = {
		{"kernel", "rate(sgprobe_bpf_run_seconds_total[1m])"},
		{"probe", "rate(sgprobe_probe_cpu_seconds_total[1m])"},
		{"server", "rate(sgprobe_server_cpu_seconds_total[1m])"},
	};
	double v, memory = 0;
	char text[32];

	sg_buf_printf(b, "%-10s", "cost");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (sg_src_sum(src, parts[i].expr, NULL, NULL, &v))
			sg_buf_printf(b, " %s %.2f%%", parts[i].name, v * 100);
	if (sg_src_sum(src, "sgprobe_probe_resident_bytes", NULL, NULL, &v))
		memory += v;
	if (sg_src_sum(src, "sgprobe_server_resident_bytes", NULL, NULL, &v))
		memory += v;
	sg_buf_printf(b, " of a CPU, %s\n", sg_fmt_bytes(memory, text, sizeof(text)));
}

/* The cgroups whose work makes the kernel programs run most, of one CPU. */
static void put_payers(struct sg_buf *b, struct sg_src *src)
{
	struct sg_error err = {0};
	json_t *result = NULL, *one;
	size_t i, n = 0;

	if (sg_src_query(src, "topk(3, rate(sgprobe_cgroup_bpf_seconds_total[1m]))", sg_real_ms(),
			 &result, &err) < 0)
		return;
	json_array_foreach(json_object_get(result, "result"), i, one)
	{
		const char *v = json_string_value(json_array_get(json_object_get(one, "value"), 1));
		double share = v ? strtod(v, NULL) : 0;

		if (!(share > 0))
			continue;
		if (n++)
			sg_buf_str(b, ", ");
		else
			sg_buf_printf(b, "%-10s ", "paid by");
		sg_term_str(b, text_of(json_object_get(one, "metric"), "cgroup"));
		sg_buf_printf(b, " %.2f%%", share * 100);
	}
	sg_buf_str(b, n ? "\n" : "");
	json_decref(result);
}

/* One sentence; NULL when all is well. */
static const char *problem(const json_t *st)
{
	json_t *store = json_object_get(st, "store"), *probes = json_object_get(st, "probes"), *p;
	size_t i;

	if (!json_is_true(json_object_get(store, "ok")))
		return text_of(store, "message");
	if (number_of(st, "now_ms") - number_of(json_object_get(st, "tick"), "t_ms") > 5000)
		return "no tick for more than 5 s";
	json_array_foreach(probes, i, p)
	{
		if (!json_is_true(json_object_get(p, "up")) && !is_wished(p))
			return "a probe is off";
	}
	return NULL;
}

static void put_status(struct sg_buf *b, const json_t *st, struct sg_src *src)
{
	const json_t *store = json_object_get(st, "store");
	const char *bad = problem(st);
	char size[32];

	sg_buf_str(b, "sgprobe ");
	sg_term_str(b, text_of(st, "version"));
	sg_buf_printf(b, " %s", bad ? "is NOT well: " : "is well");
	sg_term_str(b, bad ? bad : "");
	sg_buf_char(b, '\n');
	put_time(b, "started", (int64_t)number_of(st, "start_ms"));
	put_time(b, "last tick", (int64_t)number_of(json_object_get(st, "tick"), "t_ms"));
	put_processes(b, st);
	sg_buf_printf(b, "%-10s http://", "dashboard");
	sg_term_str(b, text_of(st, "listen"));
	sg_buf_str(b, "/\n");
	put_line(b, "data", text_of(st, "data_dir"));
	sg_buf_printf(b, "%-10s %s, %s, %.0f frames since the start, %.0f lost\n", "store",
		      sg_fmt_bytes(number_of(store, "bytes"), size, sizeof(size)),
		      json_is_true(json_object_get(store, "ok")) ? "ok" : "NOT ok",
		      number_of(store, "frames"), number_of(store, "lost_frames"));
	put_time(b, "since", (int64_t)number_of(store, "oldest_ms"));
	put_cost(b, src);
	put_payers(b, src);
	sg_status_ingest(b, st);
	put_probes(b, st);
}

/* No daemon: what the store alone tells. */
static int status_of_store(struct sg_cli *cli, struct sg_src *src, const char *why)
{
	int64_t oldest = 0, newest = 0;
	sg_auto_buf b = {0};

	src->reader->range(src->reader, &oldest, &newest);
	if (cli->json) {
		sg_buf_str(&b, "{\"running\":false,\"data_dir\":");
		sg_json_str(&b, cli->cfg.data_dir);
		sg_buf_printf(&b, ",\"store\":{\"oldest_ms\":%lld,\"newest_ms\":%lld}}\n",
			      (long long)oldest, (long long)newest);
	} else {
		sg_buf_str(&b, "sgprobe is not running; the store can be read\n");
		put_line(&b, "data", cli->cfg.data_dir);
		put_time(&b, "since", oldest);
		put_time(&b, "until", newest);
	}
	sg_cli_put(&b);
	return sg_cli_fail(cli, SG_EXIT_UNREACHABLE, "%s", why);
}

static int status_of_daemon(struct sg_cli *cli, struct sg_src *src, bool check)
{
	struct sg_error err = {0};
	sg_auto_buf b = {0};
	const char *bad;
	json_t *st = NULL;
	int r = sg_src_get(src, "/api/sg/v1/status", &st, &err);

	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg);
	if (cli->json) {
		char *text = json_dumps(st, JSON_COMPACT);

		sg_buf_str(&b, text ? text : "");
		sg_buf_char(&b, '\n');
		free(text);
	} else {
		put_status(&b, st, src);
	}
	r = sg_cli_put(&b);
	bad = problem(st);
	if (check && bad)
		r = SG_EXIT_PROBLEMS;
	json_decref(st);
	return r;
}

int sg_cmd_status(struct sg_cli *cli, int argc, char **argv)
{
	bool check = false;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"check", 0, SG_OPT_FLAG, &check, NULL, "exit status 7 when something is not well"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	struct sg_error err = {0};
	struct sg_src src;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	r = sg_src_open(&src, &cli->cfg, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg);
	r = src.reader ? status_of_store(cli, &src, err.msg) : status_of_daemon(cli, &src, check);
	sg_src_close(&src);
	return r;
}
