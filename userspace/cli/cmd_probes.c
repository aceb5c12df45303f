// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <sgprobe/metric.h>

#include "client.h"
#include "opts.h"
#include "source.h"

struct listing {
	struct sg_buf *b;
	struct sg_src *src;
	const json_t *probes; /* of the daemon's status, or NULL */
	const json_t *named; /* of the daemon, or NULL */
	char group[32];
	size_t n;
};

static const json_t *find_probe(const json_t *probes, const char *name)
{
	json_t *p;
	size_t i;

	json_array_foreach((json_t *)probes, i, p)
	{
		const char *n = json_string_value(json_object_get(p, "name"));

		if (n && strcmp(n, name) == 0)
			return p;
	}
	return NULL;
}

/* Programs are named DOMAIN/HOOK. */
static void put_cost(struct listing *l, const char *domain)
{
	char prefix[40], text[32];
	double seconds, runs;

	snprintf(prefix, sizeof(prefix), "%s/", domain);
	if (!sg_src_sum(l->src, "rate(sgprobe_bpf_run_seconds_total[1m])", "program", prefix,
			&seconds) ||
	    !sg_src_sum(l->src, "rate(sgprobe_bpf_runs_total[1m])", "program", prefix, &runs))
		return;
	sg_buf_printf(l->b, ", %s runs/s", sg_fmt_count(runs, text, sizeof(text)));
	if (runs > 0)
		sg_buf_printf(l->b, " of %.0f ns, %.2f%% of a CPU", seconds / runs * 1e9,
			      seconds * 100);
}

static void put_group(struct listing *l, const char *group)
{
	const json_t *p = find_probe(l->probes, group);
	const char *reason = json_string_value(json_object_get(p, "reason"));
	const char *variant = json_string_value(json_object_get(p, "variant"));
	const char *title = sg_group_title(group);

	sg_buf_printf(l->b, "%s%s", l->n ? "\n" : "", group);
	if (title)
		sg_buf_printf(l->b, " (%s)", title);
	if (p && json_is_true(json_object_get(p, "up"))) {
		sg_buf_str(l->b, ": on, ");
		sg_term_str(l->b, variant ? variant : "");
		put_cost(l, group);
	} else if (p) {
		sg_buf_str(l->b, ": OFF: ");
		sg_term_str(l->b, reason ? reason : "");
	}
	sg_buf_char(l->b, '\n');
	snprintf(l->group, sizeof(l->group), "%s", group);
}

static int put_text(const struct sg_metric_info *m, void *ctx)
{
	struct listing *l = ctx;

	if (m->of)
		return 0; /* a dimension of one that is listed */
	if (strcmp(l->group, m->group) != 0)
		put_group(l, m->group);
	sg_buf_printf(l->b, "  %-48s %-9s %s", m->name, sg_type_name(m->type), m->title);
	if (m->label)
		sg_buf_printf(l->b, ", by %s", m->label);
	sg_buf_char(l->b, '\n');
	l->n++;
	return l->b->err;
}

static int put_json(const struct sg_metric_info *m, void *ctx)
{
	struct listing *l = ctx;

	if (l->n++)
		sg_buf_char(l->b, ',');
	sg_metric_json(l->b, m);
	return l->b->err;
}

static void put_all_json(struct listing *l)
{
	char *probes = l->probes ? json_dumps(l->probes, JSON_COMPACT) : NULL;
	char *named = l->named ? json_dumps(l->named, JSON_COMPACT) : NULL;

	sg_buf_printf(l->b, "{\"probes\":%s,\"named\":%s,\"metrics\":[", probes ? probes : "null",
		      named ? named : "null");
	free(probes);
	free(named);
	sg_metrics_each(put_json, l);
	sg_buf_str(l->b, "]}\n");
}

