/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading encoded frames in place, for who reads many and wants few series of
 * each: a view finds the parts of a record, a table decodes the series once for
 * as long as the frames of a source carry the same ones, a visit walks the
 * samples and decodes only those that are wanted.
 */
#ifndef SGPROBE_FRAME_VISIT_H
#define SGPROBE_FRAME_VISIT_H

#include <stdbool.h>

#include <sgprobe/frame.h>

struct sg_frame_codec;

/* Borrows the record's bytes. */
struct sg_frame_view {
	const struct sg_frame_codec *codec; /* of the record's version */
	struct sg_frame header; /* n = number of series; no samples, no arena */
	const uint8_t *tables; /* strings and series: same bytes, same series in the same order */
	size_t tables_len;
	const uint8_t *samples;
	size_t samples_len;
};

/*
 * -EBADMSG, -EPROTONOSUPPORT. checksum: whether to verify the body's; who has
 * verified the bytes otherwise saves the time. Never reads past n either way.
 */
int sg_frame_view(const void *p, size_t n, bool checksum, struct sg_frame_view *ret);

/* The series of one source's frames. Zero-initialise. */
struct sg_frame_table {
	uint8_t *bytes; /* of the tables as decoded last */
	size_t len, cap;
	struct sg_arena *arena;
	struct sg_series *series; /* valid until the next change */
	size_t n;
};
void sg_frame_table_free(struct sg_frame_table *t);
/* 1: other series than before, 0: the same, -EBADMSG or -ENOMEM (the table is then empty). */
int sg_frame_table_update(struct sg_frame_table *t, const struct sg_frame_view *v);

/*
 * Calls cb for every sample i with want[i] (want == NULL: all), in order. The
 * sample and its buckets are valid during the call. Stops when cb returns
 * non-zero and returns that. Everything is checked as the decoder does, wanted
 * or not: -EBADMSG. t must be up to date with v.
 */
typedef int (*sg_frame_on_sample)(void *ctx, size_t i, const struct sg_sample *s);
int sg_frame_visit(const struct sg_frame_view *v, const struct sg_frame_table *t,
		   const uint8_t *want, sg_frame_on_sample cb, void *ctx);

/*
 * The same record without exemplars, which are kept for themselves: this header, and of
 * the body as much as the length says that is returned. -EBADMSG.
 */
int64_t sg_frame_cut_exemplars(const struct sg_frame_view *v, const struct sg_frame_table *t,
			       uint8_t header[SG_FRAME_HEADER_BYTES]);

#endif
