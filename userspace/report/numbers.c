// SPDX-License-Identifier: GPL-2.0
// The report's counters and gauges: tables by label, resources, every metric.
#include <math.h>
#include <string.h>

#include "document.h"

#define TABLE_ROWS 10

static void put_head(struct sg_buf *b, const struct report_metric *m, bool *first)
{
	sg_buf_str(b, *first ? "{" : ",{");
	*first = false;
	report_str(b, "name", m->info.name);
	sg_buf_char(b, ',');
	report_str(b, "title", m->info.title);
	sg_buf_char(b, ',');
	report_str(b, "unit", m->info.unit);
	sg_buf_char(b, ',');
	report_str(b, "group", m->info.group);
}

static double per_second(const struct report_data *d, double v)
{
	return d->watched_s ? v / (double)d->watched_s : NAN;
}

/* ---- tables: counters of the kernel side by their label, largest first ---------------------- */

static bool is_domain(const struct report_metric *m)
{
	return strcmp(m->info.group, "proc") && strcmp(m->info.group, "self");
}

static void put_table_rows(struct sg_buf *b, const struct report_data *d,
			   const struct report_metric *m)
{
	const struct report_part *last = NULL;

	for (int n = 0; n < TABLE_ROWS; n++) {
		const struct report_part *best = NULL;

		for (size_t i = 0; i < m->n_parts; i++) {
			const struct report_part *p = m->parts[i];

			if (p->sum <= 0 ||
			    (last && (p->sum > last->sum ||
				      (p->sum == last->sum && strcmp(p->value, last->value) <= 0))))
				continue;
			if (!best || p->sum > best->sum)
				best = p;
		}
		if (!best)
			return;
		sg_buf_str(b, n ? ",{" : "{");
		report_str(b, "value", best->value);
		sg_buf_char(b, ',');
		report_num(b, "count", best->sum);
		sg_buf_char(b, ',');
		report_num(b, "rate", per_second(d, best->sum));
		sg_buf_char(b, '}');
		last = best;
	}
}

void report_put_tables(struct sg_buf *b, const struct report_data *d)
{
	bool first = true;

	sg_buf_str(b, "\"tables\":[");
	for (size_t i = 0; i < d->n_metrics; i++) {
		const struct report_metric *m = d->metrics[i];

		if (m->info.type != SG_COUNTER || !m->info.label || m->info.dim || !is_domain(m))
			continue;
		put_head(b, m, &first);
		sg_buf_char(b, ',');
		report_str(b, "by", m->info.label);
		sg_buf_str(b, ",\"rows\":[");
		put_table_rows(b, d, m);
		sg_buf_str(b, "]}");
	}
	sg_buf_char(b, ']');
}

/* ---- resources ------------------------------------------------------------------------------ */

enum how { SHARE_OF_SUM, SHARE_OF_TIME, RATE, READING };

/* What the page of resources shows, in order. What a host lacks is left out. */
static const struct {
	const char *metric;
	enum how how;
} resources[] = {
	{"sgprobe_cpu_seconds_total", SHARE_OF_SUM},
	{"sgprobe_load", READING},
	{"sgprobe_processes_running", READING},
	{"sgprobe_pressure_waiting_seconds_total", SHARE_OF_TIME},
	{"sgprobe_memory_total_bytes", READING},
	{"sgprobe_memory_available_bytes", READING},
	{"sgprobe_disk_read_bytes_total", RATE},
	{"sgprobe_disk_written_bytes_total", RATE},
	{"sgprobe_disk_io_seconds_total", SHARE_OF_TIME},
	{"sgprobe_net_receive_bytes_total", RATE},
	{"sgprobe_net_transmit_bytes_total", RATE},
};
static const char *const how_names[] = {"share", "share", "rate", "reading"};

static double resource_value(const struct report_data *d, const struct report_metric *m,
			     const struct report_part *p, enum how how)
{
	switch (how) {
	case SHARE_OF_SUM: return m->sum > 0 ? p->sum / m->sum : NAN;
	case READING: return p->n ? p->sum / (double)p->n : NAN;
	default: return per_second(d, p->sum);
	}
}

static void put_resource(struct sg_buf *b, const struct report_data *d,
			 const struct report_metric *m, enum how how, bool *first)
{
	put_head(b, m, first);
	sg_buf_char(b, ',');
	report_str(b, "how", how_names[how]);
	sg_buf_str(b, ",\"rows\":[");
	for (size_t i = 0; i < m->n_parts; i++) {
		const struct report_part *p = m->parts[i];

		sg_buf_str(b, i ? ",{" : "{");
		report_str(b, "value", p->value);
		sg_buf_char(b, ',');
		report_num(b, "mean", resource_value(d, m, p, how));
		if (how == READING) {
			sg_buf_char(b, ',');
			report_num(b, "min", p->min);
			sg_buf_char(b, ',');
			report_num(b, "max", p->max);
		}
		sg_buf_char(b, '}');
	}
	sg_buf_str(b, "]}");
}

void report_put_resources(struct sg_buf *b, const struct report_data *d)
{
	bool first = true;

	sg_buf_str(b, "\"resources\":[");
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const struct report_metric *m = report_find(d, resources[i].metric);

		if (m && m->n_parts)
			put_resource(b, d, m, resources[i].how, &first);
	}
	sg_buf_char(b, ']');
}

/* ---- every counter and gauge ------------------------------------------------------------------ */

void report_put_metrics(struct sg_buf *b, const struct report_data *d)
{
	bool first = true;

	sg_buf_str(b, "\"metrics\":[");
	for (size_t i = 0; i < d->n_metrics; i++) {
		const struct report_metric *m = d->metrics[i];
		bool counter = m->info.type == SG_COUNTER;

		if (m->info.type == SG_HISTOGRAM || m->info.dim || !m->n_parts)
			continue;
		put_head(b, m, &first);
		sg_buf_char(b, ',');
		report_str(b, "type", sg_type_name(m->info.type));
		sg_buf_char(b, ',');
		report_num(b, counter ? "count" : "mean",
			   counter	     ? m->sum
			   : m->n_parts == 1 ? m->sum / (double)m->parts[0]->n
					     : NAN);
		sg_buf_char(b, ',');
		report_num(b, "rate", counter ? per_second(d, m->sum) : NAN);
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ']');
}
