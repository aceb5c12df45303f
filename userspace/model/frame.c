// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include <sgprobe/frame.h>

struct sg_frame *sg_frame_new(void)
{
	sg_auto(sg_frame) f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->arena = sg_arena_new(0);
	return f->arena ? sg_take(f) : NULL;
}

void sg_frame_free(struct sg_frame *f)
{
	if (!f)
		return;
	sg_arena_free(f->arena);
	free(f->samples);
	free(f->events);
	free(f->exemplars);
	free(f);
}

void sg_frame_reset(struct sg_frame *f)
{
	f->n = f->n_events = f->n_exemplars = 0;
	sg_arena_reset(f->arena);
}

static struct sg_sample *add_sample(struct sg_frame *f, int *r)
{
	*r = f->n < SG_FRAME_MAX_SAMPLES ? SG_GROW(f->samples, f->cap, f->n) : -ENOSPC;
	return *r < 0 ? NULL : &f->samples[f->n++];
}

int sg_frame_add_value(struct sg_frame *f, const struct sg_series *s, double v)
{
	int r;
	struct sg_sample *sample = add_sample(f, &r);

	if (sample)
		*sample = (struct sg_sample){.series = *s, .value = v};
	return r;
}

int sg_frame_add_hist(struct sg_frame *f, const struct sg_series *s, const struct sg_hist *h)
{
	int r;
	struct sg_sample *sample = add_sample(f, &r);

	if (!sample)
		return r;
	*sample = (struct sg_sample){.series = *s, .hist = *h};
	sample->hist.cap = 0; /* borrowed */
	return 0;
}

int sg_frame_add_event(struct sg_frame *f, const struct sg_event *e)
{
	int r = sg_event_valid(e) ? 0 : -EINVAL;

	if (r == 0 && f->n_events == SG_EVENTS_MAX)
		r = -ENOSPC;
	if (r == 0)
		r = SG_GROW(f->events, f->cap_events, f->n_events);
	if (r == 0 && !sg_event_copy(&f->events[f->n_events], e, f->arena))
		r = -ENOMEM;
	f->n_events += r == 0;
	return r;
}

int sg_frame_add_exemplar(struct sg_frame *f, const struct sg_exemplar *e)
{
	int r = f->n_exemplars < SG_FRAME_MAX_EXEMPLARS
			? SG_GROW(f->exemplars, f->cap_exemplars, f->n_exemplars)
			: -ENOSPC;

	if (r == 0)
		f->exemplars[f->n_exemplars++] = *e;
	return r;
}
