/* SPDX-License-Identifier: GPL-2.0 */
/* Options of a command: a table on the command's stack whose rows know where the value goes. */
#ifndef SG_CLI_OPTS_H
#define SG_CLI_OPTS_H

#include "cli.h"

enum sg_opt_type {
	SG_OPT_FLAG, /* bool *, set to true */
	SG_OPT_TEXT, /* const char ** */
	SG_OPT_NUMBER, /* uint64_t *, 1 ... 1e9 */
	SG_OPT_DURATION, /* uint64_t *, nanoseconds, at least 1 s */
	SG_OPT_TIME, /* int64_t *, Unix milliseconds */
	SG_OPT_SETTING, /* NULL: cli->cfg's setting 'key' */
};

struct sg_opt {
	const char *name; /* without "--" */
	char letter; /* 0: none */
	enum sg_opt_type type;
	void *to;
	const char *meta; /* "FILE" */
	const char *help;
	const char *key; /* SG_OPT_SETTING */
};

#define SG_OPT_JSON(cli)                                                                           \
	{                                                                                          \
		"json", 0, SG_OPT_FLAG, &(cli)->json, NULL, "print JSON", NULL                     \
	}

/*
 * Parses argv[1...] after the options that every command has (--config, --data-dir,
 * --socket, --no-color, --help). What is no option is moved to argv[1 ... *n_args].
 * Between min_args and max_args of those. 0: go on; 1: help was printed; -EINVAL:
 * said what is wrong.
 */
int sg_opts_parse(struct sg_cli *cli, const struct sg_opt *opts, size_t n, int argc, char **argv,
		  int min_args, int max_args, int *n_args);

/* "now", "-10m", Unix seconds, "2026-11-23T12:00:00Z", "2026-11-23 12:00" (local time) to milliseconds; -EINVAL. */
int sg_parse_time(const char *s, int64_t now_ms, int64_t *ret_ms);

#endif
