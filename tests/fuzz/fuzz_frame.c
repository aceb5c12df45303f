// SPDX-License-Identifier: GPL-2.0
// A record, with its checksum put right so that the bytes behind it are reached. What is
// decoded can be encoded, and comes out the same; reading in place agrees with decoding.
// Events are made sentences of and JSON, too.
#include <stdlib.h>
#include <string.h>

#include <sgprobe/frame_visit.h>

#include "model/wire.h"

static void seal(uint8_t *p, size_t n)
{
	uint32_t crc;

	wire_put_u32(p + WIRE_TOTAL_LEN, (uint32_t)n);
	crc = sg_crc32c(0, p, WIRE_CRC);
	wire_put_u32(p + WIRE_CRC, sg_crc32c(crc, p + WIRE_FLAGS, n - WIRE_FLAGS));
}

static void same_sample(const struct sg_sample *a, const struct sg_sample *b)
{
	if (!sg_series_equal(&a->series, &b->series) || a->series.type != b->series.type)
		abort();
	if (a->series.type == SG_HISTOGRAM ? !sg_hist_equal(&a->hist, &b->hist)
					   : memcmp(&a->value, &b->value, sizeof(a->value)) != 0)
		abort();
}

static int visited(void *ctx, size_t i, const struct sg_sample *s)
{
	const struct sg_frame *f = ctx;

	same_sample(&f->samples[i], s);
	return 0;
}

static void visit(const uint8_t *p, size_t n, struct sg_frame *f)
{
	struct sg_frame_table t = {0};
	struct sg_frame_view v;

	if (sg_frame_view(p, n, true, &v) < 0 || sg_frame_table_update(&t, &v) != 1 ||
	    sg_frame_visit(&v, &t, NULL, visited, f) != 0)
		abort();
	sg_frame_table_free(&t);
}

static void same_event(const struct sg_event *a, const struct sg_event *b)
{
	sg_auto_buf x = {0}, y = {0};

	sg_event_json(&x, a);
	sg_event_json(&y, b);
	if (x.err || y.err || strcmp(x.data, y.data) != 0 || !sg_event_valid(a))
		abort();
}

static void again(const struct sg_frame *f)
{
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};

	if (sg_frame_encode(f, &b) < 0 || sg_frame_decode(b.data, b.len, &g) < 0 || g->n != f->n ||
	    g->n_events != f->n_events || g->n_exemplars != f->n_exemplars)
		abort();
	for (size_t i = 0; i < f->n; i++)
		same_sample(&f->samples[i], &g->samples[i]);
	for (size_t i = 0; i < f->n_events; i++)
		same_event(&f->events[i], &g->events[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto(sg_frame) f = NULL;
	sg_auto_free uint8_t *p = malloc(n + 1);

	if (!p)
		return 0;
	memcpy(p, data, n);
	if (n >= WIRE_BODY)
		seal(p, n);
	if (sg_frame_decode(p, n, &f) == 0) {
		visit(p, n, f);
		again(f);
	}
	return 0;
}
