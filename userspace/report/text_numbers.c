// SPDX-License-Identifier: GPL-2.0
// The report's tables, resources and data quality as text.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define TABLE_ROWS 5
#define RESOURCE_ROWS 4

static void put_table(struct report_text *t, const json_t *table)
{
	const json_t *rows = report_get_list(table, "rows"), *row;
	char text[32];
	size_t i;

	if (!json_array_size(rows))
		return;
	report_cell(t, report_get_str(table, "title"), t->width - 22, false);
	sg_buf_str(t->out, "      count         /s\n");
	for (i = 0; (row = json_array_get(rows, i)); i++) {
		if (i == TABLE_ROWS)
			break;
		sg_buf_str(t->out, "  ");
		report_cell(t, report_get_str(row, "value"), t->width - 24, false);
		report_cell(t, sg_fmt_count(report_get_num(row, "count"), text, sizeof(text)), 11,
			    true);
		report_cell(t, sg_fmt_count(report_get_num(row, "rate"), text, sizeof(text)), 11,
			    true);
		sg_buf_char(t->out, '\n');
	}
}

static const char *resource_text(const struct report_text *t, const json_t *r, const json_t *row,
				 char *out, size_t n)
{
	const char *how = report_get_str(r, "how"), *unit = report_get_str(r, "unit");
	double v = report_get_num(row, "mean");
	char a[32], b[32], c[32];

	if (!strcmp(how, "share"))
		snprintf(out, n, "%.1f%%", v * 100);
	else if (!strcmp(how, "rate"))
		snprintf(out, n, "%s/s", report_value(t, v, unit, a, sizeof(a)));
	else
		snprintf(out, n, "%s (%s to %s)", report_value(t, v, unit, a, sizeof(a)),
			 report_value(t, report_get_num(row, "min"), unit, b, sizeof(b)),
			 report_value(t, report_get_num(row, "max"), unit, c, sizeof(c)));
	return out;
}

/* Rows that are zero all the time say nothing; the largest come first. */
static const json_t *next_row(const json_t *rows, const json_t *last, size_t last_at, size_t *at)
{
	const json_t *best = NULL, *row;
	size_t i;

	for (i = 0; (row = json_array_get(rows, i)); i++) {
		double v = report_get_num(row, "mean"), l = last ? report_get_num(last, "mean") : 0;

		if (!(v > 0) || (last && (v > l || (v == l && i <= last_at))))
			continue;
		if (!best || v > report_get_num(best, "mean")) {
			best = row;
			*at = i;
		}
	}
	return best;
}

static void put_resource(struct report_text *t, const json_t *r)
{
	const json_t *rows = report_get_list(r, "rows"), *row = NULL;
	char text[96], name[160];
	size_t at = 0;

	for (int i = 0; i < RESOURCE_ROWS; i++) {
		row = next_row(rows, row, at, &at);
		if (!row)
			return;
		snprintf(name, sizeof(name), "%.60s%s%.60s", report_get_str(r, "title"),
			 *report_get_str(row, "value") ? ": " : "", report_get_str(row, "value"));
		report_cell(t, name, t->width - 36, false);
		report_cell(t, resource_text(t, r, row, text, sizeof(text)), 36, true);
		sg_buf_char(t->out, '\n');
	}
}

void report_text_numbers(struct report_text *t, const json_t *doc)
{
	const json_t *list = report_get_list(doc, "tables"), *item;
	size_t i;

	if (json_array_size(list))
		report_heading(t, "Events");
	for (i = 0; (item = json_array_get(list, i)); i++)
		put_table(t, item);
	list = report_get_list(doc, "resources");
	if (json_array_size(list))
		report_heading(t, "Resources");
	for (i = 0; (item = json_array_get(list, i)); i++)
		put_resource(t, item);
}

/* ---- quality ------------------------------------------------------------------------------------ */

