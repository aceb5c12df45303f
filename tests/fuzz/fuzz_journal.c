// SPDX-License-Identifier: GPL-2.0
// What comes out of a journal row once it is unpacked. First byte: 0 frames, 1 a base.
#include <stdint.h>
#include <stdlib.h>

#include "store/accum.h"
#include "store/block.h"
#include "store/collect.h"

static void one_block(struct sg_collect *c, struct sg_accum *a, const uint8_t *p, size_t n)
{
	struct sg_block_reader r = {0};
	const uint8_t *frame;
	size_t len;

	if (sg_block_start(&r, p, n) < 0)
		return;
	while (sg_block_next(&r, &frame, &len) > 0) {
		struct sg_frame_view v;

		if (sg_collect_frame(c, frame, len) < 0)
			break;
		if (sg_frame_view(frame, len, false, &v) < 0 || sg_accum_add(a, &v) < 0)
			break;
	}
	sg_block_reader_free(&r);
}

/* What was understood must survive being written again. */
static void one_base(struct sg_collect *c, struct sg_accum *a, const uint8_t *p, size_t n)
{
	struct sg_sessions s = {0};
	sg_auto(sg_accum) again = sg_accum_new();
	sg_auto_buf out = {0};

	sg_collect_base(c, p, n);
	if (sg_accum_decode(a, &s, p, n) < 0)
		return;
	if (sg_accum_encode(a, &s, 1000000, &out) < 0 ||
	    sg_accum_decode(again, &s, out.data, out.len) < 0 ||
	    sg_accum_len(again) != sg_accum_len(a))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto(sg_arena) arena = sg_arena_new(64 << 20);
	struct sg_selector all = {0};
	struct sg_collect_options o = {.sels = &all,
				       .n_sels = 1,
				       .to_ms = INT64_MAX,
				       .max_samples = 100000,
				       .arena = arena};
	sg_auto(sg_collect) c = NULL;
	sg_auto(sg_accum) a = sg_accum_new();
	struct sg_points_set set;

	if (!n || n > 1 << 16)
		return 0;
	o.deltas = data[0] & 2;
	c = sg_collect_new(&o);
	if (data[0] & 1)
		one_base(c, a, data + 1, n - 1);
	else
		one_block(c, a, data + 1, n - 1);
	sg_collect_finish(c, &set);
	return 0;
}
