/* SPDX-License-Identifier: GPL-2.0 */
/* Lines over time as text: braille dots, a legend, two axes. Pure. */
#ifndef SG_CLI_PLOT_H
#define SG_CLI_PLOT_H

#include "tty.h"

#define SG_PLOT_SERIES_MAX 8

struct sg_plot_line {
	const char *label; /* shown as it is: escaped by the caller */
	size_t n;
	const int64_t *t_ms; /* ascending */
	const double *values; /* what is not finite is a hole */
};
struct sg_plot {
	int64_t from_ms, to_ms;
	int64_t step_ms; /* more than one and a half between two points: a hole */
	const char *unit; /* as sg_fmt_unit takes it */
	size_t n;
	const struct sg_plot_line *lines; /* the first SG_PLOT_SERIES_MAX are drawn */
	size_t left_out; /* further ones that the caller did not hand over */
};
struct sg_plot_style {
	unsigned int columns, rows; /* of the plot with its axes, without legend; at least 20 x 4 */
	enum sg_depth depth;
	bool ascii; /* no braille */
};
void sg_plot_render(struct sg_buf *b, const struct sg_plot *p, const struct sg_plot_style *style);

#endif
