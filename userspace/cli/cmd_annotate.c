// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "opts.h"
#include "source.h"

int sg_cmd_annotate(struct sg_cli *cli, int argc, char **argv)
{
	const char *kind = "annotation";
	int64_t at = -1;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"kind", 'k', SG_OPT_TEXT, &kind, "KIND", "annotation (default) or deploy"},
		{"at", 0, SG_OPT_TIME, &at, "T", "when it was (now)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);
	struct sg_src src = {.cfg = &cli->cfg};
	sg_auto_buf path = {0}, out = {0};
	struct sg_error err = {0};
	json_t *doc = NULL;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (strcmp(kind, "annotation") != 0 && strcmp(kind, "deploy") != 0)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--kind is deploy or annotation");
	sg_buf_printf(&path, "/api/sg/v1/annotate?kind=%s&text=", kind);
	sg_url_escape(&path, argv[1]);
	if (at >= 0)
		sg_buf_printf(&path, "&at=%" PRId64, at);
	r = path.err ? path.err : sg_src_post(&src, path.data, &doc, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	if (cli->json) {
		sg_auto_free char *text = json_dumps(json_object_get(doc, "event"), JSON_COMPACT);

		sg_buf_printf(&out, "%s\n", text ? text : "");
	}
	json_decref(doc);
	return out.len ? sg_cli_put(&out) : SG_EXIT_OK;
}
