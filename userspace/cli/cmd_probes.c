// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <sgprobe/metric.h>

#include "opts.h"
#include "source.h"

struct listing {
	struct sg_buf *b;
	struct sg_src *src;
	const json_t *probes; /* of the daemon's status, or NULL */
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

	sg_buf_printf(l->b, "{\"probes\":%s,\"metrics\":[", probes ? probes : "null");
	free(probes);
	sg_metrics_each(put_json, l);
	sg_buf_str(l->b, "]}\n");
}

int sg_cmd_probes(struct sg_cli *cli, int argc, char **argv)
{
	const struct sg_opt opts[] = {SG_OPT_JSON(cli)};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	struct sg_src src = {.cfg = &cli->cfg};
	sg_auto_buf b = {0};
	struct listing l = {.b = &b, .src = &src};
	json_t *status = NULL;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (sg_src_get(&src, "/api/sg/v1/status", &status, NULL) == 0)
		l.probes = json_object_get(status, "probes");
	else
		sg_cli_fail(cli, 0, "no daemon answers: what the kernel lets it do is not known");
	if (cli->json)
		put_all_json(&l);
	else
		sg_metrics_each(put_text, &l);
	json_decref(status);
	return sg_cli_put(&b);
}
