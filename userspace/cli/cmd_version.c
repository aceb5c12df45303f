// SPDX-License-Identifier: GPL-2.0
#include <bpf/libbpf.h>
#include <sys/utsname.h>

#include "opts.h"

int sg_cmd_version(struct sg_cli *cli, int argc, char **argv)
{
	const struct sg_opt opts[] = {SG_OPT_JSON(cli)};
	sg_auto_buf b = {0};
	struct utsname u = {0};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	uname(&u);
	if (!cli->json) {
		printf("sgprobe %s\n", SG_VERSION);
		return SG_EXIT_OK;
	}
	sg_buf_printf(&b, "{\"version\":\"%s\",\"libbpf\":\"%s\",\"kernel\":", SG_VERSION,
		      libbpf_version_string());
	sg_json_str(&b, u.release);
	sg_buf_str(&b, ",\"machine\":");
	sg_json_str(&b, u.machine);
	sg_buf_str(&b, "}\n");
	return sg_cli_put(&b);
}
