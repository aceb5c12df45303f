/* SPDX-License-Identifier: GPL-2.0 */
/* A heat map as text. Pure. */
#ifndef SG_CLI_RENDER_H
#define SG_CLI_RENDER_H

#include "source.h"
#include "tty.h"

#define SG_HEAT_LEFT 9 /* columns of the scale at the left */

struct sg_heat_style {
	unsigned int columns, rows; /* of the whole picture, at least 20 x 6 */
	enum sg_depth depth;
};
/* Title, rows from slow to fast, a time axis and a line of quantiles. */
void sg_heat_render(struct sg_buf *b, const struct sg_heat *h, const struct sg_heat_style *style);

/* Foreground or background colour of a share 0 ... 1; "" in monochrome. */
void sg_color(struct sg_buf *b, enum sg_depth depth, bool background, double share);

/* Appends text right-aligned to 'width' columns: a character counts once, however many bytes it has. */
void sg_put_right(struct sg_buf *b, const char *text, unsigned int width);

#endif