/* ---- named ones ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void put_named(struct listing *l)
{
	size_t i;
	json_t *p;

	if (json_array_size(l->named))
		sg_buf_str(l->b, "named probes\n");
	json_array_foreach((json_t *)l->named, i, p)
	{
		const char *reason = text_of(p, "reason"), *arg = text_of(p, "by_arg");

		sg_buf_str(l->b, "  ");
		sg_term_str(l->b, text_of(p, "name"));
		sg_buf_str(l->b, ": ");
		sg_term_str(l->b, text_of(p, "state"));
		sg_buf_str(l->b, ", ");
		sg_term_str(l->b, text_of(p, "probe"));
		if (*arg) {
			sg_buf_str(l->b, " by argument ");
			sg_term_str(l->b, arg);
		}
		if (*reason) {
			sg_buf_str(l->b, ": ");
			sg_term_str(l->b, reason);
		}
		sg_buf_char(l->b, '\n');
		l->n++;
	}
}

static int list(struct sg_cli *cli)
{
	struct sg_src src = {.cfg = &cli->cfg};
	json_t *status = NULL, *named = NULL;
	sg_auto_buf b = {0};
	struct listing l = {.b = &b, .src = &src};

	if (sg_src_get(&src, "/api/sg/v1/status", &status, NULL) == 0)
		l.probes = json_object_get(status, "probes");
	else
		sg_cli_fail(cli, 0, "no daemon answers: what the kernel lets it do is not known");
	if (status && sg_src_get(&src, "/api/sg/v1/probes", &named, NULL) == 0)
		l.named = json_object_get(named, "probes");
	if (cli->json) {
		put_all_json(&l);
	} else {
		put_named(&l);
		sg_metrics_each(put_text, &l);
	}
	json_decref(status);
	json_decref(named);
	return sg_cli_put(&b);
}

/* Asks the daemon for a change; what it has to say goes to stderr. */
static int change(struct sg_cli *cli, const struct sg_buf *path)
{
	struct sg_src src = {.cfg = &cli->cfg};
	struct sg_error err = {""};
	json_t *doc = NULL;
	int r = path->err ? path->err : sg_src_post(&src, path->data, &doc, &err);

	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	if (*text_of(doc, "message"))
		sg_cli_fail(cli, 0, "%s", text_of(doc, "message"));
	json_decref(doc);
	return SG_EXIT_OK;
}

static int add(struct sg_cli *cli, const char *name, const char *spec, const char *by_arg,
	       bool no_latency)
{
	struct sg_named probe = {.untimed = no_latency};
	struct sg_error err = {""};
	sg_auto_buf path = {0};
	int r = 0;

	if (strlen(name) >= sizeof(probe.name) || strlen(spec) >= sizeof(probe.spec))
		return sg_cli_fail(cli, SG_EXIT_USAGE, "the name or what to watch is too long");
	strcpy(probe.name, name);
	strcpy(probe.spec, spec);
	if (by_arg)
		r = sg_named_parse_arg(by_arg, &probe, &err);
	if (r == 0)
		r = sg_named_check(&probe, &err);
	if (r < 0)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "%s", err.msg);
	sg_buf_str(&path, "/api/sg/v1/probes/add?name=");
	sg_url_escape(&path, name);
	sg_buf_str(&path, "&probe=");
	sg_url_escape(&path, spec);
	sg_buf_str(&path, "&by_arg=");
	sg_url_escape(&path, by_arg ? by_arg : "");
	sg_buf_printf(&path, "&latency=%s", no_latency ? "false" : "true");
	return change(cli, &path);
}

static int remove_probe(struct sg_cli *cli, const char *name)
{
	sg_auto_buf path = {0};

	sg_buf_str(&path, "/api/sg/v1/probes/remove?name=");
	sg_url_escape(&path, name);
	return change(cli, &path);
}

int sg_cmd_probes(struct sg_cli *cli, int argc, char **argv)
{
	const char *by_arg = NULL;
	bool no_latency = false;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"by-arg", 0, SG_OPT_TEXT, &by_arg, "N",
		 "add: tell calls apart by argument N "
		 "(N:string: a text)"},
		{"no-latency", 0, SG_OPT_FLAG, &no_latency, NULL, "add: count only"},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 3, &n);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (n == 0)
		return list(cli);
	if (n == 3 && strcmp(argv[1], "add") == 0)
		return add(cli, argv[2], argv[3], by_arg, no_latency);
	if (n == 2 && strcmp(argv[1], "remove") == 0)
		return remove_probe(cli, argv[2]);
	return sg_cli_fail(
		cli, SG_EXIT_USAGE,
		"write: probes, probes add NAME WHAT [--by-arg N], or probes remove NAME");
}
