// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <sgprobe/daemon.h>

#include "opts.h"

static enum sg_log_level level(const char *name)
{
	static const char *const names[] = {[SG_LOG_ERROR] = "error",
					    [SG_LOG_WARN] = "warn",
					    [SG_LOG_INFO] = "info",
					    [SG_LOG_DEBUG] = "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return SG_LOG_INFO;
}

int sg_cmd_daemon(struct sg_cli *cli, int argc, char **argv)
{
	const struct sg_opt opts[] = {
		{"listen", 'l', SG_OPT_SETTING, NULL, "HOST:PORT",
		 "where the dashboard is (127.0.0.1:9470), or none", "listen"},
		{"user", 'u', SG_OPT_SETTING, NULL, "USER",
		 "whom the server process runs as (sgprobe)", "user"},
		{"log-level", 0, SG_OPT_SETTING, NULL, "LEVEL", "error, warn, info or debug",
		 "log_level"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	sg_log_setup("daemon", level(cli->cfg.log_level));
	return sg_daemon_run(&cli->cfg, &cli->origin, cli->argc, cli->argv);
}
