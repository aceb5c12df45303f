/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader that can be taken away from its thread: the store may be closed while a
 * long evaluation, which nothing interrupts, still runs. It then gets -ECANCELED
 * from its next read and ends.
 */
#ifndef HTTP_GATE_H
#define HTTP_GATE_H

#include <pthread.h>

#include <sgprobe/reader.h>

struct http_gate {
	struct sg_reader reader; /* what the thread uses */
	struct sg_reader *real; /* NULL: not opened */
	pthread_mutex_t in_call;
	bool shut;
};

void http_gate_init(struct http_gate *g);
void http_gate_release(struct http_gate *g); /* closes the real one */
void http_gate_reopen(struct http_gate *g); /* closes the real one, so that another can be put in */
/* Waits for the read that runs, if any; from then on the real reader is not touched. Any thread. */
void http_gate_shut(struct http_gate *g);

#endif
