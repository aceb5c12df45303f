/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events (<sgprobe/event.h>) into frames: those that programs send, those that are found
 * by looking (blocked tasks, storms, failing disks), and the probe's own.
 */
#ifndef SG_PROBE_EVENTS_H
#define SG_PROBE_EVENTS_H

#include <sgprobe/config.h>
#include <sgprobe/frame.h>
#include <sgprobe/metric.h>

#include "load.h"
#include "slots.h"

struct sg_events;
/* loaded: one per domain, to stay where they are. Works with whatever of it is up. 0 or -errno. */
int sg_events_new(const struct sg_config *cfg, struct sg_shared *shared, struct sg_slots *slots,
		  const struct sg_loaded *loaded, struct sg_events **ret);
void sg_events_free(struct sg_events *e);
SG_DEFINE_AUTO(sg_events, sg_events_free)

/* One event of the probe's own, for the frame of this tick. */
void sg_events_put(struct sg_events *e, struct sg_frame *f, const struct sg_event *event);
/* After all else of the tick is in the frame: adds its events and what is counted of them. 0 or -errno. */
int sg_events_tick(struct sg_events *e, int64_t t_ms, struct sg_frame *f);

/* One record of the ring; false: it is none. For the former and tests. */
bool sg_events_record(struct sg_events *e, const void *p, size_t n, struct sg_event *ret);

#endif
