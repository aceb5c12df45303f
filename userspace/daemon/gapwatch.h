/* SPDX-License-Identifier: GPL-2.0 */
/* Which time nobody watched, told from the headers of the probe's frames in order. Pure. */
#ifndef SG_DAEMON_GAPWATCH_H
#define SG_DAEMON_GAPWATCH_H

#include <stdbool.h>

#include <sgprobe/frame.h>
#include <sgprobe/reader.h>

struct sg_gapwatch {
	int64_t last_ms; /* t_ms of the last frame; 0: none yet */
	uint64_t session, seq; /* its session and number */
	bool live; /* a frame has come since this server started */
};
/* Sees a new frame (only its header is read). True: gap is time between it and the one before that was not watched. */
bool sg_gapwatch_see(struct sg_gapwatch *w, const struct sg_frame *f, struct sg_gap *gap);

#endif
