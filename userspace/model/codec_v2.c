// SPDX-License-Identifier: GPL-2.0
/* Version 2: as version 1, with sections behind the samples. */
#include <errno.h>

#include "codec.h"

static int read_event(struct wire_reader *in, struct sg_arena *arena, struct sg_frame *f)
{
	struct sg_event e;
	int64_t n = sg_event_decode(in->p, wire_left(in), arena, &e);
	int r = 0;

	if (n < 0)
		return (int)n;
	in->p += n;
	if (f)
		r = SG_GROW(f->events, f->cap_events, f->n_events);
	if (r == 0 && f)
		f->events[f->n_events++] = e;
	return r;
}

static int read_events(const struct wire_reader *section, struct sg_frame *f)
{
	sg_auto(sg_arena) own = f ? NULL : sg_arena_new(0);
	struct wire_reader in = *section;
	int r = f || own ? 0 : -ENOMEM;
	size_t n;

	for (n = 0; r == 0 && wire_left(&in); n++)
		r = n < SG_EVENTS_MAX ? read_event(&in, f ? f->arena : own, f) : -EBADMSG;
	return r < 0 ? r : n ? 0 : -EBADMSG;
}

static int read_rest(struct wire_reader *in, const struct sg_frame_table *t, struct sg_frame *f)
{
	uint64_t last = 0;
	int r = 0;

	while (r == 0 && wire_left(in)) {
		uint64_t what = wire_get_varint(in);
		uint64_t len = wire_get_varint(in);
		struct wire_reader section = {in->p, in->p, false};

		if (in->bad || len > wire_left(in) || what <= last)
			return -EBADMSG;
		in->p += len;
		section.end = in->p;
		last = what;
		if (what == WIRE_EVENTS)
			r = read_events(&section, f);
		if (what == WIRE_EXEMPLARS)
			r = sg_exemplars_get(&section, t->series, t->n, f);
	}
	return r;
}

const struct sg_frame_codec sg_frame_codec_v2 = {
	.version = 2,
	.header = sg_codec_v1_header,
	.series = sg_codec_v1_series,
	.sample = sg_codec_v1_sample,
	.rest = read_rest,
};
