/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When a tick is due and what its frame says about time. Pure: clock readings go
 * in, decisions come out; no I/O. Call it on every wake-up of the aligned timer.
 *
 * Frames are stamped with the wall clock's multiples of the tick length, strictly
 * ascending. What happens when time misbehaves:
 *
 *   late           the wake-up is more than half a tick past its time: LATE
 *   overrun, or    whole ticks were missed; nothing is lost, one frame covers all
 *   stopped        of them: SKIPPED
 *   suspended      boot time went on while monotonic time stood: SUSPENDED, GAP
 *   clock forward  the next frame has the new time: CLOCK_STEP
 *   clock back     by at most SG_TICK_HOLD_MS: no frame until the clock has passed
 *                  the last one; that frame covers all (CLOCK_STEP, SKIPPED).
 *                  By more: stamps go on from the last one, one tick a tick, ahead
 *                  of the wall clock by ahead_ms, until it is set forward again or
 *                  the probe is restarted: nobody waits an hour for a frame.
 *
 * A step is a change of (wall - boot time) by more than 100 ms, since the last
 * step in sum, so many small ones are seen as well; slewing moves both clocks.
 */
#ifndef SGPROBE_TICK_H
#define SGPROBE_TICK_H

#include <stdbool.h>
#include <stdint.h>

#define SG_TICK_HOLD_MS 10000

struct sg_clocks { /* read together, as close as possible */
	int64_t real_ms;
	uint64_t mono_ns, boot_ns;
};

struct sg_tick { /* private to tick.c, here so that it needs no allocation */
	int64_t tick_ms;
	bool started; /* base_* are set */
	bool emitted; /* last_* are set */
	int64_t base_wall_ms; /* wall - boot time */
	int64_t base_asleep_ms; /* boot - monotonic time */
	int64_t shift_ms; /* stamps are wall clock + shift, a multiple of the tick */
	int64_t last_ms; /* stamp of the last frame */
	uint64_t last_mono_ns;
	uint32_t pending; /* flags for the next frame */
};

struct sg_tick_out {
	bool emit; /* make a frame now; the next three are for it */
	int64_t t_ms; /* its stamp */
	uint32_t flags; /* enum sg_frame_flags: FIRST GAP LATE SKIPPED CLOCK_STEP SUSPENDED */
	uint64_t span_ns; /* monotonic time since the frame before; 0 for the first */
	int64_t ahead_ms; /* how far stamps are ahead of a clock that was set back */
	/* What this call found, to be added to the counters of the probe process. */
	uint64_t late, skipped, clock_steps, suspends;
};

/* tick_ns: a multiple of 1 ms, at least 10 ms. */
void sg_tick_init(struct sg_tick *t, uint64_t tick_ns);
/*
 * Instead of starting anew: goes on after a frame stamped last_ms, from when on
 * (monotonic) the next one covers. That one is FIRST and GAP. Does nothing when
 * the stamp is in the future or more than a minute old.
 */
void sg_tick_resume(struct sg_tick *t, const struct sg_clocks *now, int64_t last_ms,
		    uint64_t last_mono_ns);
void sg_clocks_read(struct sg_clocks *now);
/* Fills out whole; returns 1 when out->emit, else 0. */
int sg_tick_at(struct sg_tick *t, const struct sg_clocks *now, struct sg_tick_out *out);

#endif
