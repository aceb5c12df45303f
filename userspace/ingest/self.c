// SPDX-License-Identifier: GPL-2.0
/* What sgprobe says of taking in: metrics in the same frames. Their rows are in model/self_metrics.def. */
#include <stdio.h>

#include "ingest.h"

static void add(struct sg_frame *f, enum sg_type type, const char *name, struct sg_label *labels,
		size_t n, double v)
{
	struct sg_series s, *copy = NULL;

	if (sg_series_init(&s, type, name, labels, n) == 0)
		copy = sg_series_copy(f->arena, &s);
	if (copy)
		sg_frame_add_value(f, copy, v);
}

/* What came since the frame before. */
static double since(uint64_t now, uint64_t *told)
{
	uint64_t n = now - *told;

	*told = now;
	return (double)n;
}

/* A reason is there from the first time on. */
static void add_source(void *ctx, struct ingest_source *s)
{
	struct sg_label source = {"source", s->name};
	struct sg_frame *f = ctx;

	add(f, SG_COUNTER, "sgprobe_ingest_samples_total", &source, 1,
	    since(s->samples, &s->told[INGEST_OK]));
	add(f, SG_GAUGE, "sgprobe_ingest_source_series", &source, 1, (double)s->n_series);
	for (size_t i = 0; i < INGEST_REASONS; i++) {
		struct sg_label why[] = {{"source", s->name}, {"reason", ingest_reason_name(i)}};

		if (s->refused[i])
			add(f, SG_COUNTER, "sgprobe_ingest_refused_total", why, ARRAY_SIZE(why),
			    since(s->refused[i], &s->told[i]));
	}
}

static void add_receiver(struct sg_frame *f, struct ingest_receiver *r)
{
	struct sg_label socket = {"socket", r->name};

	if (r->fd < 0)
		return;
	ingest_receive_count(r);
	add(f, SG_COUNTER, "sgprobe_ingest_packets_total", &socket, 1,
	    since(r->packets, &r->told[0]));
	add(f, SG_COUNTER, "sgprobe_ingest_packet_bytes_total", &socket, 1,
	    since(r->bytes, &r->told[1]));
	add(f, SG_COUNTER, "sgprobe_ingest_kernel_dropped_total", &socket, 1,
	    since(r->dropped, &r->told[2]));
}

void ingest_self(struct sg_ingest *g, struct sg_frame *f)
{
	add(f, SG_GAUGE, "sgprobe_ingest_series", NULL, 0, (double)ingest_table_series(g->table));
	add(f, SG_GAUGE, "sgprobe_ingest_names", NULL, 0, (double)ingest_table_names(g->table));
	for (size_t i = 0; i < ARRAY_SIZE(g->receivers); i++)
		add_receiver(f, &g->receivers[i]);
	ingest_each_source(g, add_source, f);
}
