/* SPDX-License-Identifier: GPL-2.0 */
/* The state of a detector. docs/MONITORING.md explains each part and gives its source. */
#ifndef SG_DETECT_PRIVATE_H
#define SG_DETECT_PRIVATE_H

#include <stdbool.h>

#include <sgprobe/detect.h>

/* ---- records: how far a feature exceeds the range that it has shown (detect_record.c) */
#define SG_RECORD_LEARN 20 /* observations before a feature may speak */

struct sg_record {
	float lo, hi, mean;
	float usual; /* where the last observation lay: 0 at the mean, 1 at the edge of the range */
	uint32_t n;
};

/* Excess over the range in units of the range, 0 when inside; the range shrinks to the mean in 'memory' observations. */
double sg_record_both(struct sg_record *r, double x, double memory);
/*
 * The same of a distance, which is 0 when all is well: excess over the highest, at least floor, as a share of it.
 * The highest goes to a new record by the share 'rise': 1 at once; less for what is smooth and would pass each of
 * its own records by a little.
 */
double sg_record_high(struct sg_record *r, double x, double memory, double floor, double rise);
#define SG_RISE_SMOOTH 0.1

/* ---- rank among the series' own past (detect_rank.c) */
#define SG_RANK_BELOW 64 /* bins of what lies inside all ranges */
#define SG_RANK_ABOVE 32 /* bins of evidence */
#define SG_RANK_BINS (SG_RANK_BELOW + SG_RANK_ABOVE)

struct sg_rank {
	float bin[SG_RANK_BINS];
	float total,
		weight; /* the weight of the next one grows, which is the same as that the others' falls */
};

/* usual: 0...1, evidence: 0 or more, more than 0 only where usual is exceeded. The score, then learns. */
double sg_rank_score(struct sg_rank *r, double usual, double evidence);

/* ---- discord: distance to the nearest stretch seen before (detect_discord.c) */
#define SG_DISCORD_RING 240
#define SG_DISCORD_LEN 6 /* blocks of the longest stretch */

struct sg_discord {
	float block[SG_DISCORD_RING]; /* means of 'stride' samples, oldest first */
	double sum;
	uint16_t n, in_sum;
	uint16_t fresh; /* blocks since a gap, up to SG_DISCORD_LEN */
};

/* True when a block is complete and *ret is the distance of the last 'len' ones. */
bool sg_discord_add(struct sg_discord *d, unsigned int stride, unsigned int len, double x,
		    double *ret);
void sg_discord_gap(struct sg_discord *d);

/* ---- season: a profile by hour of day, moved by day of week (detect_season.c) */
struct sg_season {
	float mean[24], dev[24];
	uint16_t seen[24];
	float day[7]; /* how far a day of the week lies from the profile */
	uint16_t day_seen[7];
	float spread; /* of all hours */
	float error_flat, error_day; /* without and with 'day': the better one counts */
	uint16_t away; /* samples for which the clock is not trusted */
};

/* Distance from what this hour has shown, in its own spreads; 0 while nothing is known. */
double sg_season_distance(struct sg_season *s, int64_t t_ms, double x);
void sg_season_clock_step(struct sg_season *s);

/* ---- change of level (detect_shift.c) */
struct sg_shift {
	float mean, spread;
	float up, down; /* the two sums of a CUSUM */
	float fast, slow; /* rates of events that are rare */
	float quick; /* mean of the last changes: the spread of late */
	float last;
	uint32_t n;
};

struct sg_shift_out {
	double change, spread, rate;
};
void sg_shift_add(struct sg_shift *s, double x, struct sg_shift_out *ret);

/* ---- distribution of a histogram (detect_shape.c) */
#define SG_SHAPE_BINS 320 /* native buckets: 40 octaves */

struct sg_shape {
	float ref[SG_SHAPE_BINS],
		late[SG_SHAPE_BINS]; /* decayed counts of the past, and of some ten ticks */
	float ref_n, late_n;
	int32_t base; /* index of the first bin */
	uint32_t ticks;
	float rate, quiet; /* usual log2(1 + events); ticks without any in a row */
};

struct sg_shape_out {
	double raw; /* divergence, bits */
	double divergence; /* the same beyond what chance gives */
	double distance; /* 1-Wasserstein in octaves, beyond the smallest that matters */
	double tail; /* log2 of how many times more lies above the past's p99, beyond the same */
	double rate; /* log2(1 + events) */
	double silence; /* ticks without events */
};
void sg_shape_add(struct sg_shape *s, const struct sg_hist *h, struct sg_shape_out *ret);

/* ---- the whole */
#define SG_DISCORDS 3 /* strides */

struct sg_detector {
	enum sg_detector_kind kind;
	uint32_t n; /* samples scored or learnt */
	int64_t last_ms; /* 0: none yet */
	float step_ms; /* usual interval */
	double last_total; /* of a counter; NaN: none */
	float present; /* share of ticks with a sample */
	float away, away_max; /* ticks without one in a row */
	float recent; /* evidence of late */
	float part[SG_DETECT_PARTS];
	struct sg_record record[SG_DETECT_PARTS];
	struct sg_rank rank;
	union {
		struct {
			struct sg_discord discord[SG_DISCORDS];
			struct sg_season season;
			struct sg_shift shift;
		};
		struct sg_shape shape;
	};
};

/* Each fills d->part with evidence and returns how usual the sample is, 0...1. */
double sg_detect_value_parts(struct sg_detector *d, int64_t t_ms, double v);
double sg_detect_hist_parts(struct sg_detector *d, const struct sg_hist *h);

/* Evidence of an excess: the logarithm keeps one wild sample from being all. */
double sg_evidence(double excess);

#endif
