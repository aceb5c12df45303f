// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "plot.h"
#include "render.h"
#include "table.h"

#define LEFT 9 /* columns of the scale, and the axis */
#define DOTS_X 2
#define DOTS_Y 4
#define COLUMNS_MAX 500
#define VALUE_MAX 1e300
#define ROWS_MAX 100

/* What a character cell has: dots, and whose was the last. */
struct cell {
	uint8_t dots;
	uint8_t line; /* from 1; 0: nothing */
};

struct canvas {
	unsigned int columns, rows; /* of cells */
	struct cell *cells;
	double low, high; /* of the scale */
	double step; /* between two of its numbers */
	const struct sg_plot *plot;
	const struct sg_plot_style *style;
};

/* Okabe and Ito's colours, which people with any colour vision tell apart; as the cube and as RGB. */
static const struct {
	uint8_t cube, rgb[3];
} palette[SG_PLOT_SERIES_MAX] = {
	{39, {86, 180, 233}},	{214, {230, 159, 0}}, {36, {0, 158, 115}}, {227, {240, 228, 66}},
	{169, {204, 121, 167}}, {166, {213, 94, 0}},  {25, {0, 114, 178}}, {250, {187, 187, 187}},
};
static const char marks[] = "*+xo#@%&";

/* ---- the scale --------------------------------------------------------------------- */

static bool find_range(struct canvas *c)
{
	double lo = INFINITY, hi = -INFINITY;

	for (size_t i = 0; i < c->plot->n && i < SG_PLOT_SERIES_MAX; i++)
		for (size_t k = 0; k < c->plot->lines[i].n; k++) {
			double v = c->plot->lines[i].values[k];

			if (!isfinite(v))
				continue;
			lo = fmin(lo, v);
			hi = fmax(hi, v);
		}
	/* So that sums and differences of them are numbers. */
	c->low = fmax(lo, -VALUE_MAX);
	c->high = fmin(hi, VALUE_MAX);
	return lo <= hi;
}

/* 1, 2 or 5 times a power of ten, not below v. */
static double round_up(double v)
{
	double p = pow(10, floor(log10(v)));

	for (int m = 1; m <= 10; m = m == 2 ? 5 : m * 2)
		if (p * m >= v * (1 - 1e-9))
			return p * m;
	return p * 10;
}

/* Zero belongs to the scale unless the values are far from it and near to each other. */
static void set_scale(struct canvas *c)
{
	double span;

	if (c->low > 0 && c->high - c->low > 0.2 * c->high)
		c->low = 0;
	if (c->high < 0 && c->high - c->low > -0.2 * c->low)
		c->high = 0;
	span = c->high - c->low;
	if (!(span > 0) || !isfinite(span)) {
		span = c->low != 0 ? fabs(c->low) : 1;
		c->high = c->low + span / 2;
		c->low -= c->low != 0 ? span / 2 : 0;
		span = c->high - c->low;
	}
	c->step = round_up(span / 4);
	if (!(c->step > 0) || !isfinite(c->step))
		return;
	c->low = floor(c->low / c->step + 1e-9) * c->step;
	c->high = ceil(c->high / c->step - 1e-9) * c->step;
}

/* ---- dots -------------------------------------------------------------------------- */

