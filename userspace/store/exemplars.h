/* SPDX-License-Identifier: GPL-2.0 */
/* Exemplars in the store: written with the block of their frames, read by series and time. */
#ifndef STORE_EXEMPLARS_H
#define STORE_EXEMPLARS_H

#include "store.h"

/* Those of frames that are being written as block next_id, in the same transaction. 0 or -errno. */
int sg_exemplars_store(struct sg_store *st, struct sg_head_frame *const *frames, size_t n);
/* Deletes some that are too old or too many. 0 or -errno. */
int sg_exemplars_trim(struct sg_store *st);

struct sg_exemplar_scan {
	const struct sg_selector *sels;
	size_t n_sels;
	int64_t from_ms, to_ms; /* (from, to] */
	sg_exemplar_cb cb;
	void *ctx;
};
/* What cb returned when it is not 0; -EBADMSG for what is damaged, -ENOMEM. */
int sg_exemplars_of_row(const struct sg_exemplar_scan *sc, const void *p, size_t n, size_t raw);
int sg_exemplars_of_head(const struct sg_exemplar_scan *sc, const struct sg_head_view *v);

#endif
