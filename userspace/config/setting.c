// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "setting.h"

#define SETTING(key_, kind_, field_, def_, min_, max_, help_)                                      \
	{.key = key_,                                                                              \
	 .kind = SG_SETTING_##kind_,                                                               \
	 .offset = offsetof(struct sg_config, field_),                                             \
	 .size = sizeof(((struct sg_config *)0)->field_),                                          \
	 .def = def_,                                                                              \
	 .min = min_,                                                                              \
	 .max = max_,                                                                              \
	 .help = help_},

const struct sg_setting sg_settings[] = {
#include "settings.def"
};
const size_t sg_n_settings = ARRAY_SIZE(sg_settings);

#define WORD_MAX (SG_SETTING_KEY_MAX - 1)

const struct sg_setting *sg_setting_find(const char *key)
{
	for (size_t i = 0; i < sg_n_settings; i++)
		if (!strcmp(sg_settings[i].key, key))
			return &sg_settings[i];
	return NULL;
}

bool sg_setting_is_section(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sg_n_settings; i++)
		if (!strncmp(sg_settings[i].key, name, n) && sg_settings[i].key[n] == '.')
			return true;
	return false;
}

/* Letters inserted, left out or replaced to make b of a. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t n = strlen(b);

	if (n > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned best = diagonal + (*a != b[j - 1]);

			best = SG_MIN(best, SG_MIN(row[j], row[j - 1]) + 1);
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

struct guess {
	const char *key;
	char *out;
	unsigned best; /* distance from which on it is no guess */
};

static void consider(struct guess *g, const char *name, size_t n, unsigned penalty, const char *s)
{
	char text[WORD_MAX + 1];
	unsigned d;

	snprintf(text, sizeof(text), "%.*s", (int)n, name);
	d = edit_distance(g->key, text) + penalty;
	if (d >= g->best)
		return;
	g->best = d;
	snprintf(g->out, SG_SETTING_KEY_MAX, "%s", s ? s : text);
}

bool sg_setting_guess(const char *key, char out[SG_SETTING_KEY_MAX])
{
	struct guess g = {key, out, (unsigned)SG_MIN(strlen(key) / 3 + 1, (size_t)4) + 1};

	*out = 0;
	if (strlen(key) > WORD_MAX)
		return false;
	for (size_t i = 0; i < sg_n_settings; i++) {
		const char *s = sg_settings[i].key, *dot = strchr(s, '.');

		consider(&g, s, strlen(s), 0, s);
		if (!dot)
			continue;
		consider(&g, s, dot - s, 0, NULL); /* the section */
		consider(&g, dot + 1, strlen(dot + 1), 1, s); /* written without it */
	}
	return *out != 0;
}

void sg_config_defaults(struct sg_config *c)
{
	*c = (struct sg_config){0};
	for (size_t i = 0; i < sg_n_settings; i++)
		sg_setting_parse(&sg_settings[i], c, sg_settings[i].def, NULL);
}
