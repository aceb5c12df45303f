/* SPDX-License-Identifier: GPL-2.0 */
/* The checks of 'sgprobe doctor': one row and one function each. */
#ifndef SG_CLI_DOCTOR_H
#define SG_CLI_DOCTOR_H

#include <sgprobe/config.h>
#include <sgprobe/str.h>

enum sg_verdict { SG_PASS, SG_WARN, SG_FAIL };

struct sg_finding {
	enum sg_verdict verdict;
	char text[200]; /* what was found */
	char cure[300]; /* exactly what to do; empty when it passed */
};

struct sg_check {
	const char *name;
	void (*run)(const struct sg_config *cfg, struct sg_finding *f);
	const char *breaks; /* what does not work when it does not pass */
};
extern const struct sg_check sg_checks[]; /* ended by a row without a name */

void sg_found(struct sg_finding *f, enum sg_verdict v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void sg_cure(struct sg_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* doctor_bpf.c: ask the kernel by loading tiny programs. */
void sg_check_btf(const struct sg_config *cfg, struct sg_finding *f);
void sg_check_tp_btf(const struct sg_config *cfg, struct sg_finding *f);
void sg_check_raw_tp(const struct sg_config *cfg, struct sg_finding *f);
void sg_check_tracepoint(const struct sg_config *cfg, struct sg_finding *f);
void sg_check_fentry(const struct sg_config *cfg, struct sg_finding *f);
void sg_check_maps(const struct sg_config *cfg, struct sg_finding *f);
void sg_check_jit(const struct sg_config *cfg, struct sg_finding *f);

/* doctor_budget.c: ask the daemon. */
void sg_check_budget(const struct sg_config *cfg, struct sg_finding *f);
/*
 * doctor_matrix.c: appends the table of hooks, as text or as members of a JSON object. Asks a daemon that runs,
 * else the kernel, which takes root. 0 or -ENOMEM.
 */
int sg_doctor_matrix(const struct sg_config *cfg, bool json, bool color, struct sg_buf *b);

#endif
