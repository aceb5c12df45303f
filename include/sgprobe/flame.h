/* SPDX-License-Identifier: GPL-2.0 */
/* Stacks as text, as JSON and as a picture. Values are microseconds throughout. */
#ifndef SGPROBE_FLAME_H
#define SGPROBE_FLAME_H

#include <sgprobe/profile.h>

/*
 * One line a stack, "cgroup;comm;frame;frame... microseconds", what flamegraph.pl and
 * speedscope read. Frames of the kernel end in "_[k]". With kinds that are mixed, the
 * first part is "cpu" or "offcpu".
 */
void sg_flame_folded(struct sg_buf *b, const struct sg_profile *p, bool name_kinds);

struct sg_flame_range {
	int64_t from_ms, to_ms;
};
/* {"unit":"microseconds","from_ms":,"to_ms":,"stacks":[{"kind","cgroup","comm","frames","kernel","us","count"}]} */
void sg_flame_json(struct sg_buf *b, const struct sg_profile *p, const struct sg_flame_range *r);

/*
 * A flame graph that needs nothing else: width is time, tooltips are titles, a click zooms,
 * a field searches. title is shown. 0, -ENOMEM, -ENODATA: there is nothing to draw.
 */
int sg_flame_svg(struct sg_buf *b, const struct sg_profile *p, const char *title);

#endif
