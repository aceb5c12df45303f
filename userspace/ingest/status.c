// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "scrape.h"

static void add_refused(struct sg_buf *b, const struct ingest_source *s)
{
	const char *sep = "";

	sg_buf_str(b, ",\"refused\":{");
	for (size_t i = 0; i < INGEST_REASONS; i++) {
		if (!s->refused[i])
			continue;
		sg_buf_printf(b, "%s\"%s\":%" PRIu64, sep, ingest_reason_name(i), s->refused[i]);
		sep = ",";
	}
	sg_buf_char(b, '}');
}

static void add_source(void *ctx, struct ingest_source *s)
{
	struct sg_buf *b = ctx;

	sg_buf_str(b, b->data && b->data[b->len - 1] == '}' ? ",{" : "{");
	sg_buf_str(b, "\"name\":");
	sg_json_str(b, s->name);
	sg_buf_printf(b, ",\"samples\":%" PRIu64 ",\"late\":%" PRIu64 ",\"series\":%zu", s->samples,
		      s->late, s->n_series);
	add_refused(b, s);
	sg_buf_str(b, ",\"example\":");
	sg_json_str(b, s->example);
	sg_buf_str(b, ",\"why\":");
	sg_json_str(b, s->example[0] ? ingest_reason_help(s->why) : "");
	sg_buf_char(b, '}');
}

static void add_receiver(struct sg_buf *b, struct ingest_receiver *r)
{
	ingest_receive_count(r);
	sg_buf_str(b, b->data && b->data[b->len - 1] == '}' ? ",{" : "{");
	sg_buf_printf(b,
		      "\"name\":\"%s\",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64
		      ",\"kernel_dropped\":%" PRIu64 "}",
		      r->name, r->packets, r->bytes, r->dropped);
}

void sg_ingest_status(struct sg_ingest *g, struct sg_buf *b)
{
	ingest_enter(g);
	sg_buf_printf(b, "{\"series\":%zu,\"names\":%zu,\"lost_frames\":%" PRIu64 ",\"sockets\":[",
		      ingest_table_series(g->table), ingest_table_names(g->table), g->lost_frames);
	for (size_t i = 0; i < ARRAY_SIZE(g->receivers); i++)
		if (g->receivers[i].fd >= 0)
			add_receiver(b, &g->receivers[i]);
	sg_buf_str(b, "],\"sources\":[");
	ingest_each_source(g, add_source, b);
	sg_buf_str(b, "],\"targets\":");
	ingest_scrapes_json(g, b);
	sg_buf_char(b, '}');
	ingest_leave(g);
}
