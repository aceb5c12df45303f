// SPDX-License-Identifier: GPL-2.0
// The report as text: head, verdict, and the helpers of the other parts.
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- reading the document ----------------------------------------------------------------- */

double report_get_num(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

const char *report_get_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* An empty list iterates like one that is not there. */
const json_t *report_get_list(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

const json_t *report_get_object(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool starts_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t report_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += starts_char(*s);
	return n;
}

static size_t bytes_of(const char *s, size_t columns)
{
	size_t i = 0, n = 0;

	for (; s[i]; i++) {
		if (starts_char(s[i]) && n++ == columns)
			break;
	}
	return i;
}

static void spaces(struct report_text *t, size_t n)
{
	while (n--)
		sg_buf_char(t->out, ' ');
}

/* Escapes, and for ASCII terminals replaces what is not. */
static void escape(const struct report_text *t, struct sg_buf *b, const char *s)
{
	size_t n = 0;

	sg_term_str(b, s);
	for (size_t i = 0; t->style->ascii && i < b->len; i++)
		if (starts_char(b->data[i]))
			b->data[n++] = (unsigned char)b->data[i] < 0x80 ? b->data[i] : '?';
	if (t->style->ascii && b->data) {
		b->len = n;
		b->data[n] = '\0';
	}
}

void report_cell(struct report_text *t, const char *s, size_t columns, bool right)
{
	sg_auto_buf b = {0};
	size_t used;

	escape(t, &b, s);
	used = b.data ? report_columns(b.data) : 0;
	if (right && used < columns)
		spaces(t, columns - used);
	if (used > columns) {
		sg_buf_add(t->out, b.data, bytes_of(b.data, columns - 1));
		sg_buf_str(t->out, t->style->ascii ? "~" : "…");
	} else if (used) {
		sg_buf_str(t->out, b.data);
	}
	if (!right && used < columns)
		spaces(t, columns - used);
}

void report_color(struct report_text *t, enum report_color c, const char *s)
{
	static const char *const codes[] = {"",		"\033[1m",  "\033[2m",
					    "\033[31m", "\033[32m", "\033[33m"};

	if (t->style->color)
		sg_buf_str(t->out, codes[c]);
	sg_buf_str(t->out, s);
	if (t->style->color && c != REPORT_PLAIN)
		sg_buf_str(t->out, "\033[0m");
}

void report_end_line(struct report_text *t)
{
	while (t->out->len && t->out->data[t->out->len - 1] == ' ')
		t->out->data[--t->out->len] = '\0';
	sg_buf_char(t->out, '\n');
}

void report_heading(struct report_text *t, const char *s)
{
	sg_auto_buf b = {0};

	escape(t, &b, s);
	sg_buf_char(t->out, '\n');
	report_color(t, REPORT_BOLD, b.data ? b.data : "");
	sg_buf_char(t->out, '\n');
}

void report_wrap(struct report_text *t, const char *s, unsigned int indent)
{
	sg_auto_buf b = {0};
	size_t at = 0;

	escape(t, &b, s);
	for (char *save = NULL, *w = b.data ? strtok_r(b.data, " ", &save) : NULL; w;
	     w = strtok_r(NULL, " ", &save)) {
		size_t n = report_columns(w);

		if (at && at + 1 + n > t->width) {
			sg_buf_char(t->out, '\n');
			at = 0;
		}
		if (!at) {
			spaces(t, indent);
			at = indent;
		} else {
			sg_buf_char(t->out, ' ');
			at++;
		}
		sg_buf_str(t->out, w);
		at += n;
	}
	sg_buf_char(t->out, '\n');
}

/* The only character that our own numbers have outside of ASCII is the micro sign. */
static const char *plain(const struct report_text *t, char *s)
{
	char *micro = t->style->ascii ? strstr(s, "µ") : NULL;

	if (micro) {
		*micro = 'u';
		memmove(micro + 1, micro + strlen("µ"), strlen(micro + strlen("µ")) + 1);
	}
	return s;
}

const char *report_value(const struct report_text *t, double v, const char *unit, char *out,
			 size_t n)
{
	return plain(t, sg_fmt_unit(unit, v, out, n));
}

const char *report_observed(const struct report_text *t, double v, const char *unit, char *out,
			    size_t n)
{
	return plain(t, sg_fmt_observed(unit, v, out, n));
}

const char *report_time(double ms, char *out, size_t n)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (!(fabs(ms) < 6e13) || !gmtime_r(&s, &tm) || !strftime(out, n, "%Y-%m-%d %H:%M:%S", &tm))
		return "?";
	return out;
}

static const char *level_char(const char *const *set, size_t n, double v)
{
	size_t i = v > 0 ? 1 + (size_t)(fmin(v, 1) * ((double)n - 2) + 0.5) : 0;

	return set[SG_MIN(i, n - 1)];
}

const char *report_shade(const struct report_text *t, double v)
{
	static const char *const blocks[] = {" ", "·", "░", "▒", "▓", "█"};
	static const char *const ascii[] = {" ", ".", ":", "+", "#", "@"};

	return level_char(t->style->ascii ? ascii : blocks, ARRAY_SIZE(blocks), v);
}

const char *report_bar(const struct report_text *t, double v)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", "_", ".", ",", "-", "=", "+", "*", "#"};

	return level_char(t->style->ascii ? ascii : blocks, ARRAY_SIZE(blocks), v);
}

