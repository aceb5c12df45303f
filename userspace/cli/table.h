/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rows as a table for people, CSV (RFC 4180) or a JSON array of objects. Written as they come:
 * a table holds its first rows back to learn how wide its columns are.
 */
#ifndef SG_CLI_TABLE_H
#define SG_CLI_TABLE_H

#include <stdio.h>

#include <sgprobe/str.h>

enum sg_format { SG_AS_TABLE, SG_AS_CSV, SG_AS_JSON };

struct sg_column {
	const char *name;
	bool right; /* numbers */
	bool by_value; /* right when the first rows have numbers there, and nothing else */
};

struct sg_table;
/* Copies columns. width: columns of the terminal that a table keeps to, 0: as wide as it is. n: at least 1. NULL: no memory. */
struct sg_table *sg_table_new(FILE *out, enum sg_format format, unsigned int width,
			      const struct sg_column *columns, size_t n);
/* The next cell, row by row. s NULL: nothing there. number: JSON without quotes. */
void sg_table_text(struct sg_table *t, const char *s);
void sg_table_number(struct sg_table *t, const char *s);
void sg_table_float(struct sg_table *t, double v);
void sg_table_json(struct sg_table *t, const char *s); /* valid JSON; text elsewhere */
/* Writes the rest. 0, -ENOMEM, -EIO; -EPIPE: the reader has gone. */
int sg_table_end(struct sg_table *t);
/* What went wrong so far; a writer may stop early. */
int sg_table_error(const struct sg_table *t);
void sg_table_free(struct sg_table *t);
SG_DEFINE_AUTO(sg_table, sg_table_free)

/* A field of CSV: in quotes where it must be. */
void sg_csv_str(struct sg_buf *b, const char *s);

/* Columns that a text takes: a character one, however many bytes it has. */
unsigned int sg_columns(const char *s);
/* Appends text in exactly 'width' columns: cut with a mark, or filled up. */
void sg_put_cell(struct sg_buf *b, const char *text, unsigned int width, bool right, bool last);

#endif
