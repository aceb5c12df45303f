/* SPDX-License-Identifier: GPL-2.0 */
/* The table of settings, and values from and to text. */
#ifndef SGPROBE_CONFIG_SETTING_H
#define SGPROBE_CONFIG_SETTING_H

#include <sgprobe/config.h>

#define SG_SETTING_KEY_MAX 64

enum sg_setting_kind {
	SG_SETTING_TEXT,
	SG_SETTING_ADDRESS, /* HOST:PORT, [V6]:PORT or none */
	SG_SETTING_HOSTS, /* names separated by commas */
	SG_SETTING_PORTS, /* numbers separated by commas */
	SG_SETTING_TARGETS, /* of scraping, separated by commas */
	SG_SETTING_LEVEL,
	SG_SETTING_BOOL,
	SG_SETTING_COUNT,
	SG_SETTING_DURATION,
	SG_SETTING_BYTES,
	SG_SETTING_SECRET, /* a text that is never shown */
};

struct sg_setting {
	const char *key;
	enum sg_setting_kind kind;
	size_t offset, size; /* of the field in struct sg_config */
	const char *def, *min, *max, *help;
};

extern const struct sg_setting sg_settings[];
extern const size_t sg_n_settings;

const struct sg_setting *sg_setting_find(const char *key);
bool sg_setting_is_section(const char *name); /* "web" */
/* The key or section that was probably meant; false when none comes near. */
bool sg_setting_guess(const char *key, char out[SG_SETTING_KEY_MAX]);

/* Sets the field. -EINVAL, with a sentence without the key in err. */
int sg_setting_parse(const struct sg_setting *s, struct sg_config *c, const char *value,
		     struct sg_error *err);
/* A list of targets that is whole, and names none twice. 0, or -EINVAL with a sentence. */
int sg_targets_check(const char *list, struct sg_error *err);
/* The field's value as sg_setting_parse reads it. */
void sg_setting_format(const struct sg_setting *s, const struct sg_config *c, struct sg_buf *b);

/* As it may be shown: "***" for a secret that is set. */
void sg_setting_show(const struct sg_setting *s, const struct sg_config *c, struct sg_buf *b);
enum sg_scope sg_setting_scope(const struct sg_setting *s);
const char *sg_scope_title(enum sg_scope scope); /* for people: "server process" */
/* docs/CONFIG.md */
void sg_config_doc(struct sg_buf *b);

#endif
