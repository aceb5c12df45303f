// SPDX-License-Identifier: GPL-2.0
// The report's latencies as text: a table, then a block for each with its picture.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define NUMBER 8 /* columns of a number */
#define TOP_ROWS 5

#define TABLE_ROWS 20
#define PICTURES 8 /* of the most interesting; the others are in the table */
#define TREND 7
#define LABEL 9 /* columns left of a picture */

/* Narrow terminals do without the ones that say least. */
static const struct {
	const char *key, *head;
	unsigned int width; /* shown from this width on */
} quantiles[] = {
	{"p50", "p50", 0},     {"p90", "p90", 72}, {"p99", "p99", 0},
	{"p999", "p99.9", 80}, {"max", "max", 0},
};

static void put_number(struct report_text *t, const char *s)
{
	report_cell(t, s, NUMBER, true);
}

static size_t title_columns(const struct report_text *t)
{
	size_t used = NUMBER + TREND;

	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
		used += t->width >= quantiles[i].width ? NUMBER : 0;
	return t->width - used;
}

static void put_trend(struct report_text *t, const json_t *m)
{
	const json_t *trend = report_get_object(m, "trend");
	const char *change = report_get_str(trend, "change");
	double ratio = report_get_num(trend, "ratio");
	char text[16] = "      -";

	if (ratio < 0.05)
		snprintf(text, sizeof(text), "  <0.1x");
	else if (!isnan(ratio))
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
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		double v = report_get_num(m, quantiles[i].key);

		if (t->width >= quantiles[i].width)
			put_number(t, report_observed(t, v, report_get_str(m, "unit"), text,
						      sizeof(text)));
	}
	put_trend(t, m);
	sg_buf_char(t->out, '\n');
}

static void put_table_head(struct report_text *t, const char *title)
{
	report_heading(t, title);
	report_cell(t, "", title_columns(t), false);
	put_number(t, "count");
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
		if (t->width >= quantiles[i].width)
			put_number(t, quantiles[i].head);
	sg_buf_str(t->out, "  trend\n");
}

static void put_more(struct report_text *t, size_t more, const char *where)
{
	char line[96];

	if (!more)
		return;
	snprintf(line, sizeof(line), "and %zu more: %s", more, where);
	report_wrap(t, line, 0);
}

static bool is_seconds(const json_t *m)
{
	return strcmp(report_get_str(m, "unit"), "seconds") == 0;
}

/* Times and sizes have tables of their own. */
static void put_table(struct report_text *t, const json_t *const *order, size_t n, bool seconds)
{
	size_t rows = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_seconds(order[i]) != seconds)
			continue;
		if (rows == 0)
			put_table_head(t, seconds ? "Latency" : "Sizes and amounts");
		if (rows++ < TABLE_ROWS)
			put_row(t, order[i]);
	}
	put_more(t, rows > TABLE_ROWS ? rows - TABLE_ROWS : 0, "sgprobe report --json");
}

/* ---- order ------------------------------------------------------------------------------------ */

/* Below this many events in a third a p99 moves by itself. */
#define TREND_MIN 100
/* A smaller change is the ordinary course: those stay in the order of the catalogue. */
#define CHANGED 1.5

/* What is called slower or faster comes first, then what changed most. */
static double interest(const json_t *m)
{
	const json_t *trend = report_get_object(m, "trend");
	double by = fabs(log(report_get_num(trend, "ratio")));

	if (!(report_get_num(trend, "first_count") >= TREND_MIN) ||
	    !(report_get_num(trend, "last_count") >= TREND_MIN) || !isfinite(by))
		return 0;
	if (strcmp(report_get_str(trend, "change"), "none") != 0)
		return by + 1000;
	return by < log(CHANGED) ? 0 : by;
}

struct ranked {
	const json_t *m;
	double interest;
	size_t at;
};

static int by_interest(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->interest != y->interest)
		return x->interest < y->interest ? 1 : -1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Those in which something happened, the most interesting first; in place of the list's own order. */
static size_t rank(const json_t *list, const json_t **order)
{
	struct ranked *all = calloc(json_array_size(list), sizeof(*all));
	const json_t *m;
	size_t n = 0, i;

	for (i = 0; all && (m = json_array_get(list, i)); i++)
		if (report_get_num(m, "count") > 0)
			all[n++] = (struct ranked){m, interest(m), i};
	if (n)
		qsort(all, n, sizeof(*all), by_interest);
	for (i = 0; i < n; i++)
		order[i] = all[i].m;
	free(all);
	return n;
}

/* ---- pictures --------------------------------------------------------------------------------- */

