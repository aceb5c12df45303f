/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One row per version of the wire format that this program reads. A version is
 * never changed once it is written: a new one is a new row and a new file.
 */
#ifndef SGPROBE_MODEL_CODEC_H
#define SGPROBE_MODEL_CODEC_H

#include <sgprobe/frame_visit.h>

#include "wire.h"

struct sg_frame_codec {
	uint16_t version;
	/* Fills the view from a whole header; the body need not be there. 0 or -EBADMSG. */
	int (*header)(const uint8_t *p, struct sg_frame_view *v);
	/* Decodes the tables into *ret, v->header.n series in the arena. -EBADMSG, -ENOMEM. */
	int (*series)(const struct sg_frame_view *v, struct sg_arena *arena,
		      struct sg_series **ret);
	/*
	 * Reads the next sample, whose type is set in s->series; buckets has room for
	 * SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1. Sets in->bad on anything wrong.
	 */
	void (*sample)(struct wire_reader *in, struct sg_bucket *buckets, struct sg_sample *s);
	/* What follows the samples, all that is left; f NULL: it is only checked. 0, -EBADMSG, -ENOMEM. NULL: nothing may. */
	int (*rest)(struct wire_reader *in, const struct sg_frame_table *t, struct sg_frame *f);
};

extern const struct sg_frame_codec sg_frame_codec_v1, sg_frame_codec_v2;

/* Parts of version 1 that version 2 has kept. */
int sg_codec_v1_header(const uint8_t *p, struct sg_frame_view *v);
int sg_codec_v1_series(const struct sg_frame_view *v, struct sg_arena *arena,
		       struct sg_series **ret);
void sg_codec_v1_sample(struct wire_reader *in, struct sg_bucket *buckets, struct sg_sample *s);

/* exemplars.c: the body of that section; get adds to f, or only checks when that is NULL. -EINVAL, -EBADMSG, -ENOMEM. */
int sg_exemplars_put(const struct sg_frame *f, struct sg_buf *b);
int sg_exemplars_get(const struct wire_reader *section, const struct sg_series *series,
		     size_t n_series, struct sg_frame *f);

/* The codec of a record whose header is there; -EBADMSG, -EPROTONOSUPPORT. */
int sg_frame_codec_of(const void *p, const struct sg_frame_codec **ret);

#endif
