// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <time.h>

#include <sgprobe/time.h>

#include "opts.h"

static int parse_rfc3339(const char *s, int64_t *ret_ms)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%d %H:%M:%S",  "%Y-%m-%d %H:%M",
					    "%Y-%m-%dT%H:%M",	  "%Y-%m-%d"};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(s, forms[i], &tm);

		if (!end || *end)
			continue;
		tm.tm_isdst = i == 0 ? 0 : -1;
		*ret_ms = (int64_t)(i == 0 ? timegm(&tm) : mktime(&tm)) * 1000;
		return 0;
	}
	return -EINVAL;
}

int sg_parse_time(const char *s, int64_t now_ms, int64_t *ret_ms)
{
	uint64_t ns;
	char *end;
	double v;

	if (strcmp(s, "now") == 0) {
		*ret_ms = now_ms;
		return 0;
	}
	if (s[0] == '-') {
		if (sg_parse_duration(s + 1, &ns) < 0)
			return -EINVAL;
		*ret_ms = now_ms - (int64_t)(ns / 1000000);
		return 0;
	}
	if (parse_rfc3339(s, ret_ms) == 0)
		return 0;
	errno = 0;
	v = strtod(s, &end);
	if (end == s || *end || errno || !(v >= 0 && v < 1e11))
		return -EINVAL;
	*ret_ms = (int64_t)(v * 1000);
	return 0;
}

/* ---- the table -------------------------------------------------------------------- */

static const struct sg_opt common[] = {
	{"config", 'c', SG_OPT_TEXT, NULL, "FILE", "settings (/etc/sgprobe/sgprobe.yaml)", NULL},
	{"data-dir", 'd', SG_OPT_SETTING, NULL, "DIR", "the store's folder (/var/lib/sgprobe)",
	 "data_dir"},
	{"socket", 's', SG_OPT_SETTING, NULL, "PATH",
	 "the daemon's socket (/run/sgprobe/sgprobe.sock)", "socket"},
	{"no-color", 0, SG_OPT_FLAG, NULL, NULL, "no colours (as NO_COLOR)", NULL},
	{"help", 'h', SG_OPT_FLAG, NULL, NULL, "this text", NULL},
};

struct parse {
	struct sg_cli *cli;
	const struct sg_opt *opts;
	size_t n;
	bool help;
};

static const struct sg_opt *find_in(const struct sg_opt *o, size_t n, const char *name, size_t len,
				    char letter)
{
	for (size_t i = 0; i < n; i++)
		if (letter ? o[i].letter == letter
			   : strlen(o[i].name) == len && memcmp(o[i].name, name, len) == 0)
			return &o[i];
	return NULL;
}

static const struct sg_opt *find(const struct parse *p, const char *name, size_t len, char letter)
{
	const struct sg_opt *o = find_in(p->opts, p->n, name, len, letter);

	return o ? o : find_in(common, ARRAY_SIZE(common), name, len, letter);
}

static int unknown(const struct parse *p, const char *arg)
{
	const char *best = NULL, *name = arg + strspn(arg, "-");
	unsigned int least = strlen(name) > 2 ? 4 : 1; /* one letter is near to every short name */

	for (size_t i = 0; i < p->n + ARRAY_SIZE(common); i++) {
		const struct sg_opt *o = i < p->n ? &p->opts[i] : &common[i - p->n];
		unsigned int d = sg_distance(name, o->name);

		if (d < least) {
			least = d;
			best = o->name;
		}
	}
	if (best)
		sg_cli_fail(p->cli, 0, "there is no option %s; did you mean --%s?", arg, best);
	else
		sg_cli_fail(p->cli, 0, "there is no option %s; 'sgprobe help %s' lists them", arg,
			    p->cli->command->name);
	return -EINVAL;
}

static int set_common(struct parse *p, const struct sg_opt *o)
{
	if (strcmp(o->name, "help") == 0)
		p->help = true;
	else if (strcmp(o->name, "no-color") == 0)
		p->cli->no_color = true;
	return 0; /* --config was read by the dispatcher */
}

