// SPDX-License-Identifier: GPL-2.0
// How far the report can be trusted, and what sgprobe itself cost.
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "document.h"

static void put_gaps(struct sg_buf *b, const struct report_data *d)
{
	sg_buf_str(b, "\"gaps\":[");
	for (size_t i = 0; i < d->n_gaps; i++) {
		int64_t from = SG_MAX(d->gaps[i].from_ms, d->o->from_ms);
		int64_t to = SG_MIN(d->gaps[i].to_ms, d->o->to_ms);

		sg_buf_printf(b, "%s{\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64 ",", i ? "," : "",
			      from, to);
		report_str(b, "reason", d->gaps[i].reason ? d->gaps[i].reason : "");
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ']');
}

/* Every counter here says that something went wrong; 0 is what it should be. */
static const struct {
	const char *key, *metric;
} counters[] = {
	{"ticks_late", "sgprobe_probe_ticks_late_total"},
	{"ticks_skipped", "sgprobe_probe_ticks_skipped_total"},
	{"clock_steps", "sgprobe_probe_clock_steps_total"},
	{"suspends", "sgprobe_probe_suspends_total"},
	{"table_full", "sgprobe_slots_full_total"},
	{"frames_lost", "sgprobe_store_lost_frames_total"},
	{"bad_blocks", "sgprobe_store_bad_blocks_total"},
};

static void put_dropped(struct sg_buf *b, const struct report_data *d)
{
	const struct report_metric *m = report_find(d, "sgprobe_dropped_total");
	bool first = true;

	sg_buf_str(b, "\"dropped\":[");
	for (size_t i = 0; m && i < m->n_parts; i++) {
		if (m->parts[i]->sum <= 0)
			continue;
		sg_buf_str(b, first ? "{" : ",{");
		first = false;
		report_str(b, "reason", m->parts[i]->value);
		sg_buf_char(b, ',');
		report_num(b, "count", m->parts[i]->sum);
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ']');
}

/* Restarts of a process within the range: how far its gauge went up. */
static void put_restarts(struct sg_buf *b, const struct report_data *d)
{
	const struct report_metric *m = report_find(d, "sgprobe_process_restarts");

	sg_buf_str(b, "\"restarts\":{");
	for (size_t i = 0; m && i < m->n_parts; i++) {
		if (i)
			sg_buf_char(b, ',');
		sg_json_str(b, m->parts[i]->value);
		sg_buf_char(b, ':');
		sg_json_num(b, m->parts[i]->max - m->parts[i]->min);
	}
	sg_buf_char(b, '}');
}

static double share(const struct report_data *d, const char *metric)
{
	const struct report_metric *m = report_find(d, metric);

	return m && m->n_parts && d->watched_s ? m->sum / (double)d->watched_s : NAN;
}

static double mean_of(const struct report_data *d, const char *metric)
{
	const struct report_metric *m = report_find(d, metric);

	return m && m->n_parts && m->parts[0]->n ? m->parts[0]->sum / (double)m->parts[0]->n : NAN;
}

static void put_programs(struct sg_buf *b, const struct report_data *d)
{
	const struct report_metric *runs = report_find(d, "sgprobe_bpf_runs_total");
	const struct report_metric *time = report_find(d, "sgprobe_bpf_run_seconds_total");
	bool first = true;

	sg_buf_str(b, "\"programs\":[");
	for (size_t i = 0; runs && time && i < runs->n_parts; i++) {
		const struct report_part *n = runs->parts[i];

		for (size_t k = 0; k < time->n_parts; k++) {
			const struct report_part *t = time->parts[k];

			if (strcmp(n->value, t->value) || n->sum <= 0)
				continue;
			sg_buf_str(b, first ? "{" : ",{");
			first = false;
			report_str(b, "program", n->value);
			sg_buf_char(b, ',');
			report_num(b, "runs", n->sum);
			sg_buf_char(b, ',');
			report_num(b, "seconds", t->sum);
			sg_buf_char(b, ',');
			report_num(b, "ns_per_run", t->sum * 1e9 / n->sum);
			sg_buf_char(b, '}');
		}
	}
	sg_buf_char(b, ']');
}

/* Shares are of one CPU. */
static void put_cost(struct sg_buf *b, const struct report_data *d)
{
	sg_buf_str(b, "\"cost\":{");
	report_num(b, "kernel_cpu", share(d, "sgprobe_bpf_run_seconds_total"));
	sg_buf_char(b, ',');
	report_num(b, "probe_cpu", share(d, "sgprobe_probe_cpu_seconds_total"));
	sg_buf_char(b, ',');
	report_num(b, "server_cpu", share(d, "sgprobe_server_cpu_seconds_total"));
	sg_buf_char(b, ',');
	report_num(b, "probe_bytes", mean_of(d, "sgprobe_probe_resident_bytes"));
	sg_buf_char(b, ',');
	report_num(b, "server_bytes", mean_of(d, "sgprobe_server_resident_bytes"));
	sg_buf_char(b, ',');
	put_programs(b, d);
	sg_buf_char(b, '}');
}

void report_put_quality(struct sg_buf *b, const struct report_data *d)
{
	sg_buf_str(b, "\"quality\":{");
	put_gaps(b, d);
	sg_buf_char(b, ',');
	put_restarts(b, d);
	sg_buf_char(b, ',');
	put_dropped(b, d);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		sg_buf_char(b, ',');
		report_num(b, counters[i].key, report_sum(d, counters[i].metric));
	}
	sg_buf_char(b, ',');
	put_cost(b, d);
	sg_buf_char(b, '}');
}
