// SPDX-License-Identifier: GPL-2.0
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

#define WORD_MAX 64

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

/* A setting without its section, "flush", is near to "store.flush". */
static unsigned distance(const char *key, const struct sg_setting *s)
{
	const char *last = strchr(s->key, '.');
	unsigned whole = edit_distance(key, s->key);
	unsigned part = last ? edit_distance(key, last + 1) + 1 : WORD_MAX;

	return SG_MIN(whole, part);
}

const char *sg_setting_guess(const char *key)
{
	unsigned best = (unsigned)SG_MIN(strlen(key) / 3 + 1, (size_t)4) + 1;
	const char *guess = NULL;

	if (strlen(key) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < sg_n_settings; i++) {
		unsigned d = distance(key, &sg_settings[i]);

		if (d < best) {
			best = d;
			guess = sg_settings[i].key;
		}
	}
	return guess;
}

void sg_config_defaults(struct sg_config *c)
{
	*c = (struct sg_config){0};
	for (size_t i = 0; i < sg_n_settings; i++)
		sg_setting_parse(&sg_settings[i], c, sg_settings[i].def, NULL);
}