static int set(struct parse *p, const struct sg_opt *o, const char *value)
{
	struct sg_error err = {0};
	int r = 0;

	if (!o->to && o->type != SG_OPT_SETTING)
		return set_common(p, o);
	switch (o->type) {
	case SG_OPT_FLAG: *(bool *)o->to = true; break;
	case SG_OPT_TEXT: *(const char **)o->to = value; break;
	case SG_OPT_NUMBER: r = sg_parse_u64(value, 1, 1000000000, o->to); break;
	case SG_OPT_DURATION:
		r = sg_parse_duration(value, o->to);
		if (r == 0 && *(uint64_t *)o->to < 1000000000)
			r = -ERANGE;
		break;
	case SG_OPT_TIME: r = sg_parse_time(value, sg_real_ms(), o->to); break;
	case SG_OPT_SETTING:
		r = sg_config_set(&p->cli->cfg, o->key, value, &err);
		if (r == 0)
			r = sg_config_origin_flag(&p->cli->origin, o->key, value);
		break;
	}
	if (r == 0)
		return 0;
	if (err.msg[0])
		sg_cli_fail(p->cli, 0, "--%s: %s", o->name, err.msg);
	else
		sg_cli_fail(p->cli, 0, "--%s: '%s' is not a valid %s", o->name, value, o->meta);
	return -EINVAL;
}

static void print_options(const struct sg_opt *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o[i].letter ? '-' : ' ',
			 o[i].letter ? o[i].letter : ' ', o[i].letter ? "," : " ", o[i].name,
			 o[i].meta ? " " : "", o[i].meta ? o[i].meta : "");
		printf("  %-28s %s\n", left, o[i].help);
	}
}

static void print_help(const struct parse *p)
{
	const struct sg_command *c = p->cli->command;

	printf("sgprobe %s: %s\n\nUsage: sgprobe %s %s\n", c->name, c->summary, c->name, c->usage);
	if (c->help)
		printf("\n%s\n", c->help);
	printf("\nOptions:\n");
	print_options(p->opts, p->n);
	print_options(common, ARRAY_SIZE(common));
}

/* argv[i] is an option: 0 or -EINVAL; *i is moved past a value of its own. */
static int take(struct parse *p, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *name = arg + 2, *value = NULL;
	bool is_long = arg[1] == '-';
	size_t len = is_long ? strcspn(name, "=") : 0;
	const struct sg_opt *o = find(p, name, len, is_long ? 0 : arg[1]);

	if (!o)
		return unknown(p, arg);
	if (is_long && name[len] == '=')
		value = name + len + 1;
	else if (!is_long && arg[2])
		value = arg + 2;
	if (o->type == SG_OPT_FLAG && value) {
		sg_cli_fail(p->cli, 0, "--%s takes no value", o->name);
		return -EINVAL;
	}
	if (o->type != SG_OPT_FLAG && !value) {
		if (*i + 1 >= argc) {
			sg_cli_fail(p->cli, 0, "--%s wants a value: --%s %s", o->name, o->name,
				    o->meta);
			return -EINVAL;
		}
		value = argv[++*i];
	}
	return set(p, o, value);
}

int sg_opts_parse(struct sg_cli *cli, const struct sg_opt *opts, size_t n, int argc, char **argv,
		  int min_args, int max_args, int *n_args)
{
	struct parse p = {cli, opts, n, false};
	bool only_args = false;
	int args = 0;

	for (int i = 1; i < argc; i++) {
		if (!only_args && strcmp(argv[i], "--") == 0)
			only_args = true;
		else if (only_args || argv[i][0] != '-' || !argv[i][1])
			argv[1 + args++] = argv[i];
		else if (take(&p, argc, argv, &i) < 0)
			return -EINVAL;
	}
	if (p.help) {
		print_help(&p);
		return 1;
	}
	if (args < min_args || args > max_args) {
		sg_cli_fail(cli, 0, "%s; usage: sgprobe %s %s",
			    args < min_args ? "something is missing" : "too many arguments",
			    cli->command->name, cli->command->usage);
		return -EINVAL;
	}
	if (n_args)
		*n_args = args;
	return 0;
}
