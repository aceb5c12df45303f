/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of the kernel's functions by address. The file is opened at once, for who may
 * see addresses is decided then; it is read when the first address is asked for, and
 * again, at most once a minute, when one is asked for that no function has.
 */
#ifndef SG_PROBE_KALLSYMS_H
#define SG_PROBE_KALLSYMS_H

#include <sgprobe/mem.h>

struct sg_kallsyms;
int sg_kallsyms_new(const char *proc_root, struct sg_kallsyms **ret); /* works without the file */
void sg_kallsyms_free(struct sg_kallsyms *k);
SG_DEFINE_AUTO(sg_kallsyms, sg_kallsyms_free)

/* "name", "name [module]", or NULL. Valid until the next call. */
const char *sg_kallsyms_find(struct sg_kallsyms *k, uint64_t address);

/* The same from text; replaces what is known. 0, -ENOMEM. For sg_kallsyms_find and tests. */
int sg_kallsyms_parse(struct sg_kallsyms *k, const char *text, size_t n);

#endif