static void set_dot(struct canvas *c, long x, long y, uint8_t line)
{
	static const uint8_t bits[DOTS_Y][DOTS_X] = {
		{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
	struct cell *cell;

	if (x < 0 || y < 0 || x >= (long)c->columns * DOTS_X || y >= (long)c->rows * DOTS_Y)
		return;
	cell = &c->cells[(y / DOTS_Y) * c->columns + x / DOTS_X];
	cell->dots |= bits[y % DOTS_Y][x % DOTS_X];
	cell->line = line;
}

static void draw_line(struct canvas *c, const long a[2], const long b[2], uint8_t line)
{
	long dx = labs(b[0] - a[0]), dy = labs(b[1] - a[1]), n = SG_MAX(dx, dy);

	for (long i = 0; i <= n; i++) {
		double f = n ? (double)i / (double)n : 0;

		set_dot(c, lround((double)a[0] + f * (double)(b[0] - a[0])),
			lround((double)a[1] + f * (double)(b[1] - a[1])), line);
	}
}

static void place(const struct canvas *c, int64_t t_ms, double v, long at[2])
{
	double span = (double)SG_MAX(c->plot->to_ms - c->plot->from_ms, 1);
	double x = (double)(t_ms - c->plot->from_ms) / span;
	double y = (c->high - v) / (c->high - c->low);

	x = fmin(fmax(x, 0), 1);
	y = fmin(fmax(y, 0), 1);
	at[0] = lround(x * (double)(c->columns * DOTS_X - 1));
	at[1] = lround(y * (double)(c->rows * DOTS_Y - 1));
}

static void draw_series(struct canvas *c, size_t i)
{
	const struct sg_plot_line *l = &c->plot->lines[i];
	long before[2] = {0, 0}, now[2];
	size_t last = SIZE_MAX; /* the point before, when it is near enough */

	for (size_t k = 0; k < l->n; k++) {
		if (!isfinite(l->values[k])) {
			last = SIZE_MAX;
			continue;
		}
		place(c, l->t_ms[k], l->values[k], now);
		if (last != SIZE_MAX &&
		    l->t_ms[k] - l->t_ms[last] <= c->plot->step_ms + c->plot->step_ms / 2)
			draw_line(c, before, now, (uint8_t)(i + 1));
		else
			set_dot(c, now[0], now[1], (uint8_t)(i + 1));
		memcpy(before, now, sizeof(before));
		last = k;
	}
}

/* ---- text -------------------------------------------------------------------------- */

static void put_color(struct sg_buf *b, const struct sg_plot_style *s, size_t line)
{
	if (s->depth == SG_TRUE)
		sg_buf_printf(b, "\033[38;2;%d;%d;%dm", palette[line].rgb[0], palette[line].rgb[1],
			      palette[line].rgb[2]);
	else if (s->depth == SG_256)
		sg_buf_printf(b, "\033[38;5;%dm", palette[line].cube);
}

static void put_reset(struct sg_buf *b, const struct sg_plot_style *s)
{
	if (s->depth != SG_MONO)
		sg_buf_str(b, "\033[0m");
}

/* Without colours several lines are told apart by their marks. */
static bool by_marks(const struct canvas *c)
{
	return c->style->ascii || (c->style->depth == SG_MONO && c->plot->n > 1);
}

static void put_cells(struct sg_buf *b, const struct canvas *c, unsigned int row)
{
	uint8_t color = 0;
	unsigned int end = c->columns;

	while (end && !c->cells[row * c->columns + end - 1].line)
		end--;
	for (unsigned int x = 0; x < end; x++) {
		const struct cell *cell = &c->cells[row * c->columns + x];

		if (!cell->line) {
			sg_buf_char(b, ' ');
			continue;
		}
		if (cell->line != color)
			put_color(b, c->style, cell->line - 1);
		color = cell->line;
		if (by_marks(c))
			sg_buf_char(b, marks[cell->line - 1]);
		else /* U+2800 and its dots */
			sg_buf_printf(b, "\xe2%c%c", 0xa0 | cell->dots >> 6,
				      0x80 | (cell->dots & 0x3f));
	}
	if (color)
		put_reset(b, c->style);
}

/* A round number that belongs to this row; false: none does. */
static bool number_of(const struct canvas *c, unsigned int row, double *ret)
{
	double per_row = (c->high - c->low) / (double)(c->rows - 1);
	double v = c->high - per_row * row;

	*ret = round(v / c->step) * c->step;
	/* Of two rows that are as near one has it. */
	return isfinite(*ret) && lround((c->high - *ret) / per_row) == (long)row;
}

static void put_rows(struct sg_buf *b, const struct canvas *c)
{
	for (unsigned int row = 0; row < c->rows; row++) {
		char text[32] = "";
		double v;

		if (number_of(c, row, &v))
			sg_fmt_unit(c->plot->unit, v == 0 ? 0 : v, text, sizeof(text));
		sg_put_right(b, text, LEFT - 1);
		sg_buf_str(b, c->style->ascii ? "|" : *text ? "┤" : "│");
		put_cells(b, c, row);
		sg_buf_char(b, '\n');
	}
}

static unsigned int put_time(struct sg_buf *b, int64_t ms, bool dated)
{
	time_t t = ms / 1000;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), dated ? "%m-%d %H:%M" : "%H:%M:%S", &tm);
	sg_buf_str(b, text);
	return (unsigned int)strlen(text);
}

