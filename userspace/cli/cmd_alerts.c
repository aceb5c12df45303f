// SPDX-License-Identifier: GPL-2.0
/* The alert configuration: check it, and ask where an alert would go. */
#include <errno.h>
#include <string.h>

#include <sgprobe/alert_config.h>

#include "opts.h"

#define LABELS_MAX 64
#define ROUTES_SHOWN 64

static int load(const char *path, struct sg_alert_config **ret)
{
	struct sg_rule_problems *ps = malloc(sizeof(*ps));
	int r = ps ? sg_alert_config_load(path, ret, ps) : -ENOMEM;

	for (size_t i = 0; ps && r < 0 && i < SG_MIN(ps->n, SG_RULE_PROBLEMS_MAX); i++) {
		sg_auto_buf b = {0};

		sg_term_str(&b, path);
		if (ps->list[i].line)
			sg_buf_printf(&b, ":%u", ps->list[i].line);
		sg_buf_str(&b, ": ");
		sg_term_str(&b, ps->list[i].text);
		fprintf(stderr, "%s\n", b.data ? b.data : "");
	}
	free(ps);
	return r;
}

static int check(struct sg_cli *cli, int argc, char **argv)
{
	sg_auto(sg_alert_config) c = NULL;
	int r = sg_opts_parse(cli, NULL, 0, argc, argv, 1, 1, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (load(argv[1], &c) < 0)
		return SG_EXIT_FAILED;
	printf("%s: %zu receivers, %zu inhibition rules, %zu time intervals, %zu escalation policies\n",
	       argv[1], c->n_receivers, c->n_inhibit, c->n_intervals, c->n_escalations);
	return SG_EXIT_OK;
}

static void print_route(const struct sg_route *r)
{
	char wait[64], interval[64], repeat[64];

	printf("%s %s\n", r->escalation ? r->escalation->name : r->receiver, r->key);
	printf("  %s, group_wait %s, group_interval %s, repeat_interval %s, grouped by",
	       r->escalation ? "escalation policy" : "receiver",
	       sg_fmt_prom_duration(r->group_wait_ms, wait, sizeof(wait)),
	       sg_fmt_prom_duration(r->group_interval_ms, interval, sizeof(interval)),
	       sg_fmt_prom_duration(r->repeat_interval_ms, repeat, sizeof(repeat)));
	for (size_t i = 0; i < r->n_group_by; i++)
		printf(" %s", r->group_by[i]);
	printf("%s\n", r->n_group_by ? "" : " nothing: all in one");
}

/* "name=value" of the command line, in place. */
static bool split_label(char *text, struct sg_label *l)
{
	char *equals = strchr(text, '=');

	if (!equals)
		return false;
	*equals = '\0';
	*l = (struct sg_label){text, equals + 1};
	return true;
}

static int routes(struct sg_cli *cli, int argc, char **argv)
{
	const struct sg_route *list[ROUTES_SHOWN];
	struct sg_label l[LABELS_MAX];
	struct sg_series s;
	sg_auto(sg_alert_config) c = NULL;
	int n, r = sg_opts_parse(cli, NULL, 0, argc, argv, 2, LABELS_MAX, &n);
	size_t found;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	for (int i = 2; i <= n; i++)
		if (!split_label(argv[i], &l[i - 2]))
			return sg_cli_fail(cli, SG_EXIT_USAGE, "%s: write labels as name=value",
					   argv[i]);
	if (sg_series_init(&s, SG_GAUGE, "alert", l, (size_t)n - 1) < 0)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "these are no labels: a bad name, or twice");
	if (load(argv[1], &c) < 0)
		return SG_EXIT_FAILED;
	found = sg_routes_of(c, &s, list, ROUTES_SHOWN);
	for (size_t i = 0; i < found; i++)
		print_route(list[i]);
	return SG_EXIT_OK;
}

int sg_cmd_alerts(struct sg_cli *cli, int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "check"))
		return check(cli, argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "routes"))
		return routes(cli, argc - 1, argv + 1);
	if (argc > 1 && argv[1][0] != '-')
		return sg_cli_fail(cli, SG_EXIT_USAGE,
				   "there is no 'alerts %s'; there are check and routes", argv[1]);
	return check(cli, argc, argv);
}
