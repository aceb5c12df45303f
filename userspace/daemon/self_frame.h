/* SPDX-License-Identifier: GPL-2.0 */
/* The server's own metrics (userspace/model/self_metrics.def) as frames of source 1. */
#ifndef SG_DAEMON_SELF_FRAME_H
#define SG_DAEMON_SELF_FRAME_H

#include <sgprobe/http.h>
#include <sgprobe/store.h>
#include <sgprobe/tick.h>

#include "ctl.h"

enum sg_self_id {
#define SG_SELF_METRIC(id, ...) SG_SELF_##id,
#include "model/self_metrics.def"
#undef SG_SELF_METRIC
	SG_SELF_N,
};

struct sg_self_input { /* readings; counters as totals */
	struct sg_store_health store;
	struct sg_http_stats http;
	struct sg_ctl_info info;
	uint64_t head_frames;
	const char *data_dir; /* whose file system is looked at */
};

struct sg_self_frame {
	uint64_t session, seq;
	struct sg_tick tick;
	struct sg_frame *frame;
	int statm_fd; /* opened before the sandbox closes */
	double last[SG_SELF_N]; /* of counters */
	struct sg_frame *events; /* for the next frame */
};
int sg_self_frame_init(struct sg_self_frame *s);
void sg_self_frame_free(struct sg_self_frame *s);
/* An event of the server's own, for the next frame; past SG_EVENTS_MAX it is lost. */
void sg_self_frame_event(struct sg_self_frame *s, const struct sg_event *e);
/* When a tick is due: appends its encoded frame to b. 1: it did; 0: not due; -errno. */
int sg_self_frame_tick(struct sg_self_frame *s, const struct sg_self_input *in, struct sg_buf *b);

#endif
