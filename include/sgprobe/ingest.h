/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs say of themselves: StatsD datagrams, pushed Prometheus text and
 * Influx lines, and endpoints that are scraped. It becomes frames of source 2, so
 * that the store and everything behind it treats it as any series.
 * docs/INGEST.md says what becomes of which line.
 *
 * All input is hostile: names, labels, series, bytes and time are bounded; what does
 * not fit is counted under a reason. A thread of its own receives and scrapes; all
 * functions below may be called from any thread, and wait for at most one batch of it.
 */
#ifndef SGPROBE_INGEST_H
#define SGPROBE_INGEST_H

#include <sgprobe/config.h>
#include <sgprobe/str.h>

#define SG_INGEST_SOURCE 2 /* of its frames */

/* Whether anything is switched on; if not, none of the rest is needed. */
bool sg_ingest_wanted(const struct sg_config *cfg);
/* Whether its thread will connect to something: the process then needs the right to. */
bool sg_ingest_connects(const struct sg_config *cfg);
/* The TCP ports of that; how many. */
size_t sg_ingest_ports(const struct sg_config *cfg, uint16_t ports[SG_TARGETS_MAX]);

/*
 * The datagram sockets, non-blocking, close-on-exec, made by the supervisor; -1 for one
 * that is off. -errno with a sentence: -EACCES for an address that is not loopback and
 * not allowed, -EADDRINUSE, -EINVAL. ingest.scrape is checked alike.
 */
struct sg_ingest_sockets {
	int udp, unix_dgram;
};
int sg_ingest_listen(const struct sg_config *cfg, struct sg_ingest_sockets *ret,
		     struct sg_error *err);
void sg_ingest_unlisten(const struct sg_config *cfg, struct sg_ingest_sockets *s);

struct sg_ingest;
/* cfg and the sockets stay the caller's and are needed until sg_ingest_stop. */
int sg_ingest_start(const struct sg_config *cfg, const struct sg_ingest_sockets *sockets,
		    struct sg_ingest **ret, struct sg_error *err);
void sg_ingest_stop(struct sg_ingest *g); /* NULL is fine */

/* When a tick is due: appends its encoded frame to b. 1: it did; 0: not due; -errno. */
int sg_ingest_tick(struct sg_ingest *g, struct sg_buf *b);
/* Appends a JSON object: what came, what was refused and why, targets. */
void sg_ingest_status(struct sg_ingest *g, struct sg_buf *b);

enum sg_ingest_format { SG_INGEST_PROMETHEUS, SG_INGEST_OPENMETRICS, SG_INGEST_INFLUX };
struct sg_ingest_push {
	enum sg_ingest_format format;
	uint64_t unit_ns; /* of Influx timestamps: 1, 1000, ... */
	const struct sg_label *labels; /* added to every series; borrowed */
	size_t n_labels;
};
struct sg_ingest_result {
	uint64_t taken; /* samples */
	uint64_t refused; /* samples and lines, but for fields that are texts */
	char why[160]; /* of the last one that was refused, with the line; "" */
};
/*
 * Takes in a whole text. 0, also when something of it was refused; -EOPNOTSUPP when
 * ingest.push is off, -ENOMEM.
 */
int sg_ingest_push(struct sg_ingest *g, const struct sg_ingest_push *how, const void *p, size_t n,
		   struct sg_ingest_result *ret);

#endif
