/* SPDX-License-Identifier: GPL-2.0 */
/* Series and their values as promtool's unit tests write them. */
#ifndef ALERT_NOTATION_H
#define ALERT_NOTATION_H

#include <sgprobe/series.h>

#include "mem_reader.h"

#define AL_NOTATION_VALUES_MAX 1000000 /* of one series */

/* name{a="b"} or {}, into the arena. -EINVAL with err. */
int al_notation_series(const char *text, struct sg_arena *a, struct sg_series *ret,
		       struct sg_error *err);
/*
 * "1 2+3x4 _x2 stale {{schema:0 ...}}": values at 0, step_ms, 2 step_ms ... into m. -EINVAL,
 * -E2BIG with err; -ENOMEM.
 */
int al_notation_values(const char *text, int64_t step_ms, struct al_mem *m,
		       const struct sg_series *s, struct sg_error *err);

#endif