static void put_gaps(struct report_text *t, const json_t *q)
{
	const json_t *gaps = report_get_list(q, "gaps"), *g;
	char from[32], line[256];
	size_t i;

	for (i = 0; (g = json_array_get(gaps, i)); i++) {
		if (i == 10) {
			snprintf(line, sizeof(line), "and %zu more gaps",
				 json_array_size(gaps) - i);
			report_wrap(t, line, 0);
			return;
		}
		snprintf(line, sizeof(line), "Not watched: %s UTC for %.0f s (%.100s)",
			 report_time(report_get_num(g, "from_ms"), from, sizeof(from)),
			 (report_get_num(g, "to_ms") - report_get_num(g, "from_ms")) / 1000,
			 report_get_str(g, "reason"));
		report_wrap(t, line, 0);
	}
}

static bool put_faults(struct report_text *t, const json_t *q)
{
	static const struct {
		const char *key, *text;
	} faults[] = {
		{"ticks_late", "late ticks"},	{"ticks_skipped", "skipped ticks"},
		{"clock_steps", "clock steps"}, {"suspends", "suspends"},
		{"table_full", "full tables"},	{"frames_lost", "lost frames"},
		{"bad_blocks", "bad blocks"},
	};
	sg_auto_buf line = {0};

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		double v = report_get_num(q, faults[i].key);

		if (v > 0)
			sg_buf_printf(&line, "%s%.0f %s", line.len ? ", " : "", v, faults[i].text);
	}
	if (line.len)
		report_wrap(t, line.data, 0);
	return line.len > 0;
}

static bool put_lost(struct report_text *t, const json_t *q)
{
	const json_t *d, *v;
	json_t *restarts;
	char line[256];
	bool any = false;
	size_t i;

	for (i = 0; (d = json_array_get(report_get_list(q, "dropped"), i)); i++) {
		snprintf(line, sizeof(line), "Not recorded: %.0f (%.100s)",
			 report_get_num(d, "count"), report_get_str(d, "reason"));
		report_wrap(t, line, 0);
		any = true;
	}
	restarts = json_object_get(q, "restarts");
	for (void *it = json_object_iter(restarts); it; it = json_object_iter_next(restarts, it)) {
		v = json_object_iter_value(it);
		if (!(json_number_value(v) > 0))
			continue;
		snprintf(line, sizeof(line), "The %.60s process was started again %.0f times.",
			 json_object_iter_key(it), json_number_value(v));
		report_wrap(t, line, 0);
		any = true;
	}
	return any;
}

static void put_cost(struct report_text *t, const json_t *cost)
{
	static const char *const keys[][2] = {{"kernel_cpu", "kernel programs"},
					      {"probe_cpu", "probe process"},
					      {"server_cpu", "server process"}};
	char a[32], b[32];
	sg_auto_buf line = {0};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		double v = report_get_num(cost, keys[i][0]);

		if (!isnan(v))
			sg_buf_printf(&line, "%s%s %.2f%%", line.len ? ", " : "", keys[i][1],
				      v * 100);
	}
	if (!line.len)
		return;
	sg_buf_printf(&line, " of one CPU; memory %s and %s.",
		      report_value(t, report_get_num(cost, "probe_bytes"), "bytes", a, sizeof(a)),
		      report_value(t, report_get_num(cost, "server_bytes"), "bytes", b, sizeof(b)));
	sg_buf_str(t->out, "sgprobe's own cost:\n");
	report_wrap(t, line.data ? line.data : "", 2);
}

void report_text_quality(struct report_text *t, const json_t *doc)
{
	const json_t *q = report_get_object(doc, "quality");
	bool faults, lost;

	report_heading(t, "Data quality");
	put_gaps(t, q);
	faults = put_faults(t, q);
	lost = put_lost(t, q);
	if (!faults && !lost && !json_array_size(report_get_list(q, "gaps")))
		report_wrap(t, "Nothing was lost, late or skipped.", 0);
	put_cost(t, report_get_object(q, "cost"));
}
