// SPDX-License-Identifier: GPL-2.0
// What time a tick has: see the header for the rules.
#include <string.h>

#include <sgprobe/frame.h>
#include <sgprobe/tick.h>
#include <sgprobe/time.h>

#define NS_PER_MS 1000000
#define RESUME_MS 60000
#define STEP_MS 100 /* smaller changes of a clock are noise of reading three clocks in turn */

void sg_tick_init(struct sg_tick *t, uint64_t tick_ns)
{
	memset(t, 0, sizeof(*t));
	t->tick_ms = (int64_t)(tick_ns / NS_PER_MS);
	if (t->tick_ms < 10)
		t->tick_ms = 10;
}

void sg_clocks_read(struct sg_clocks *now)
{
	now->real_ms = sg_real_ms();
	now->mono_ns = sg_mono_ns();
	now->boot_ns = sg_boot_ns();
}

static int64_t floor_to(int64_t v, int64_t unit)
{
	int64_t rest = v % unit;

	return v - (rest < 0 ? rest + unit : rest);
}

static int64_t to_ms(uint64_t ns)
{
	return (int64_t)(ns / NS_PER_MS);
}

/* The stamp of a wake-up; one that comes a hair early belongs to the tick it was armed for. */
static int64_t stamp(const struct sg_tick *t, int64_t real_ms)
{
	return floor_to(real_ms + t->shift_ms + t->tick_ms / 50, t->tick_ms);
}

/* Set back too far to wait: stamps go on where they were. */
static void keep_ascending(struct sg_tick *t, int64_t real_ms)
{
	int64_t behind = t->last_ms - stamp(t, real_ms);

	if (t->emitted && behind > SG_TICK_HOLD_MS)
		t->shift_ms += behind;
}

static void watch_wall_clock(struct sg_tick *t, const struct sg_clocks *now,
			     struct sg_tick_out *out)
{
	int64_t wall = now->real_ms - to_ms(now->boot_ns);
	int64_t by = wall - t->base_wall_ms;

	if (by >= -STEP_MS && by <= STEP_MS)
		return;
	t->base_wall_ms = wall;
	t->pending |= SG_FRAME_CLOCK_STEP;
	out->clock_steps = 1;
	if (by > 0) /* rounded down, so that the stamps do not go back */
		t->shift_ms -= SG_MIN(t->shift_ms, floor_to(by, t->tick_ms));
	keep_ascending(t, now->real_ms);
}

static void watch_sleep(struct sg_tick *t, const struct sg_clocks *now, struct sg_tick_out *out)
{
	int64_t asleep = to_ms(now->boot_ns) - to_ms(now->mono_ns);

	if (asleep - t->base_asleep_ms <= STEP_MS)
		return;
	t->base_asleep_ms = asleep;
	t->pending |= SG_FRAME_SUSPENDED | SG_FRAME_GAP;
	out->suspends = 1;
}

static void start(struct sg_tick *t, const struct sg_clocks *now)
{
	t->started = true;
	t->base_wall_ms = now->real_ms - to_ms(now->boot_ns);
	t->base_asleep_ms = to_ms(now->boot_ns) - to_ms(now->mono_ns);
	t->pending = SG_FRAME_FIRST | SG_FRAME_GAP;
}

void sg_tick_resume(struct sg_tick *t, const struct sg_clocks *now, int64_t last_ms,
		    uint64_t last_mono_ns)
{
	int64_t ago = stamp(t, now->real_ms) - last_ms;

	if (ago < 0 || ago > RESUME_MS || last_mono_ns > now->mono_ns)
		return;
	start(t, now);
	t->emitted = true;
	t->last_ms = last_ms;
	t->last_mono_ns = last_mono_ns;
}

/*
 * A step or a suspend wakes the loop in the middle of a second: the frame waits
 * for the next boundary, unless that has been missed as well.
 */
static bool wait_for_boundary(const struct sg_tick *t, int64_t past_ms, uint64_t span_ns)
{
	return (t->pending & (SG_FRAME_CLOCK_STEP | SG_FRAME_SUSPENDED)) && t->emitted &&
	       past_ms > t->tick_ms / 4 && to_ms(span_ns) < 2 * t->tick_ms;
}

/* How many ticks the frame covers: by the stamps, or, when those jumped, by monotonic time. */
static int64_t ticks_covered(const struct sg_tick *t, int64_t t_ms, uint64_t span_ns)
{
	int64_t n = (t_ms - t->last_ms) / t->tick_ms;

	if (!t->emitted)
		return 1;
	if (t->pending)
		n = (to_ms(span_ns) + t->tick_ms / 2) / t->tick_ms;
	return SG_MAX(n, 1);
}

static void emit(struct sg_tick *t, const struct sg_clocks *now, struct sg_tick_out *out)
{
	int64_t past = now->real_ms + t->shift_ms - out->t_ms;

	out->emit = true;
	out->skipped = (uint64_t)(ticks_covered(t, out->t_ms, out->span_ns) - 1);
	out->late = past > t->tick_ms / 2;
	out->flags = t->pending;
	if (out->late)
		out->flags |= SG_FRAME_LATE;
	if (out->skipped)
		out->flags |= SG_FRAME_SKIPPED;
	t->pending = 0;
	t->emitted = true;
	t->last_ms = out->t_ms;
	t->last_mono_ns = now->mono_ns;
}

int sg_tick_at(struct sg_tick *t, const struct sg_clocks *now, struct sg_tick_out *out)
{
	memset(out, 0, sizeof(*out));
	if (!t->started)
		start(t, now);
	watch_wall_clock(t, now, out);
	watch_sleep(t, now, out);
	out->ahead_ms = t->shift_ms;
	out->t_ms = stamp(t, now->real_ms);
	if (t->emitted) {
		if (now->mono_ns > t->last_mono_ns)
			out->span_ns = now->mono_ns - t->last_mono_ns;
		if (out->t_ms <= t->last_ms)
			return 0;
	}
	if (wait_for_boundary(t, now->real_ms + t->shift_ms - out->t_ms, out->span_ns))
		return 0;
	emit(t, now, out);
	return 1;
}
