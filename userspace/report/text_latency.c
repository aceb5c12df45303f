// SPDX-License-Identifier: GPL-2.0
// The report's latencies as text: a table, then a block for each with its picture.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define NUMBER 9 /* columns of a number */
#define TOP_ROWS 5

static const char *const quantiles[] = {"p50", "p90", "p99", "p999", "max"};

static void put_number(struct report_text *t, const char *s)
{
	report_cell(t, s, NUMBER, true);
}

/* Widths that leave room for the title: fewer quantiles on a narrow terminal. */
static size_t title_columns(const struct report_text *t)
{
	return t->width - NUMBER * (1 + ARRAY_SIZE(quantiles)) - 7;
}

static void put_trend(struct report_text *t, const json_t *m)
{
	const json_t *trend = report_get_object(m, "trend");
	const char *change = report_get_str(trend, "change");
	double ratio = report_get_num(trend, "ratio");
	char text[16] = "      -";

	if (!isnan(ratio))
		snprintf(text, sizeof(text), " %5.*fx", ratio < 10 ? 1 : 0, fmin(ratio, 9999));
	report_color(t,
		     !strcmp(change, "slower")	 ? REPORT_RED
		     : !strcmp(change, "faster") ? REPORT_GREEN
						 : REPORT_PLAIN,
		     text);
}

static void put_row(struct report_text *t, const json_t *m)
{
	char text[32];

	report_cell(t, report_get_str(m, "title"), title_columns(t), false);
	put_number(t, sg_fmt_count(report_get_num(m, "count"), text, sizeof(text)));
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
		put_number(t, report_value(t, report_get_num(m, quantiles[i]),
					   report_get_str(m, "unit"), text, sizeof(text)));
	put_trend(t, m);
	sg_buf_char(t->out, '\n');
}

static void put_table(struct report_text *t, const json_t *list)
{
	static const char *const heads[] = {"count", "p50", "p90", "p99", "p99.9", "max"};
	const json_t *m;
	size_t i;

	report_heading(t, "Latency");
	report_cell(t, "", title_columns(t), false);
	for (i = 0; i < ARRAY_SIZE(heads); i++)
		put_number(t, heads[i]);
	sg_buf_str(t->out, "  trend\n");
	json_array_foreach(list, i, m) put_row(t, m);
}

/* ---- pictures --------------------------------------------------------------------------------- */

static double column_p99(const json_t *column)
{
	const json_t *v = json_array_get(column, 3);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

static void put_sparkline(struct report_text *t, const json_t *m)
{
	const json_t *columns = report_get_list(m, "columns"), *c;
	double lo = INFINITY, hi = 0;
	char a[32], b[32], label[16];
	size_t i;

	json_array_foreach(columns, i, c)
	{
		lo = fmin(lo, column_p99(c));
		hi = fmax(hi, column_p99(c));
	}
	if (!(hi > 0))
		return;
	snprintf(label, sizeof(label), "%10s ", "p99");
	sg_buf_str(t->out, label);
	json_array_foreach(columns, i, c)
	{
		double v = column_p99(c);

		/* On a logarithmic scale: a doubling looks the same everywhere. */
		sg_buf_str(t->out,
			   isnan(v) ? " "
				    : report_bar(t, hi > lo ? fmax(0.01, log(v / lo) / log(hi / lo))
							    : 0.5));
	}
	sg_buf_printf(t->out, "  %s", report_value(t, lo, report_get_str(m, "unit"), a, sizeof(a)));
	sg_buf_printf(t->out, "..%s\n",
		      report_value(t, hi, report_get_str(m, "unit"), b, sizeof(b)));
}

static double largest(const json_t *rows)
{
	const json_t *row, *v;
	double max = 0;
	size_t i, k;

	json_array_foreach(rows, i, row) json_array_foreach(report_get_list(row, "counts"), k, v)
		max = fmax(max, json_number_value(v));
	return max;
}

static void put_heat(struct report_text *t, const json_t *m)
{
	const json_t *rows = report_get_list(m, "heat"), *row, *v;
	double max = largest(rows);
	char text[32];
	size_t i, k;

	if (!(max > 0))
		return;
	json_array_foreach(rows, i, row)
	{
		report_cell(t,
			    report_value(t, report_get_num(row, "upto"), report_get_str(m, "unit"),
					 text, sizeof(text)),
			    10, true);
		sg_buf_char(t->out, ' ');
		json_array_foreach(report_get_list(row, "counts"), k, v)
		{
			double n = json_number_value(v);

			sg_buf_str(t->out, report_shade(t, n > 0 ? log1p(n) / log1p(max) : 0));
		}
		sg_buf_char(t->out, '\n');
	}
}

/* ---- who ---------------------------------------------------------------------------------------- */

static void put_who_half(struct report_text *t, const json_t *m, const json_t *p, const char *key,
			 size_t columns)
{
	char text[32];

	if (!p) {
		report_cell(t, "", columns, false);
		return;
	}
	report_cell(t, report_get_str(p, "value"), columns - NUMBER - 2, false);
	put_number(t, report_value(t, report_get_num(p, key), report_get_str(m, "unit"), text,
				   sizeof(text)));
	sg_buf_str(t->out, "  ");
}

/* Two lists side by side: the slowest, and those that took most time in all. */
static void put_who(struct report_text *t, const json_t *m, const json_t *who)
{
	const json_t *slow = report_get_list(who, "top_p99"),
		     *much = report_get_list(who, "top_time");
	size_t half = t->width / 2, rows = SG_MAX(json_array_size(slow), json_array_size(much));
	char head[64];

	if (!rows)
		return;
	snprintf(head, sizeof(head), "by %.30s: p99", report_get_str(who, "by"));
	report_cell(t, head, half, false);
	sg_buf_str(t->out, "total\n");
	for (size_t i = 0; i < SG_MIN(rows, (size_t)TOP_ROWS); i++) {
		put_who_half(t, m, json_array_get(slow, i), "p99", half);
		put_who_half(t, m, json_array_get(much, i), "sum", half);
		while (t->out->len && t->out->data[t->out->len - 1] == ' ')
			t->out->data[--t->out->len] = '\0';
		sg_buf_char(t->out, '\n');
	}
}

static void put_block(struct report_text *t, const json_t *m)
{
	const json_t *who;
	size_t i;

	if (!(report_get_num(m, "count") > 0))
		return;
	report_heading(t, report_get_str(m, "title"));
	put_sparkline(t, m);
	put_heat(t, m);
	json_array_foreach(report_get_list(m, "who"), i, who) put_who(t, m, who);
}

void report_text_latency(struct report_text *t, const json_t *doc)
{
	const json_t *list = report_get_list(doc, "latency"), *m;
	size_t i;

	if (!json_array_size(list))
		return;
	put_table(t, list);
	json_array_foreach(list, i, m) put_block(t, m);
}
