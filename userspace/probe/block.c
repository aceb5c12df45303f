// SPDX-License-Identifier: GPL-2.0
// Block I/O: see bpf/block.bpf.c.
#include <errno.h>
#include <stdio.h>

#include <sgprobe/bpf/block.h>

#include "domain.h"

SG_DECLARE_OBJECT(block);

static const char *const ops[BLOCK_OPS] = {
	[BLOCK_READ] = "read",	     [BLOCK_WRITE] = "write", [BLOCK_FLUSH] = "flush",
	[BLOCK_DISCARD] = "discard", [BLOCK_OTHER] = "other",
};

static const char *op_name(unsigned int i)
{
	return ops[i];
}

static void device_label(const char *name, struct sg_key_labels *out)
{
	snprintf(out->value[0], sizeof(out->value[0]), "%s", name[0] ? name : "(none)");
}

static void op_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	device_label(name, out);
	snprintf(out->value[1], sizeof(out->value[1]), "%s",
		 ops[SG_MIN(key->a, (uint32_t)BLOCK_OTHER)]);
}

/* By blk_status_t (include/linux/blk_types.h), and what older kernels make of each. */
static const struct {
	const char *word;
	int error;
} statuses[] = {
	{NULL, 0},
	{"notsupp", EOPNOTSUPP},
	{"timeout", ETIMEDOUT},
	{"nospc", ENOSPC},
	{"transport", ENOLINK},
	{"target", EREMOTEIO},
	{"resv_conflict", EBADE},
	{"medium", ENODATA},
	{"protection", EILSEQ},
	{"resource", ENOMEM},
	{"ioerr", EIO},
	{"dm_requeue", EREMCHG},
	{"again", EAGAIN},
	{"dev_resource", EBUSY},
	{"zone_resource", 0},
	{"zone_open_resource", ETOOMANYREFS},
	{"zone_active_resource", EOVERFLOW},
	{"offline", ENODEV},
	{"duration_limit", ETIME},
	{"invalid", EINVAL},
};

static const char *error_word(uint32_t a)
{
	for (size_t i = 1; i < ARRAY_SIZE(statuses); i++)
		if (a == i || (statuses[i].error && a == BLOCK_ERRNO + (uint32_t)statuses[i].error))
			return statuses[i].word;
	return NULL;
}

static void error_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	const char *word = error_word(key->a);

	device_label(name, out);
	if (word)
		snprintf(out->value[1], sizeof(out->value[1]), "%s", word);
	else
		snprintf(out->value[1], sizeof(out->value[1]), "%u", key->a);
}

#define PER_DEVICE .label = "device", .label2 = "operation", .key = op_labels
#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"latency_seconds", SG_HISTOGRAM, SG_FROM_KEYS, BLOCK_LATENCY, PER_DEVICE, .dims = BOTH,
	 .by = BLOCK_SLOT_LATENCY, .title = "Disk latency",
	 .help = "Time from when a request for a block device was made until all of it was "
		 "completed; by control group: of who pays for it."},
	{"queue_seconds", SG_HISTOGRAM, SG_FROM_KEYS, BLOCK_QUEUE, PER_DEVICE,
	 .title = "Disk queue time",
	 .help = "The part of a request's latency before the device got it, requeues included."},
	{"device_seconds", SG_HISTOGRAM, SG_FROM_KEYS, BLOCK_DEVICE, PER_DEVICE,
	 .title = "Disk device time",
	 .help = "The part of a request's latency that the device and its driver took."},
	{"size_bytes", SG_HISTOGRAM, SG_FROM_KEYS, BLOCK_SIZE, .units = true, PER_DEVICE,
	 .dims = BOTH, .by = BLOCK_SLOT_SIZE, .title = "Disk request size",
	 .help = "Bytes of a request, when it has any."},
	{"requests_total", SG_COUNTER, SG_FROM_KEY_COUNT, BLOCK_LATENCY, PER_DEVICE,
	 .title = "Disk requests", .help = "Requests that were completed."},
	{"bytes_total", SG_COUNTER, SG_FROM_KEY_SUM, BLOCK_SIZE, .units = true, PER_DEVICE,
	 .title = "Disk bytes", .help = "Bytes of requests that were completed."},
	{"sequential_total", SG_COUNTER, SG_FROM_CELLS, BLOCK_SEQUENTIAL, .units = true, PER_DEVICE,
	 .title = "Sequential disk requests",
	 .help = "Requests that begin where the one that the device got before them ended."},
	{"merges_total", SG_COUNTER, SG_FROM_CELLS, BLOCK_MERGES, .units = true, PER_DEVICE,
	 .title = "Disk merges", .help = "I/Os that became part of a request that waited already."},
	{"requeues_total", SG_COUNTER, SG_FROM_CELLS, BLOCK_REQUEUES, .units = true, PER_DEVICE,
	 .title = "Disk requeues",
	 .help = "Requests that the driver gave back, or asked for the rest of, to get them again."},
	{"errors_total", SG_COUNTER, SG_FROM_CELLS, BLOCK_ERRORS, .units = true, .label = "device",
	 .label2 = "error", .key = error_labels, .title = "Disk errors",
	 .help = "Requests, or parts of one, that ended with an error."},
	{"in_flight", SG_GAUGE, SG_FROM_LEVEL, BLOCK_IN_FLIGHT, BLOCK_OPS, .label = "operation",
	 .value = op_name, .title = "Disk requests in flight",
	 .help = "Requests that devices have and did not complete yet."},
};

static const struct sg_program programs[] = {
	{"block_rq_insert", BLOCK_INSERTS},
	{"block_rq_issue", BLOCK_ISSUES},
	{"block_rq_complete", BLOCK_COMPLETIONS},
	{"block_rq_requeue", BLOCK_RUNS_REQUEUE},
	{"block_rq_merge", BLOCK_RQ_MERGES, .optional = true},
	{"block_bio_backmerge", BLOCK_BACK_MERGES},
	{"block_bio_frontmerge", BLOCK_FRONT_MERGES},
};

const struct sg_domain sg_domain_block = {
	.name = "block",
	.title = "Block devices",
	SG_OBJECT(block),
	.pooled = BLOCK_SIGNALS,
	.counters = BLOCK_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_block),
};
