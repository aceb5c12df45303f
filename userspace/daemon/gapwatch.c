// SPDX-License-Identifier: GPL-2.0
#include "gapwatch.h"

#define NOISE_MS 100 /* a hole that is shorter is the jitter of two clocks */

static const char *why(const struct sg_gapwatch *w, const struct sg_frame *f)
{
	if (f->session != w->session)
		return w->live ? "probe restarted" : "sgprobe did not run";
	if (f->flags & SG_FRAME_SUSPENDED)
		return "suspended";
	if (f->flags & SG_FRAME_CLOCK_STEP)
		return "clock set";
	return "frames lost";
}

bool sg_gapwatch_see(struct sg_gapwatch *w, const struct sg_frame *f, struct sg_gap *gap)
{
	const uint32_t odd = SG_FRAME_GAP | SG_FRAME_SUSPENDED | SG_FRAME_CLOCK_STEP;
	struct sg_gapwatch before = *w;
	bool next = f->session == w->session && f->seq == w->seq + 1;
	int64_t begins = f->t_ms - (int64_t)(f->span_ns / 1000000);

	if (f->session == w->session && f->seq <= w->seq)
		return false; /* sent again */
	*w = (struct sg_gapwatch){
		.last_ms = f->t_ms, .session = f->session, .seq = f->seq, .live = true};
	/* In unbroken order nothing is missing, however late a frame was taken. */
	if (!before.last_ms || (next && !(f->flags & odd)))
		return false;
	if (begins - before.last_ms < NOISE_MS) {
		/* No hole, but this frame says that it is not whole. */
		if (!(f->flags & SG_FRAME_GAP))
			return false;
		begins = f->t_ms;
	}
	if (begins <= before.last_ms)
		return false;
	*gap = (struct sg_gap){before.last_ms, begins, why(&before, f)};
	return true;
}
