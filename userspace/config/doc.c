// SPDX-License-Identifier: GPL-2.0
/* The settings as Markdown: docs/CONFIG.md is its output. */
#include <string.h>

#include "setting.h"

static const char intro[] =
	"# Settings\n\n"
	"<!-- Written by 'sgprobe config doc'; 'make docs' writes it anew. -->\n\n"
	"They are read from `/etc/sgprobe/sgprobe.yaml`, or the file that `--config` names; it need not\n"
	"exist, each setting has a default. What stands before the dot is a section:\n\n"
	"```yaml\n"
	"listen: 127.0.0.1:9470\n"
	"store:\n"
	"  retention: 30d\n"
	"  max_bytes: 10GiB\n"
	"```\n\n"
	"Durations are made of ns, us, ms, s, m, h, d and w, largest first (`1h30m`). Sizes have binary\n"
	"units (`64MiB`). A key that does not exist, a value out of range, a key given twice, an anchor, a\n"
	"tag or a second document is an error that names file and line. The list `probes` is described\n"
	"in [NAMED-PROBES.md](NAMED-PROBES.md).\n\n"
	"- `sgprobe config check` tells every mistake of a file at once.\n"
	"- `sgprobe config show` prints each setting with its value, its default and where it came from:\n"
	"  `FILE:LINE`, a flag, or the default.\n"
	"- `sgprobe config diff` tells what a reload would change in the daemon that runs.\n"
	"- `sgprobe config reload`, SIGHUP and `POST /api/sg/v1/reload` (over the socket, for root) make the\n"
	"  daemon read its file again. All of it is taken or, when there is a mistake, none. *Takes effect*\n"
	"  says when a setting is in force: at a reload (the server process is started again, which loses\n"
	"  nothing), at a reload with a gap (the probe process loads its programs anew, some seconds are not\n"
	"  watched and marked as a gap), or only at a restart of the daemon.\n";

static void begin_section(struct sg_buf *b, const char *key, size_t len)
{
	if (len)
		sg_buf_printf(b, "\n## %.*s\n", (int)len, key);
	else
		sg_buf_str(b, "\n## General\n");
	sg_buf_str(b, "\n| setting | default | from, to | takes effect | what it is |\n"
		      "| --- | --- | --- | --- | --- |\n");
}

static void put_setting(struct sg_buf *b, const struct sg_setting *s)
{
	sg_buf_printf(b, "| `%s` | %s%s%s | ", s->key, *s->def ? "`" : "",
		      *s->def ? s->def : "empty", *s->def ? "`" : "");
	if (s->max)
		sg_buf_printf(b, "%s, %s", s->min, s->max);
	sg_buf_printf(b, " | %s | %s |\n", sg_scope_title(sg_setting_scope(s)), s->help);
}

void sg_config_doc(struct sg_buf *b)
{
	const char *section = NULL;
	size_t len = 0;

	sg_buf_str(b, intro);
	for (size_t i = 0; i < sg_n_settings; i++) {
		const char *key = sg_settings[i].key, *dot = strchr(key, '.');
		size_t n = dot ? (size_t)(dot - key) : 0;

		if (!section || n != len || strncmp(section, key, n) != 0)
			begin_section(b, key, n);
		section = key;
		len = n;
		put_setting(b, &sg_settings[i]);
	}
}