static double column_p99(const json_t *column)
{
	const json_t *v = json_array_get(column, 3);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

/* How many columns of the document share one on the terminal. */
static size_t columns_per_cell(const struct report_text *t, size_t n)
{
	size_t room = t->width - LABEL - 2;

	return n ? (n + room - 1) / room : 1;
}

/* The worst p99 of a cell; NaN without events. */
static double cell_p99(const json_t *columns, size_t from, size_t n)
{
	double worst = NAN;

	for (size_t i = from; i < SG_MIN(from + n, json_array_size(columns)); i++)
		worst = fmax(worst, column_p99(json_array_get(columns, i)));
	return worst;
}

static void p99_range(const json_t *columns, double *lo, double *hi)
{
	const json_t *c;
	size_t i;

	*lo = INFINITY;
	*hi = 0;
	for (i = 0; (c = json_array_get(columns, i)); i++) {
		*lo = fmin(*lo, column_p99(c));
		*hi = fmax(*hi, column_p99(c));
	}
}

static void put_sparkline(struct report_text *t, const json_t *m)
{
	const json_t *columns = report_get_list(m, "columns");
	size_t n = columns_per_cell(t, json_array_size(columns));
	double lo, hi;

	p99_range(columns, &lo, &hi);
	report_cell(t, "p99", LABEL, true);
	sg_buf_char(t->out, ' ');
	for (size_t i = 0; i < json_array_size(columns); i += n) {
		double v = cell_p99(columns, i, n);

		/* On a logarithmic scale: a doubling looks the same everywhere. */
		sg_buf_str(t->out, isnan(v)  ? " "
				   : hi > lo ? report_bar(t, fmax(0.01, log(v / lo) / log(hi / lo)))
					     : report_bar(t, 0.5));
	}
	report_end_line(t);
}

static double cell_count(const json_t *counts, size_t from, size_t n)
{
	double sum = 0;

	for (size_t i = from; i < SG_MIN(from + n, json_array_size(counts)); i++)
		sum += json_number_value(json_array_get(counts, i));
	return sum;
}

static double largest(const json_t *rows, size_t n)
{
	const json_t *row;
	double max = 0;
	size_t i;

	for (i = 0; (row = json_array_get(rows, i)); i++) {
		const json_t *counts = report_get_list(row, "counts");

		for (size_t k = 0; k < json_array_size(counts); k += n)
			max = fmax(max, cell_count(counts, k, n));
	}
	return max;
}

static void put_heat_row(struct report_text *t, const json_t *row, const char *unit, size_t n,
			 double max)
{
	const json_t *counts = report_get_list(row, "counts");
	char text[32];

	report_cell(t, report_observed(t, report_get_num(row, "upto"), unit, text, sizeof(text)),
		    LABEL, true);
	sg_buf_char(t->out, ' ');
	for (size_t k = 0; k < json_array_size(counts); k += n) {
		double c = cell_count(counts, k, n);

		sg_buf_str(t->out, report_shade(t, c > 0 ? log1p(c) / log1p(max) : 0));
	}
	report_end_line(t);
}

static void put_heat(struct report_text *t, const json_t *m)
{
	const json_t *rows = report_get_list(m, "heat"), *row;
	size_t i, n = columns_per_cell(t, json_array_size(report_get_list(m, "columns")));
	double max = largest(rows, n);

	for (i = 0; (row = json_array_get(rows, i)); i++)
		put_heat_row(t, row, report_get_str(m, "unit"), n, max);
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
	put_number(t, report_observed(t, report_get_num(p, key), report_get_str(m, "unit"), text,
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
		report_end_line(t);
	}
}

static void put_block(struct report_text *t, const json_t *m)
{
	const char *unit = report_get_str(m, "unit");
	const json_t *who;
	char a[32], b[32], head[160];
	double lo, hi;
	size_t i;

	p99_range(report_get_list(m, "columns"), &lo, &hi);
	snprintf(head, sizeof(head), "%.80s (p99 %s to %s)", report_get_str(m, "title"),
		 report_observed(t, lo, unit, a, sizeof(a)),
		 report_observed(t, hi, unit, b, sizeof(b)));
	report_heading(t, head);
	put_sparkline(t, m);
	put_heat(t, m);
	for (i = 0; (who = json_array_get(report_get_list(m, "who"), i)); i++)
		put_who(t, m, who);
}

int report_text_latency(struct report_text *t, const json_t *doc)
{
	const json_t *list = report_get_list(doc, "latency"), **order;
	size_t n = json_array_size(list), quiet;

	if (!n)
		return 0;
	order = calloc(n, sizeof(json_t *));
	if (!order)
		return -ENOMEM;
	quiet = n;
	n = rank(list, order);
	quiet -= n;
	put_table(t, order, n, true);
	put_table(t, order, n, false);
	if (quiet)
		sg_buf_printf(t->out, "%zu without events\n", quiet);
	for (size_t i = 0; i < SG_MIN(n, (size_t)PICTURES); i++)
		put_block(t, order[i]);
	put_more(t, n > PICTURES ? n - PICTURES : 0, "sgprobe heat NAME shows one");
	free(order);
	return 0;
}
