/* SPDX-License-Identifier: GPL-2.0 */
/* What commands share. Data goes to stdout, everything else to stderr. */
#ifndef SG_CLI_H
#define SG_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <sgprobe/config.h>

enum sg_exit { /* documented in sgprobe(1) */
	       SG_EXIT_OK = 0,
	       SG_EXIT_FAILED = 1,
	       SG_EXIT_USAGE = 2,
	       SG_EXIT_UNREACHABLE = 3, /* no daemon answers */
	       SG_EXIT_NOT_FOUND = 4,
	       SG_EXIT_PERMISSION = 5,
	       SG_EXIT_UNSUPPORTED = 6,
	       SG_EXIT_PROBLEMS = 7, /* a check found problems */
	       SG_EXIT_INTERRUPTED = 130,
};

enum sg_needs { /* what the dispatcher prepares */
		SG_NEEDS_NOTHING,
		SG_NEEDS_ORIGIN, /* cli->origin, and defaults in cli->cfg: what is wrong with the file is no failure */
		SG_NEEDS_CONFIG, /* cli->cfg from the file, where it can be read, and the flags */
};

#define SG_CLI_CONFIG "/etc/sgprobe/sgprobe.yaml"

struct sg_cli;
struct sg_command {
	const char *name;
	int (*run)(struct sg_cli *cli, int argc, char **argv); /* argv[0] is the command's name */
	enum sg_needs needs;
	const char *summary;
	const char *usage; /* what follows "sgprobe NAME " */
	const char *help; /* paragraphs; examples first */
};

struct sg_cli {
	const struct sg_command *command;
	struct sg_config cfg;
	struct sg_config_origin origin; /* of cfg */
	int argc; /* of main: the daemon overwrites them */
	char **argv;
	bool json;
	bool no_color;
};

/* The table, ended by a row without a name. */
extern const struct sg_command sg_commands[];
const struct sg_command *sg_command_find(const char *name);
/* The closest name of the table, or NULL when nothing is close. */
const char *sg_command_suggest(const char *name);
void sg_command_list(FILE *out);
/* main without main: runs argv. */
int sg_cli_main(int argc, char **argv);

/* Fails with a sentence on stderr: "sgprobe COMMAND: ...". Returns code. */
int sg_cli_fail(const struct sg_cli *cli, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Exit status for an -errno of the libraries. */
int sg_cli_code(int r);
bool sg_cli_color(const struct sg_cli *cli, FILE *out); /* a terminal, and nobody said no */
unsigned int sg_cli_width(void); /* columns of the terminal, 80 when there is none */
/* Writes b to stdout; SG_EXIT_OK, also when the reader has gone (SIGPIPE quiet). */
int sg_cli_put(const struct sg_buf *b);

/* One function per command. */
int sg_cmd_daemon(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_status(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_probes(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_top(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_heat(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_query(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_profile(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_worst(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_events(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_diff(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_explain(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_forecast(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_annotate(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_report(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_alerts(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_rules(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_record(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_replay(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_detect(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_doctor(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_metrics(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_sql(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_export(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_db(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_config(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_version(struct sg_cli *cli, int argc, char **argv);
int sg_cmd_help(struct sg_cli *cli, int argc, char **argv);
int sg_help_metrics(struct sg_cli *cli); /* help_metrics.c */

#endif
