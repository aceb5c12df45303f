// SPDX-License-Identifier: GPL-2.0
/* Rule files: check them, run their unit tests, try them on the past. */
#include <errno.h>
#include <string.h>

#include <sgprobe/alert_rules.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "opts.h"

#define FILES_MAX 1000

/* ---- check ------------------------------------------------------------------------- */

static void put_problems(const char *path, const struct sg_rule_problems *ps)
{
	sg_auto_buf b = {0};

	sg_buf_str(&b, "  FAILED:\n");
	for (size_t i = 0; i < SG_MIN(ps->n, SG_RULE_PROBLEMS_MAX); i++) {
		sg_buf_str(&b, "    ");
		sg_term_str(&b, path);
		if (ps->list[i].line)
			sg_buf_printf(&b, ":%u", ps->list[i].line);
		sg_buf_str(&b, ": ");
		sg_term_str(&b, ps->list[i].text);
		sg_buf_char(&b, '\n');
	}
	if (ps->n > SG_RULE_PROBLEMS_MAX)
		sg_buf_printf(&b, "    and %zu more\n", ps->n - SG_RULE_PROBLEMS_MAX);
	fwrite(b.data, 1, b.len, stderr);
}

static bool same_rule(const struct sg_rule *a, const struct sg_rule *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_labels != b->n_labels)
		return false;
	for (size_t i = 0; i < a->n_labels; i++) {
		bool found = false;

		for (size_t k = 0; k < b->n_labels; k++)
			found |= !strcmp(a->labels[i].name, b->labels[k].name) &&
				 !strcmp(a->labels[i].value, b->labels[k].value);
		if (!found)
			return false;
	}
	return true;
}

/* Whether an earlier rule of the file has the same name and labels. */
static bool is_double(const struct sg_rule_file *f, const struct sg_rule *rule)
{
	for (size_t g = 0; g < f->n_groups; g++)
		for (size_t i = 0; i < f->groups[g].n_rules; i++) {
			const struct sg_rule *other = &f->groups[g].rules[i];

			if (other == rule)
				return false;
			if (same_rule(other, rule))
				return true;
		}
	return false;
}

static void warn_doubles(const struct sg_rule_file *f)
{
	for (size_t g = 0; g < f->n_groups; g++)
		for (size_t i = 0; i < f->groups[g].n_rules; i++)
			if (is_double(f, &f->groups[g].rules[i]))
				printf("  warning: %s:%u: a rule %s with these labels came before; "
				       "both write the same series\n",
				       f->path, f->groups[g].rules[i].line,
				       f->groups[g].rules[i].name);
}

static int check_file(const char *path, struct sg_rule_problems *ps)
{
	sg_auto(sg_rule_file) f = NULL;
	int r = sg_rules_load(path, &f, ps);

	printf("Checking %s\n", path);
	fflush(stdout);
	if (r < 0) {
		put_problems(path, ps);
		return SG_EXIT_FAILED;
	}
	printf("  SUCCESS: %zu rules found\n", f->n_rules);
	if (f->n_rules <= 2000)
		warn_doubles(f);
	return SG_EXIT_OK;
}

static int check(struct sg_cli *cli, int argc, char **argv)
{
	struct sg_rule_problems *ps = malloc(sizeof(*ps));
	int n, code = SG_EXIT_OK;
	int r = sg_opts_parse(cli, NULL, 0, argc, argv, 1, FILES_MAX, &n);

	if (r || !ps) {
		free(ps);
		return r < 0 ? SG_EXIT_USAGE : r ? SG_EXIT_OK : SG_EXIT_FAILED;
	}
	for (int i = 1; i <= n; i++)
		if (check_file(argv[i], ps) != SG_EXIT_OK)
			code = SG_EXIT_FAILED;
	free(ps);
	return code;
}

/* ---- test -------------------------------------------------------------------------- */

static int test_file(struct sg_cli *cli, const char *path)
{
	sg_auto_buf out = {0};
	struct sg_error err = {""};
	int r = sg_rules_test(path, &out, &err);

	sg_cli_put(&out);
	if (r < 0)
		return sg_cli_fail(cli, SG_EXIT_FAILED, "%s", err.msg);
	return r ? SG_EXIT_FAILED : SG_EXIT_OK;
}

static int test(struct sg_cli *cli, int argc, char **argv)
{
	int n, code = SG_EXIT_OK;
	int r = sg_opts_parse(cli, NULL, 0, argc, argv, 1, FILES_MAX, &n);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	for (int i = 1; i <= n; i++)
		if (test_file(cli, argv[i]) != SG_EXIT_OK)
			code = SG_EXIT_FAILED;
	return code;
}

/* ---- backtest ---------------------------------------------------------------------- */

struct past {
	uint64_t last_ns, step_ns;
	int64_t from, to; /* -1: not given */
};

static int range_of(struct sg_reader *reader, const struct past *p, struct sg_backtest_options *o)
{
	int64_t oldest, newest;
	int r = reader->range(reader, &oldest, &newest);

	if (r < 0)
		return r;
	o->to_ms = p->to >= 0 ? SG_MIN(p->to, newest) : newest;
	o->from_ms = p->from >= 0 ? p->from : o->to_ms - (int64_t)(p->last_ns / 1000000);
	o->from_ms = SG_MAX(o->from_ms, oldest);
	o->interval_ms = (int64_t)(p->step_ns / 1000000);
	o->from_ms = (o->from_ms + 999) / 1000 * 1000;
	return 0;
}

static int try_file(struct sg_cli *cli, const char *path, struct sg_reader *reader,
		    const struct past *p)
{
	struct sg_rule_problems *ps = malloc(sizeof(*ps));
	sg_auto(sg_rule_file) f = NULL;
	struct sg_backtest_options o = {0};
	struct sg_error err = {""};
	sg_auto_buf out = {0};
	int r = ps ? sg_rules_load(path, &f, ps) : -ENOMEM;

	if (ps && r < 0)
		put_problems(path, ps);
	free(ps);
	if (r < 0)
		return SG_EXIT_FAILED;
	r = range_of(reader, p, &o);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "the store is empty");
	r = sg_rules_backtest(f, reader, &o, cli->json, &out, &err);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg) : sg_cli_put(&out);
}

static int backtest(struct sg_cli *cli, int argc, char **argv)
{
	struct past p = {7 * 86400 * 1000000000ULL, 15000000000ULL, -1, -1};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"last", 0, SG_OPT_DURATION, &p.last_ns, "DURATION", "how far back (7d)"},
		{"from", 0, SG_OPT_TIME, &p.from, "T", "the beginning of the range"},
		{"to", 0, SG_OPT_TIME, &p.to, "T", "its end (now)"},
		{"interval", 0, SG_OPT_DURATION, &p.step_ns, "DURATION",
		 "between evaluations of groups that do not say (15s)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);
	sg_auto(sg_reader) reader = NULL;
	struct sg_error err = {""};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	r = sg_store_reader(cli->cfg.data_dir, NULL, &reader, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg);
	return try_file(cli, argv[1], reader, &p);
}

int sg_cmd_rules(struct sg_cli *cli, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct sg_cli *cli, int argc, char **argv);
	} subs[] = {{"check", check}, {"test", test}, {"backtest", backtest}};

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(subs); i++)
		if (!strcmp(argv[1], subs[i].name))
			return subs[i].run(cli, argc - 1, argv + 1);
	if (argc > 1 && argv[1][0] != '-')
		return sg_cli_fail(cli, SG_EXIT_USAGE,
				   "there is no 'rules %s'; there are check, test and backtest",
				   argv[1]);
	return check(cli, argc, argv);
}
