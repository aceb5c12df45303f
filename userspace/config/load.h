/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SGPROBE_CONFIG_LOAD_H
#define SGPROBE_CONFIG_LOAD_H

#include <sgprobe/config.h>

/* sg_config_load of text in memory; path is for messages only. */
int sg_config_load_text(struct sg_config *c, const char *text, size_t n, const char *path,
			struct sg_error *err);

/* What is known of a file beside its values. Zero-initialise. */
#define SG_CONFIG_ERRORS_MAX 20
struct sg_config_trace {
	unsigned int *lines; /* by setting: the line that sets it, 0: none does */
	size_t n_errors;
	struct sg_error errors[SG_CONFIG_ERRORS_MAX]; /* all mistakes, in the order of the file */
};
/*
 * As sg_config_load, but reading goes on behind a mistake, so that all are told at once. c is
 * unchanged when there was any.
 */
int sg_config_trace(struct sg_config *c, const char *path, struct sg_config_trace *t,
		    struct sg_error *err);
int sg_config_trace_text(struct sg_config *c, const char *text, size_t n, const char *path,
			 struct sg_config_trace *t, struct sg_error *err);
void sg_config_trace_free(struct sg_config_trace *t);

#endif
