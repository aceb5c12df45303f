// SPDX-License-Identifier: GPL-2.0
// Tasks that are blocked: see bpf/event.bpf.c. What becomes of them: events.c.
#include <sgprobe/bpf/event_domain.h>

#include "domain.h"

SG_DECLARE_OBJECT(event);

static const struct sg_metric_row metrics[] = {
	{"tasks_total", SG_COUNTER, SG_FROM_COUNTER, EVENT_TASKS, .title = "Tasks looked at",
	 .help = "Tasks that were looked at to find those that are blocked for long."},
};

static const struct sg_program programs[] = {
	{"event_blocked", EVENT_TASKS, .walk = true},
};

const struct sg_domain sg_domain_event = {
	.name = "event",
	.title = "Events",
	SG_OBJECT(event),
	.counters = EVENT_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_event),
};
