/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes one storm of processes out of the ticks in which one program forked too much.
 * Pure. A storm ends when SG_STORM_CALM ticks in a row were below the bound.
 */
#ifndef SG_PROBE_STORMS_H
#define SG_PROBE_STORMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sgprobe/series.h>

#define SG_STORMS_MAX 64 /* at the same time */
#define SG_STORM_CALM 3

struct sg_storm {
	char comm[SG_LABEL_VALUE_MAX + 1], cgroup[SG_LABEL_VALUE_MAX + 1];
	uint64_t forks, peak; /* in the ticks above the bound; in one of them */
	int64_t from_ms, to_ms; /* stamps of the ticks before the first and of the last of these */
	unsigned int calm;
	bool seen;
};

struct sg_storms {
	struct sg_storm *at;
	size_t n, cap;
};

enum sg_storm_news { SG_STORM_GOES_ON, SG_STORM_BEGINS, SG_STORM_NO_ROOM };

void sg_storms_free(struct sg_storms *s);
/* In the tick that ended at t_ms so many were started. Once per pair and tick; a second time changes nothing. */
enum sg_storm_news sg_storms_see(struct sg_storms *s, const char *comm, const char *cgroup,
				 uint64_t forks, int64_t t_ms);
typedef void (*sg_storm_cb)(const struct sg_storm *s, void *ctx);
/* The tick is over: calls ended for those that are. */
void sg_storms_tick(struct sg_storms *s, sg_storm_cb ended, void *ctx);

#endif
