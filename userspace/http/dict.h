/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Series by number, and which of them a set of selectors matches. Subscriptions
 * with the same selectors share one group: its series are numbered once, and a
 * tick is encoded once for all of them.
 *
 * Callers lock: the serving thread and the feed's reading thread use it both.
 */
#ifndef HTTP_DICT_H
#define HTTP_DICT_H

#include <sgprobe/series.h>

#include "encode.h"

#define DICT_NONE UINT32_MAX
#define GROUP_SELECTORS_MAX 16

struct feed_group {
	struct feed_group *next;
	unsigned int refs;
	char *key; /* the selectors' texts, in order, one per line */
	struct sg_arena *arena;
	struct sg_selector *sels;
	size_t n_sels;
	uint32_t epoch; /* of the numbering below; a new one starts over */
	int32_t *
		by_series; /* [number in the dictionary]: 0 not asked yet, -1 no match, else index + 1 */
	size_t n_by_series;
	uint32_t *members; /* [index]: number in the dictionary */
	size_t n_members, cap_members;
	struct feed_payload *tick; /* of the frame that is being sent out; serving thread only */
};

struct feed_dict {
	struct sg_map *map;
	struct sg_series **series; /* [number] */
	size_t n, cap;
	struct feed_group *groups;
	uint32_t next_epoch;
};

int feed_dict_init(struct feed_dict *d);
void feed_dict_release(struct feed_dict *d);
/* The number of a series, given to it when it is new; DICT_NONE: no memory. */
uint32_t feed_dict_number(struct feed_dict *d, const struct sg_series *s);
/* Forgets all series when there are more than limit (labels come and go): every group gets a new epoch. */
void feed_dict_trim(struct feed_dict *d, size_t limit);

/* The group of these selector texts, with one more reference. -EINVAL: err says which is wrong. */
int feed_group_get(struct feed_dict *d, const char *const *texts, size_t n, struct feed_group **ret,
		   struct sg_error *err);
void feed_group_put(struct feed_dict *d, struct feed_group *g);
/* Index of a series in the group, or DICT_NONE when it does not match. */
uint32_t feed_group_index(struct feed_dict *d, struct feed_group *g, uint32_t number);

#endif
