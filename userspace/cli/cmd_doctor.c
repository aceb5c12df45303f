// SPDX-License-Identifier: GPL-2.0
#include "doctor.h"
#include "opts.h"

static const struct {
	const char *word, *color;
} verdicts[] = {
	[SG_PASS] = {"PASS", "\033[32m"},
	[SG_WARN] = {"WARN", "\033[33m"},
	[SG_FAIL] = {"FAIL", "\033[1;31m"},
};

static void put_text(struct sg_buf *b, const struct sg_check *c, const struct sg_finding *f,
		     bool color)
{
	sg_buf_printf(b, "%s%s%s  %-14s ", color ? verdicts[f->verdict].color : "",
		      verdicts[f->verdict].word, color ? "\033[0m" : "", c->name);
	sg_term_str(b, f->text);
	sg_buf_char(b, '\n');
	if (f->verdict == SG_PASS)
		return;
	sg_buf_printf(b, "                      breaks: %s\n", c->breaks);
	if (f->cure[0]) {
		sg_buf_str(b, "                      cure:   ");
		sg_term_str(b, f->cure);
		sg_buf_char(b, '\n');
	}
}

static void put_json(struct sg_buf *b, const struct sg_check *c, const struct sg_finding *f)
{
	sg_buf_printf(b, "%s{\"check\":\"%s\",\"verdict\":\"%s\",\"found\":",
		      c == sg_checks ? "" : ",", c->name, verdicts[f->verdict].word);
	sg_json_str(b, f->text);
	sg_buf_str(b, ",\"breaks\":");
	sg_json_str(b, f->verdict == SG_PASS ? "" : c->breaks);
	sg_buf_str(b, ",\"cure\":");
	sg_json_str(b, f->cure);
	sg_buf_char(b, '}');
}

int sg_cmd_doctor(struct sg_cli *cli, int argc, char **argv)
{
	const struct sg_opt opts[] = {SG_OPT_JSON(cli)};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	unsigned int counts[3] = {0};
	sg_auto_buf b = {0};
	bool color;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	color = sg_cli_color(cli, stdout);
	if (cli->json)
		sg_buf_str(&b, "{\"checks\":[");
	for (const struct sg_check *c = sg_checks; c->name; c++) {
		struct sg_finding f = {0};

		c->run(&cli->cfg, &f);
		counts[f.verdict]++;
		if (cli->json)
			put_json(&b, c, &f);
		else
			put_text(&b, c, &f, color);
	}
	if (cli->json)
		sg_buf_printf(&b, "],\"pass\":%u,\"warn\":%u,\"fail\":%u,", counts[SG_PASS],
			      counts[SG_WARN], counts[SG_FAIL]);
	else
		sg_buf_printf(&b, "%u passed, %u warnings, %u failed\n", counts[SG_PASS],
			      counts[SG_WARN], counts[SG_FAIL]);
	r = sg_doctor_matrix(&cli->cfg, cli->json, color, &b);
	if (cli->json)
		sg_buf_str(&b, "}\n");
	if (r == 0)
		r = sg_cli_put(&b);
	return counts[SG_FAIL] ? SG_EXIT_PROBLEMS : r;
}
