// SPDX-License-Identifier: GPL-2.0
#include "status_ingest.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static double number_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void begin_line(struct sg_buf *b)
{
	sg_buf_printf(b, "%-10s ", "");
}

static void put_sockets(struct sg_buf *b, const json_t *sockets)
{
	const json_t *s;
	size_t i;

	json_array_foreach(sockets, i, s)
	{
		begin_line(b);
		sg_term_str(b, text_of(s, "name"));
		sg_buf_printf(b, ": %.0f datagrams, %.0f dropped by the kernel\n",
			      number_of(s, "packets"), number_of(s, "kernel_dropped"));
	}
}

static void put_refused(struct sg_buf *b, const json_t *source)
{
	json_t *refused = json_object_get(source, "refused"), *n;
	const char *reason, *sep = "; refused: ";

	json_object_foreach(refused, reason, n)
	{
		sg_buf_str(b, sep);
		sg_term_str(b, reason);
		sg_buf_printf(b, " %.0f", json_number_value(n));
		sep = ", ";
	}
	sg_buf_char(b, '\n');
	if (!text_of(source, "example")[0])
		return;
	begin_line(b);
	sg_buf_str(b, "  last refused: '");
	sg_term_str(b, text_of(source, "example"));
	sg_buf_str(b, "', because ");
	sg_term_str(b, text_of(source, "why"));
	sg_buf_char(b, '\n');
}

static void put_sources(struct sg_buf *b, const json_t *sources)
{
	const json_t *s;
	size_t i;

	json_array_foreach(sources, i, s)
	{
		begin_line(b);
		sg_term_str(b, text_of(s, "name"));
		sg_buf_printf(b, ": %.0f samples, %.0f series", number_of(s, "samples"),
			      number_of(s, "series"));
		put_refused(b, s);
	}
}

static void put_targets(struct sg_buf *b, const json_t *targets)
{
	const json_t *t;
	size_t i;

	json_array_foreach(targets, i, t)
	{
		char took[32];

		begin_line(b);
		sg_term_str(b, text_of(t, "job"));
		sg_buf_str(b, " at ");
		sg_term_str(b, text_of(t, "instance"));
		if (!json_is_true(json_object_get(t, "asked"))) {
			sg_buf_str(b, ": not asked yet\n");
		} else if (json_is_true(json_object_get(t, "up"))) {
			sg_buf_printf(b, ": up, %.0f samples in %s\n", number_of(t, "samples"),
				      sg_fmt_seconds(number_of(t, "seconds"), took, sizeof(took)));
		} else {
			sg_buf_str(b, ": DOWN: ");
			sg_term_str(b, text_of(t, "why"));
			sg_buf_char(b, '\n');
		}
	}
}

void sg_status_ingest(struct sg_buf *b, const json_t *status)
{
	const json_t *all = json_object_get(status, "ingest");

	if (!all)
		return;
	sg_buf_printf(b, "%-10s %.0f series of %.0f names\n", "ingest", number_of(all, "series"),
		      number_of(all, "names"));
	put_sockets(b, json_object_get(all, "sockets"));
	put_sources(b, json_object_get(all, "sources"));
	put_targets(b, json_object_get(all, "targets"));
}
