// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "opts.h"

/* The effective settings as YAML, each with what it means. */
static int help_config(struct sg_cli *cli)
{
	struct sg_error err = {0};
	sg_auto_buf b = {0};
	int r;

	sg_config_defaults(&cli->cfg);
	r = sg_config_load(&cli->cfg, SG_CLI_CONFIG, &err);
	if (r < 0 && r != -ENOENT)
		sg_cli_fail(cli, 0, "%s", err.msg);
	sg_config_print(&b, &cli->cfg);
	return sg_cli_put(&b);
}

int sg_cmd_help(struct sg_cli *cli, int argc, char **argv)
{
	char help[] = "--help", *args[] = {NULL, help, NULL};

	if (argc < 2 || argv[1][0] == '-') {
		sg_command_list(stdout);
		return SG_EXIT_OK;
	}
	if (strcmp(argv[1], "config") == 0)
		return help_config(cli);
	if (strcmp(argv[1], "metrics") == 0)
		return sg_help_metrics(cli);
	cli->command = sg_command_find(argv[1]);
	if (!cli->command) {
		const char *near = sg_command_suggest(argv[1]);

		return sg_cli_fail(NULL, SG_EXIT_NOT_FOUND, "there is no command %s%s%s%s", argv[1],
				   near ? "; did you mean " : "", near ? near : "",
				   near ? "?" : "");
	}
	args[0] = argv[1];
	return cli->command->run(cli, 2, args);
}
