/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_PROBE_GOVERNOR_FRAME_H
#define SG_PROBE_GOVERNOR_FRAME_H

#include "domain.h"
#include "governor.h"

/* The step of number i, which is called domain. */
int sg_governor_emit_step(const struct sg_governor *g, size_t i, const char *domain,
			  struct sg_frame *f);
/* What watching took in the last tick, and the budget. */
int sg_governor_emit(const struct sg_governor *g, struct sg_frame *f);

#endif
