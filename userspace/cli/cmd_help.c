// SPDX-License-Identifier: GPL-2.0
#include "opts.h"

int sg_cmd_help(struct sg_cli *cli, int argc, char **argv)
{
	char help[] = "--help", *args[] = {NULL, help, NULL};

	if (argc < 2 || argv[1][0] == '-') {
		sg_command_list(stdout);
		return SG_EXIT_OK;
	}
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
