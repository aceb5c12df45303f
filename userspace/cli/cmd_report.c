// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include <sgprobe/report.h>
#include <sgprobe/time.h>

#include "client.h"
#include "opts.h"
#include "source.h"

static int from_daemon(struct sg_src *src, int64_t from, int64_t to, struct sg_buf *doc,
		       struct sg_error *err)
{
	char path[96];
	int r;

	snprintf(path, sizeof(path), "/api/sg/v1/report?from=%" PRId64 "&to=%" PRId64, from, to);
	r = sg_client_get(src->cfg->socket, path, doc, err);
	if (r < 0 || r == 200)
		return SG_MIN(r, 0);
	return sg_fail(err, -EIO, "the daemon cannot make this report (status %d): %.200s", r,
		       doc->data ? doc->data : "");
}

static int from_store(struct sg_src *src, int64_t from, int64_t to, struct sg_buf *doc,
		      struct sg_error *err)
{
	const struct sg_report_options o = {.from_ms = from, .to_ms = to, .now_ms = sg_real_ms()};

	return sg_report_json(src->reader, &o, doc, err);
}

static int render(struct sg_cli *cli, const char *json, struct sg_buf *out, struct sg_error *err)
{
	unsigned int width = sg_cli_width();
	struct sg_report_style style = {.width = SG_MIN(SG_MAX(width, 60U), 200U),
					.color = sg_cli_color(cli, stdout)};

	setlocale(LC_CTYPE, "");
	style.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	return sg_report_text(json, &style, out, err);
}

static int fetch(struct sg_src *src, int64_t from, int64_t to, uint64_t last_ns, struct sg_buf *doc,
		 struct sg_error *err)
{
	int64_t newest;
	int r = sg_src_newest(src, &newest, err);

	if (r < 0)
		return r;
	if (to < 0)
		to = newest;
	if (from < 0)
		from = to - (int64_t)(last_ns / 1000000);
	if (from >= to)
		return sg_fail(err, -EINVAL, "the range ends before it begins");
	return src->reader ? from_store(src, from, to, doc, err)
			   : from_daemon(src, from, to, doc, err);
}

int sg_cmd_report(struct sg_cli *cli, int argc, char **argv)
{
	int64_t from = -1, to = -1;
	uint64_t last_ns = 600000000000ULL;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"last", 0, SG_OPT_DURATION, &last_ns, "DURATION", "how long before the end (10m)"},
		{"from", 0, SG_OPT_TIME, &from, "T", "the beginning"},
		{"to", 0, SG_OPT_TIME, &to, "T", "the end (now)"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	sg_auto_buf doc = {0}, text = {0};
	struct sg_error err = {0};
	struct sg_src src;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	r = sg_src_open(&src, &cli->cfg, &err);
	if (r == 0)
		r = fetch(&src, from, to, last_ns, &doc, &err);
	sg_src_close(&src);
	if (r == 0 && !cli->json)
		r = render(cli, doc.data ? doc.data : "", &text, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	return sg_cli_put(cli->json ? &doc : &text);
}
