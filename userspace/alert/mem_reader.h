/* SPDX-License-Identifier: GPL-2.0 */
/* Series in memory, alone or over another reader's: what unit tests of rules and backtests read. */
#ifndef ALERT_MEM_READER_H
#define ALERT_MEM_READER_H

#include <sgprobe/reader.h>

#define AL_MEM_SAMPLES_MAX (20U << 20)

struct al_mem;
/* below may be NULL; it is borrowed. What is added replaces what it has of the same series. */
struct al_mem *al_mem_new(struct sg_reader *below);
void al_mem_free(struct al_mem *m);
/*
 * A sample behind those that its series has (at the same time: instead of it). The histogram
 * (NULL: v) is copied. 0, -ENOMEM, or -E2BIG.
 */
int al_mem_add(struct al_mem *m, const struct sg_series *s, int64_t t_ms, double v,
	       const struct sg_native *hist);
/* Samples after it are not there yet. At first everything is. */
void al_mem_until(struct al_mem *m, int64_t t_ms);
struct sg_reader *al_mem_reader(struct al_mem *m); /* borrowed */
SG_DEFINE_AUTO(al_mem, al_mem_free)

#endif
