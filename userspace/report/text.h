/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the text rendering share. It reads the document and nothing else. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <jansson.h>

#include <sgprobe/report.h>

struct report_text {
	const struct sg_report_style *style;
	struct sg_buf *out;
	unsigned int width;
};

enum report_color {
	REPORT_PLAIN,
	REPORT_BOLD,
	REPORT_DIM,
	REPORT_RED,
	REPORT_GREEN,
	REPORT_YELLOW
};

/* Members of an object; what is missing or of another type is NaN, "" or an empty array. */
double report_get_num(const json_t *o, const char *key);
const char *report_get_str(const json_t *o, const char *key);
const json_t *report_get_list(const json_t *o, const char *key);
const json_t *report_get_object(const json_t *o, const char *key);

/* Columns that a string takes on a terminal. */
size_t report_columns(const char *s);
/* Escaped, cut to 'columns' and padded to it: left-aligned, or right-aligned when right. */
void report_cell(struct report_text *t, const char *s, size_t columns, bool right);
/* A newline, without blanks before it. */
void report_end_line(struct report_text *t);
void report_color(struct report_text *t, enum report_color c, const char *s);
/* Escaped; after an empty line. */
void report_heading(struct report_text *t, const char *s);
/* A whole line, wrapped at the width, with 'indent' spaces before each. */
void report_wrap(struct report_text *t, const char *s, unsigned int indent);
/* By unit: "1.24ms", "12.0 KiB", "3.1k"; "-" for NaN. */
const char *report_value(const struct report_text *t, double v, const char *unit, char *out,
			 size_t n);
/* The same of a histogram's quantile or bound: sg_fmt_observed. */
const char *report_observed(const struct report_text *t, double v, const char *unit, char *out,
			    size_t n);
/* "2026-11-24 00:10:00" in UTC. */
const char *report_time(double ms, char *out, size_t n);
/* One character of darkness for v in 0..1; a blank for 0. */
const char *report_shade(const struct report_text *t, double v);
const char *report_bar(const struct report_text *t, double v);

int report_text_latency(struct report_text *t, const json_t *doc);
void report_text_events(struct report_text *t, const json_t *doc); /* events.c */
void report_text_numbers(struct report_text *t, const json_t *doc);
void report_text_quality(struct report_text *t, const json_t *doc);

#endif
