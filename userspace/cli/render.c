// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <string.h>
#include <time.h>

#include "render.h"

#define LEFT SG_HEAT_LEFT

/* Viridis, at five places. */
static const unsigned char ramp[][3] = {
	{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37},
};

void sg_color(struct sg_buf *b, enum sg_depth depth, bool background, double share)
{
	double at = SG_MIN(SG_MAX(share, 0.0), 1.0) * (double)(ARRAY_SIZE(ramp) - 1);
	size_t i = SG_MIN((size_t)at, ARRAY_SIZE(ramp) - 2);
	int c[3];

	for (int k = 0; k < 3; k++)
		c[k] = (int)(ramp[i][k] + (at - i) * (ramp[i + 1][k] - ramp[i][k]));
	if (depth == SG_TRUE)
		sg_buf_printf(b, "\033[%d;2;%d;%d;%dm", background ? 48 : 38, c[0], c[1], c[2]);
	else if (depth == SG_256) /* the 6 x 6 x 6 cube */
		sg_buf_printf(b, "\033[%d;5;%dm", background ? 48 : 38,
			      16 + c[0] / 43 * 36 + c[1] / 43 * 6 + c[2] / 43);
}

void sg_put_right(struct sg_buf *b, const char *text, unsigned int width)
{
	unsigned int n = 0;

	for (const char *p = text; *p; p++)
		n += ((unsigned char)*p & 0xc0) != 0x80;
	for (; n < width; n++)
		sg_buf_char(b, ' ');
	sg_buf_str(b, text);
}

struct grid {
	const struct sg_heat *h;
	int32_t lowest; /* bucket index of the bottom row's first */
	int32_t per_row; /* buckets in a row */
	unsigned int rows, columns;
	size_t first; /* column of h that is the leftmost */
	double max; /* of a cell */
};

static double cell(const struct grid *g, unsigned int row, unsigned int column)
{
	const struct sg_hist *c = &g->h->columns[g->first + column];
	int32_t from = g->lowest + (int32_t)row * g->per_row;
	double sum = 0;

	for (uint32_t i = 0; i < c->n; i++)
		if (c->buckets[i].index >= from && c->buckets[i].index < from + g->per_row)
			sum += c->buckets[i].count;
	return sum;
}

/* Chooses the rows so that every bucket in sight has one. False: nothing happened. */
static bool lay_out(struct grid *g, const struct sg_heat *h, const struct sg_heat_style *style)
{
	int32_t lo = SG_HIST_INDEX_MAX, hi = SG_HIST_INDEX_MIN, span;
	unsigned int room = style->rows > 8 ? style->rows - 4 : 4;

	g->h = h;
	g->columns = SG_MIN(style->columns - LEFT, (unsigned int)h->n);
	g->first = h->n - g->columns;
	for (size_t c = g->first; c < h->n; c++)
		for (uint32_t i = 0; i < h->columns[c].n; i++) {
			lo = SG_MIN(lo, h->columns[c].buckets[i].index);
			hi = SG_MAX(hi, h->columns[c].buckets[i].index);
		}
	if (lo > hi)
		return false;
	span = hi - lo + 1;
	g->per_row = (span + (int32_t)room - 1) / (int32_t)room;
	g->rows = (span + g->per_row - 1) / g->per_row;
	g->lowest = lo;
	for (unsigned int r = 0; r < g->rows; r++)
		for (unsigned int c = 0; c < g->columns; c++)
			g->max = SG_MAX(g->max, cell(g, r, c));
	return true;
}

static void put_cell(struct sg_buf *b, const struct sg_heat_style *style, double v, double max)
{
	static const char shades[] = ".:-=+*#%@";
	/* Logarithmic: one slow request among a million fast ones must be seen. */
	double share = log1p(v) / log1p(max);

	if (v <= 0) {
		sg_buf_str(b, style->depth == SG_MONO ? " " : "\033[0m ");
	} else if (style->depth == SG_MONO) {
		sg_buf_char(b, shades[(size_t)(share * (sizeof(shades) - 2) + 0.5)]);
	} else {
		sg_color(b, style->depth, true, share);
		sg_buf_char(b, ' ');
	}
}

static void put_rows(struct sg_buf *b, const struct grid *g, const struct sg_heat_style *style)
{
	for (unsigned int r = g->rows; r-- > 0;) {
		double upper = sg_bucket_upper(g->lowest + (int32_t)(r + 1) * g->per_row - 1);
		char text[32];

		sg_put_right(b, sg_fmt_observed(g->h->unit, upper, text, sizeof(text)), 8);
		sg_buf_char(b, ' ');
		for (unsigned int c = 0; c < g->columns; c++)
			put_cell(b, style, cell(g, r, c), g->max);
		sg_buf_str(b, style->depth == SG_MONO ? "\n" : "\033[0m\n");
	}
}

static void put_clock(struct sg_buf *b, int64_t ms)
{
	time_t t = ms / 1000;
	char text[16] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	sg_buf_str(b, text);
}

static void put_axis(struct sg_buf *b, const struct grid *g)
{
	int64_t from = g->h->from_ms + (int64_t)g->first * g->h->step_ms;

	sg_buf_printf(b, "%*s", LEFT, "");
	put_clock(b, from);
	if (g->columns > 17) {
		sg_buf_printf(b, "%*s", (int)g->columns - 16, "");
		put_clock(b, from + (int64_t)g->columns * g->h->step_ms);
	}
	sg_buf_char(b, '\n');
}

static void put_numbers(struct sg_buf *b, const struct sg_heat *h)
{
	static const double qs[] = {0.5, 0.9, 0.99};
	struct sg_hist all = {0};
	char text[32];

	for (size_t i = 0; i < h->n; i++)
		sg_hist_add(&all, &h->columns[i]);
	sg_buf_printf(b, "%s events", sg_fmt_count(all.count, text, sizeof(text)));
	for (size_t i = 0; i < ARRAY_SIZE(qs); i++)
		sg_buf_printf(b, "  p%g %s", qs[i] * 100,
			      sg_fmt_observed(h->unit, sg_hist_quantile(&all, qs[i]), text,
					      sizeof(text)));
	sg_buf_printf(b, "  max %s\n",
		      sg_fmt_observed(h->unit, sg_hist_max(&all), text, sizeof(text)));
	sg_hist_free(&all);
}

void sg_heat_render(struct sg_buf *b, const struct sg_heat *h, const struct sg_heat_style *style)
{
	struct grid g = {0};

	sg_term_str(b, h->name);
	sg_buf_printf(b, ", a column is %gs\n", (double)h->step_ms / 1000);
	if (!lay_out(&g, h, style)) {
		sg_buf_str(b, "nothing happened in this time\n");
		return;
	}
	put_rows(b, &g, style);
	put_axis(b, &g);
	put_numbers(b, h);
}
