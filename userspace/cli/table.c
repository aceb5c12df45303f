// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <string.h>

#include "table.h"

#define HELD_ROWS 500 /* of a table, until its widths are fixed */
#define GAP 2
#define NARROWEST 5

enum kind { NOTHING, TEXT, NUMBER, RAW };

struct sg_table {
	FILE *out;
	enum sg_format format;
	unsigned int limit;
	size_t n;
	struct sg_column *columns;
	unsigned int *widths;
	bool *texts, *numbers; /* by column: whether some cell was such */
	char **held; /* cells, while widths are learned */
	size_t n_held, cap_held;
	size_t at; /* cell of the row that is being made */
	uint64_t rows;
	bool fixed;
	struct sg_buf line;
	int err;
};

/* ---- texts ------------------------------------------------------------------------- */

void sg_csv_str(struct sg_buf *b, const char *s)
{
	if (!s[strcspn(s, ",\"\r\n")]) {
		sg_buf_str(b, s);
		return;
	}
	sg_buf_char(b, '"');
	for (; *s; s++) {
		if (*s == '"')
			sg_buf_char(b, '"');
		sg_buf_char(b, *s);
	}
	sg_buf_char(b, '"');
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

unsigned int sg_columns(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += begins_character(*s);
	return n;
}

static void put_spaces(struct sg_buf *b, unsigned int n)
{
	while (n--)
		sg_buf_char(b, ' ');
}

static void put_cut(struct sg_buf *b, const char *s, unsigned int width)
{
	unsigned int used = 0;

	for (; *s; s++) {
		if (begins_character(*s) && used++ + 1 >= width)
			break;
		sg_buf_char(b, *s);
	}
	sg_buf_str(b, "…");
}

void sg_put_cell(struct sg_buf *b, const char *text, unsigned int width, bool right, bool last)
{
	unsigned int n = sg_columns(text);

	if (n > width) {
		put_cut(b, text, width);
		return;
	}
	if (right)
		put_spaces(b, width - n);
	sg_buf_str(b, text);
	if (!right && !last)
		put_spaces(b, width - n);
}

/* ---- lines ------------------------------------------------------------------------- */

static void write_line(struct sg_table *t)
{
	if (t->line.err && !t->err)
		t->err = t->line.err;
	if (!t->err && t->line.len && fwrite(t->line.data, 1, t->line.len, t->out) != t->line.len)
		t->err = errno == EPIPE ? -EPIPE : -EIO;
	sg_buf_reset(&t->line);
}

static void put_table_row(struct sg_table *t, char *const *cells)
{
	for (size_t i = 0; i < t->n; i++) {
		bool last = i + 1 == t->n;

		sg_put_cell(&t->line, cells[i] ? cells[i] : "", t->widths[i], t->columns[i].right,
			    last);
		if (!last)
			put_spaces(&t->line, GAP);
	}
	while (t->line.len && t->line.data[t->line.len - 1] == ' ')
		t->line.len--;
	sg_buf_char(&t->line, '\n');
	write_line(t);
}

static void put_head(struct sg_table *t)
{
	char **names = calloc(t->n + 1, sizeof(*names));

	if (!names) {
		t->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		names[i] = (char *)t->columns[i].name;
	put_table_row(t, names);
	free(names);
}

/* Takes from the widest text until the whole fits. */
static void fit(struct sg_table *t)
{
	for (;;) {
		unsigned int sum = (unsigned int)(t->n - 1) * GAP, widest = 0;

		for (size_t i = 0; i < t->n; i++) {
			sum += t->widths[i];
			if (!t->columns[i].right &&
			    (t->columns[widest].right || t->widths[i] > t->widths[widest]))
				widest = (unsigned int)i;
		}
		if (sum <= t->limit || t->columns[widest].right || t->widths[widest] <= NARROWEST)
			return;
		t->widths[widest]--;
	}
}

static void fix_widths(struct sg_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		t->widths[i] = sg_columns(t->columns[i].name);
		if (t->columns[i].by_value)
			t->columns[i].right = t->numbers[i] && !t->texts[i];
	}
	for (size_t row = 0; row + t->n <= t->n_held; row += t->n)
		for (size_t i = 0; i < t->n; i++)
			t->widths[i] = SG_MAX(t->widths[i], sg_columns(t->held[row + i]));
	if (t->limit)
		fit(t);
	t->fixed = true;
	put_head(t);
	for (size_t i = 0; i + t->n <= t->n_held && !t->err; i += t->n)
		put_table_row(t, t->held + i);
}

static void drop_held(struct sg_table *t)
{
	for (size_t i = 0; i < t->n_held; i++)
		free(t->held[i]);
	t->n_held = 0;
}

static void hold(struct sg_table *t, const char *s)
{
	if (SG_GROW(t->held, t->cap_held, t->n_held) < 0 || !(t->held[t->n_held] = strdup(s)))
		t->err = -ENOMEM;
	else
		t->n_held++;
}

static void table_cell(struct sg_table *t, enum kind kind, const char *s)
{
	sg_auto_buf safe = {0};

	t->texts[t->at] |= s && kind == TEXT;
	t->numbers[t->at] |= s && kind == NUMBER;
	sg_term_str(&safe, s ? s : "");
	hold(t, safe.data ? safe.data : "");
	if (t->at + 1 < t->n || t->err)
		return;
	if (t->fixed) {
		put_table_row(t, t->held);
		drop_held(t);
	} else if (t->n_held >= HELD_ROWS * t->n) {
		fix_widths(t);
		drop_held(t);
	}
}

static void csv_head(struct sg_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			sg_buf_char(&t->line, ',');
		sg_csv_str(&t->line, t->columns[i].name);
	}
	sg_buf_char(&t->line, '\n');
	write_line(t);
}

