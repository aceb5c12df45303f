/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which hook of which domain is watched by which kind of program on this host, and if it is not, why and what to
 * do about it. What runs is told by facts: the samples of sgprobe_domain_up and sgprobe_bpf_program_attached,
 * of a running daemon or of a probe that was made for the purpose.
 */
#ifndef SGPROBE_MATRIX_H
#define SGPROBE_MATRIX_H

#include <sgprobe/config.h>

enum sg_hook_state {
	SG_HOOK_TAKEN, /* by the variant */
	SG_HOOK_SPARE, /* not needed here: another one tells it */
	SG_HOOK_OFF, /* by the configuration */
	SG_HOOK_MISSING, /* the kernel has no such hook, or refuses the program */
	SG_HOOK_UNKNOWN, /* it takes root to find out */
};
const char *sg_hook_state_name(enum sg_hook_state s); /* "taken" */

struct sg_hook {
	const char *domain, *hook;
	enum sg_hook_state state;
	char variant
		[16]; /* "tp_btf", "perf_event", ...: by which it is taken, or would be when it is on; or "" */
	char reason[200], cure[200]; /* "" where it is taken */
};

struct sg_matrix;
int sg_matrix_new(const struct sg_config *cfg,
		  struct sg_matrix **ret); /* cfg must outlive it; -ENOMEM */
void sg_matrix_free(struct sg_matrix *m); /* NULL is fine */
SG_DEFINE_AUTO(sg_matrix, sg_matrix_free)

/* A sample of one of the two metrics; others are left alone. Texts are copied. -ENOMEM, -ENOSPC: too many. */
int sg_matrix_fact(struct sg_matrix *m, const char *metric, const char *domain, const char *program,
		   const char *variant, const char *reason, double value);
/*
 * Asks the kernel instead: loads and attaches every domain, those too that the configuration leaves out, reads what
 * became of them and takes all off again; a second and less. -EPERM with err: that takes root.
 */
int sg_matrix_ask(struct sg_matrix *m, struct sg_error *err);

/* Every hook, in the order of the manual. Without facts all are SG_HOOK_UNKNOWN but those that the kernel lacks. */
typedef void (*sg_hook_cb)(const struct sg_hook *h, void *ctx);
void sg_matrix_each(struct sg_matrix *m, sg_hook_cb cb, void *ctx);

#endif
