/* SPDX-License-Identifier: GPL-2.0 */
/* What users note, on its way from the HTTP threads into the server's own frame. */
#ifndef SG_DAEMON_ANNOTATIONS_H
#define SG_DAEMON_ANNOTATIONS_H

#include <pthread.h>

#include "self_frame.h"

#define SG_ANNOTATIONS_MAX 16 /* that wait for the next tick */

struct sg_annotations {
	pthread_mutex_t lock;
	size_t n;
	struct {
		struct sg_event e;
		char texts[SG_EVENT_FIELDS_MAX][SG_EVENT_TEXT_MAX + 1];
	} list[SG_ANNOTATIONS_MAX];
};
void sg_annotations_init(struct sg_annotations *a);
/* Any thread. 0 or -EAGAIN. */
int sg_annotations_put(struct sg_annotations *a, const struct sg_event *e);
/* The server's thread: hands all of them to the next frame. */
void sg_annotations_take(struct sg_annotations *a, struct sg_self_frame *s);

#endif