static void csv_cell(struct sg_table *t, const char *s)
{
	if (t->at)
		sg_buf_char(&t->line, ',');
	sg_csv_str(&t->line, s ? s : "");
	if (t->at + 1 == t->n) {
		sg_buf_char(&t->line, '\n');
		write_line(t);
	}
}

static void json_cell(struct sg_table *t, enum kind kind, const char *s)
{
	if (t->at == 0)
		sg_buf_str(&t->line, t->rows ? ",\n{" : "[{");
	else
		sg_buf_char(&t->line, ',');
	sg_json_str(&t->line, t->columns[t->at].name);
	sg_buf_char(&t->line, ':');
	if (!s || kind == NOTHING)
		sg_buf_str(&t->line, "null");
	else if (kind == TEXT)
		sg_json_str(&t->line, s);
	else
		sg_buf_str(&t->line, s);
	if (t->at + 1 == t->n) {
		sg_buf_char(&t->line, '}');
		write_line(t);
	}
}

static void cell(struct sg_table *t, enum kind kind, const char *s)
{
	if (t->err)
		return;
	switch (t->format) {
	case SG_AS_TABLE: table_cell(t, kind, s); break;
	case SG_AS_CSV: csv_cell(t, s); break;
	case SG_AS_JSON: json_cell(t, s ? kind : NOTHING, s); break;
	}
	if (++t->at == t->n) {
		t->at = 0;
		t->rows++;
	}
}

/* ---- the interface ------------------------------------------------------------------- */

struct sg_table *sg_table_new(FILE *out, enum sg_format format, unsigned int width,
			      const struct sg_column *columns, size_t n)
{
	struct sg_table *t = n ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->out = out;
	t->format = format;
	t->limit = width;
	t->n = n;
	t->columns = calloc(n, sizeof(*t->columns));
	t->widths = calloc(n, sizeof(*t->widths));
	t->texts = calloc(n, sizeof(*t->texts));
	t->numbers = calloc(n, sizeof(*t->numbers));
	if (!t->columns || !t->widths || !t->texts || !t->numbers) {
		sg_table_free(t);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		t->columns[i] = columns[i];
		t->columns[i].name = strdup(columns[i].name);
		if (!t->columns[i].name) {
			sg_table_free(t);
			return NULL;
		}
	}
	if (format == SG_AS_CSV)
		csv_head(t);
	return t;
}

void sg_table_text(struct sg_table *t, const char *s)
{
	cell(t, TEXT, s);
}

void sg_table_number(struct sg_table *t, const char *s)
{
	cell(t, NUMBER, s);
}

void sg_table_json(struct sg_table *t, const char *s)
{
	cell(t, RAW, s);
}

void sg_table_float(struct sg_table *t, double v)
{
	sg_auto_buf b = {0};

	sg_fmt_float(&b, v);
	cell(t, isfinite(v) ? NUMBER : TEXT, b.data ? b.data : "");
}

int sg_table_end(struct sg_table *t)
{
	if (t->format == SG_AS_TABLE && !t->fixed && !t->err)
		fix_widths(t);
	if (t->format == SG_AS_JSON) {
		sg_buf_str(&t->line, t->rows ? "]\n" : "[]\n");
		write_line(t);
	}
	if (fflush(t->out) != 0 && !t->err)
		t->err = errno == EPIPE ? -EPIPE : -EIO;
	return t->err;
}

int sg_table_error(const struct sg_table *t)
{
	return t->err;
}

void sg_table_free(struct sg_table *t)
{
	if (!t)
		return;
	drop_held(t);
	free(t->held);
	for (size_t i = 0; t->columns && i < t->n; i++)
		free((char *)t->columns[i].name);
	free(t->columns);
	free(t->widths);
	free(t->texts);
	free(t->numbers);
	sg_buf_free(&t->line);
	free(t);
}