/* ---- head and verdict ------------------------------------------------------------------------- */

static void put_head(struct report_text *t, const json_t *doc)
{
	const json_t *range = report_get_object(doc, "range");
	double from = report_get_num(range, "from_ms"), to = report_get_num(range, "to_ms");
	char a[32], b[32];
	sg_auto_buf line = {0};

	sg_buf_str(&line, "sgprobe report: ");
	sg_buf_str(&line, report_get_str(doc, "host"));
	sg_buf_printf(&line, ", %s to %s UTC", report_time(from, a, sizeof(a)),
		      report_time(to, b, sizeof(b)));
	report_wrap(t, line.data ? line.data : "", 0);
	sg_buf_char(t->out, '\n');
}

static void put_verdict(struct report_text *t, const json_t *doc)
{
	const json_t *verdict = report_get_object(doc, "verdict"), *s;
	const char *level = report_get_str(verdict, "level");
	enum report_color c = !strcmp(level, "steady")	 ? REPORT_GREEN
			      : !strcmp(level, "slower") ? REPORT_RED
							 : REPORT_YELLOW;
	size_t i;

	sg_buf_str(t->out, "Verdict: ");
	report_color(t, c, level);
	sg_buf_char(t->out, '\n');
	for (i = 0; (s = json_array_get(report_get_list(verdict, "sentences"), i)); i++)
		report_wrap(t, json_string_value(s) ? json_string_value(s) : "", 0);
}

static void put_method(struct report_text *t, const json_t *doc)
{
	const json_t *range = report_get_object(doc, "range");
	char from[32], to[32], made[32], line[400];

	report_heading(t, "Method");
	snprintf(line, sizeof(line),
		 "Range (%s, %s] UTC, columns of %.0f s, %.0f s watched; quantiles from buckets of "
		 "9.05 %% growth, trend = p99 of the last third against the first; sgprobe %.40s, "
		 "made %s UTC.",
		 report_time(report_get_num(range, "from_ms"), from, sizeof(from)),
		 report_time(report_get_num(range, "to_ms"), to, sizeof(to)),
		 report_get_num(range, "step_ms") / 1000, report_get_num(range, "watched_s"),
		 report_get_str(doc, "sgprobe"),
		 report_time(report_get_num(doc, "made_ms"), made, sizeof(made)));
	report_wrap(t, line, 0);
}

static int put_document(struct report_text *t, const json_t *doc, struct sg_error *err)
{
	bool data;

	if (strcmp(report_get_str(doc, "report"), "sgprobe"))
		return sg_fail(err, -EINVAL, "this is no sgprobe report");
	if (report_get_num(doc, "version") != 1)
		return sg_fail(err, -EPROTONOSUPPORT,
			       "this report has another version: use the sgprobe that made it");
	data = strcmp(report_get_str(report_get_object(doc, "verdict"), "level"), "nodata") != 0;
	put_head(t, doc);
	put_verdict(t, doc);
	report_text_events(t, doc);
	if (data && report_text_latency(t, doc) < 0)
		return -ENOMEM;
	if (data) {
		report_text_numbers(t, doc);
		report_text_quality(t, doc);
	}
	put_method(t, doc);
	return t->out->err;
}

int sg_report_text(const char *json, const struct sg_report_style *style, struct sg_buf *out,
		   struct sg_error *err)
{
	struct report_text t = {
		.style = style, .out = out, .width = SG_MIN(SG_MAX(style->width, 60U), 200U)};
	json_error_t why;
	json_t *doc = json_loads(json, JSON_REJECT_DUPLICATES, &why);
	int r;

	if (!doc)
		return sg_fail(err, -EINVAL, "the report is no JSON: line %d: %s", why.line,
			       why.text);
	r = put_document(&t, doc, err);
	json_decref(doc);
	return r;
}
