/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SGPROBE_CONFIG_LOAD_H
#define SGPROBE_CONFIG_LOAD_H

#include <sgprobe/config.h>

/* sg_config_load of text in memory; path is for messages only. */
int sg_config_load_text(struct sg_config *c, const char *text, size_t n, const char *path,
			struct sg_error *err);

#endif
