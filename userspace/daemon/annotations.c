// SPDX-License-Identifier: GPL-2.0
#include "annotations.h"

#include <errno.h>
#include <stdio.h>

void sg_annotations_init(struct sg_annotations *a)
{
	pthread_mutex_init(&a->lock, NULL);
	a->n = 0;
}

int sg_annotations_put(struct sg_annotations *a, const struct sg_event *e)
{
	int r = -EAGAIN;

	pthread_mutex_lock(&a->lock);
	if (a->n < SG_ANNOTATIONS_MAX) {
		struct sg_event *to = &a->list[a->n].e;

		*to = *e; /* its kind is of the table, and stays */
		for (size_t i = 0; i < to->n; i++)
			if (to->fields[i].text) {
				char *text = a->list[a->n].texts[i];

				snprintf(text, sizeof(a->list[0].texts[0]), "%s",
					 to->fields[i].text);
				to->fields[i].text = text;
			}
		a->n++;
		r = 0;
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

void sg_annotations_take(struct sg_annotations *a, struct sg_self_frame *s)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n; i++)
		sg_self_frame_event(s, &a->list[i].e);
	a->n = 0;
	pthread_mutex_unlock(&a->lock);
}