static void put_axis(struct sg_buf *b, const struct canvas *c)
{
	int64_t span = c->plot->to_ms - c->plot->from_ms;
	bool dated = span > 86400000;
	unsigned int width = dated ? 11 : 8, places = SG_MIN(c->columns / (width * 2), 4U);

	sg_buf_printf(b, "%*s%s", LEFT - 1, "", c->style->ascii ? "+" : "└");
	for (unsigned int x = 0; x < c->columns; x++)
		sg_buf_str(b, c->style->ascii ? "-" : "─");
	sg_buf_printf(b, "\n%*s", LEFT, "");
	for (unsigned int i = 0, at = 0; i <= places; i++) {
		unsigned int want = places ? i * (c->columns - width) / places : 0;
		int64_t t =
			c->plot->from_ms +
			(places ? span * (want + (i ? width * i / places : 0)) / c->columns : 0);

		sg_buf_printf(b, "%*s", (int)(want > at ? want - at : 0), "");
		at = want + put_time(b, SG_MIN(t, c->plot->to_ms), dated);
	}
	sg_buf_char(b, '\n');
}

struct numbers {
	double low, high, sum, last;
	size_t n;
};

static struct numbers count(const struct sg_plot_line *l)
{
	struct numbers x = {.low = NAN, .high = NAN, .last = NAN};

	for (size_t i = 0; i < l->n; i++) {
		if (!isfinite(l->values[i]))
			continue;
		x.low = fmin(x.low, l->values[i]);
		x.high = fmax(x.high, l->values[i]);
		x.sum += x.last = l->values[i];
		x.n++;
	}
	return x;
}

static void put_legend_line(struct sg_buf *b, const struct canvas *c, size_t i)
{
	const struct sg_plot_line *l = &c->plot->lines[i];
	struct numbers x = count(l);
	const struct {
		const char *name;
		double v;
	} show[] = {{"last", x.last},
		    {"min", x.low},
		    {"avg", x.n ? x.sum / (double)x.n : NAN},
		    {"max", x.high}};
	unsigned int room = c->style->columns > 70 ? c->style->columns - 59 : 12;

	put_color(b, c->style, i);
	if (by_marks(c))
		sg_buf_printf(b, "%c ", marks[i]);
	else
		sg_buf_str(b, "━ ");
	put_reset(b, c->style);
	if (c->style->ascii && sg_columns(l->label) > room)
		sg_buf_printf(b, "%.*s~", (int)room - 1, l->label);
	else
		sg_put_cell(b, l->label, room, false, false);
	for (size_t k = 0; k < ARRAY_SIZE(show); k++) {
		char text[32];

		sg_buf_printf(b, "  %s ", show[k].name);
		sg_put_right(b, sg_fmt_unit(c->plot->unit, show[k].v, text, sizeof(text)), 8);
	}
	sg_buf_char(b, '\n');
}

static void put_legend(struct sg_buf *b, const struct canvas *c)
{
	size_t shown = SG_MIN(c->plot->n, (size_t)SG_PLOT_SERIES_MAX);
	size_t left = c->plot->n - shown + c->plot->left_out;

	for (size_t i = 0; i < shown; i++)
		put_legend_line(b, c, i);
	if (left)
		sg_buf_printf(b, "and %zu more with lower peaks; topk() or --csv shows them\n",
			      left);
}

void sg_plot_render(struct sg_buf *b, const struct sg_plot *p, const struct sg_plot_style *style)
{
	struct canvas c = {.plot = p, .style = style};

	c.columns = SG_MIN(SG_MAX(style->columns, 20U), COLUMNS_MAX) - LEFT;
	c.rows = SG_MIN(SG_MAX(style->rows, 4U), ROWS_MAX) - 2;
	if (!find_range(&c)) {
		sg_buf_str(b, "no values in this time\n");
		return;
	}
	c.cells = calloc((size_t)c.columns * c.rows, sizeof(*c.cells));
	if (!c.cells) {
		b->err = -ENOMEM;
		return;
	}
	set_scale(&c);
	for (size_t i = SG_MIN(p->n, (size_t)SG_PLOT_SERIES_MAX); i-- > 0;)
		draw_series(&c, i);
	put_rows(b, &c);
	put_axis(b, &c);
	put_legend(b, &c);
	free(c.cells);
}
