// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "setting.h"

static size_t section_len(const char *key)
{
	const char *dot = strchr(key, '.');

	return dot ? (size_t)(dot - key) : 0;
}

static void print_range(struct sg_buf *b, const struct sg_setting *s)
{
	if (s->max)
		sg_buf_printf(b, ", %s to %s", s->min, s->max);
}

static void print_setting(struct sg_buf *b, const struct sg_config *c, const struct sg_setting *s)
{
	size_t n = section_len(s->key);
	const char *indent = n ? "  " : "";

	sg_buf_printf(b, "%s# %s (default %s", indent, s->help, *s->def ? s->def : "empty");
	print_range(b, s);
	sg_buf_printf(b, ")\n%s%s: ", indent, s->key + (n ? n + 1 : 0));
	sg_setting_format(s, c, b);
	sg_buf_char(b, '\n');
}

static void print_probes(struct sg_buf *b, const struct sg_config *c)
{
	sg_buf_str(
		b,
		"\n# Probes of your own: name, probe, by_arg, latency; see docs/NAMED-PROBES.md\n"
		"probes:\n");
	for (uint64_t i = 0; i < c->n_probes; i++)
		sg_named_print(b, &c->probes[i]);
}

void sg_config_print(struct sg_buf *b, const struct sg_config *c)
{
	const char *section = "";
	size_t len = 0;

	for (size_t i = 0; i < sg_n_settings; i++) {
		const struct sg_setting *s = &sg_settings[i];
		size_t n = section_len(s->key);

		if (n != len || strncmp(s->key, section, n) != 0)
			sg_buf_printf(b, "\n%.*s:\n", (int)n, s->key);
		section = s->key;
		len = n;
		print_setting(b, c, s);
	}
	print_probes(b, c);
}
