/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One GET by HTTP/1.0, on the loop: connect, ask, read to the end, within a time and a
 * size. Redirections are not followed, nothing is looked up, nothing is authenticated.
 */
#ifndef SG_INGEST_FETCH_H
#define SG_INGEST_FETCH_H

#include <sgprobe/config.h>
#include <sgprobe/loop.h>

#include "address.h"

struct ingest_fetch;

struct ingest_fetch_options {
	const struct sg_target *target; /* borrowed until it is done, as is the address */
	const struct ingest_address *address;
	uint64_t timeout_ns;
	size_t max_bytes; /* of the body, packed and unpacked */
	/*
	 * Called once, from the loop; the body is the callee's until it returns. why: "" when
	 * it succeeded, else a sentence; then there is no body.
	 */
	void (*done)(void *ctx, const char *body, size_t n, bool openmetrics, const char *why);
	void *ctx;
};
int ingest_fetch_start(struct sg_loop *loop, const struct ingest_fetch_options *o,
		       struct ingest_fetch **ret);
/* Ends it without calling done. NULL is fine. */
void ingest_fetch_free(struct ingest_fetch *f);

/*
 * What a whole answer says. body gets the unpacked text. 0, or -errno with a sentence in
 * why: not 200, cut short, too large, not understood.
 */
int ingest_fetch_parse(const char *p, size_t n, size_t max_bytes, struct sg_buf *body,
		       bool *openmetrics, struct sg_error *why);

/* Whether ingest.scrape has addresses only, and only such as are allowed. 0 or -errno with a sentence. */
int ingest_check_targets(const struct sg_config *cfg, struct sg_error *err);
/* An address of ingest.scrape: 0 or -EINVAL. */
int ingest_target_address(const struct sg_target *t, struct ingest_address *a);

#endif
