// SPDX-License-Identifier: GPL-2.0
// io_uring: see bpf/iouring.bpf.c.
#include <sgprobe/bpf/iouring.h>

#include "domain.h"

SG_DECLARE_OBJECT(iouring);

static const char *op_name(unsigned int i)
{
	static const char *const names[IOURING_OPS] = {
#define IOURING_OP(nr, name) [nr] = name,
#include "iouring_ops.def"
#undef IOURING_OP
		[IOURING_OP_OTHER] = "other",
	};

	return names[i];
}

#define PER_OP .n = IOURING_OPS, .label = "opcode", .value = op_name, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"latency_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, 0, PER_OP, .by = IOURING_LATENCY,
	 .dims = SG_DIM_CGROUP | SG_DIM_COMM, .title = "io_uring latency",
	 .help = "Time from the submission of an io_uring request until it completed; of one that completes often, until it ended."},
	{"requests_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_REQUESTS, PER_OP,
	 .title = "io_uring requests", .help = "Requests that were submitted to io_uring."},
	{"completions_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_COMPLETIONS, PER_OP,
	 .title = "io_uring completions",
	 .help = "Completions that io_uring put into a ring; some requests have several or none."},
	{"errors_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_ERRORS, PER_OP,
	 .title = "io_uring errors", .help = "Completions of io_uring with an error."},
	{"punted_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_PUNTED, PER_OP,
	 .title = "io_uring requests punted",
	 .help = "Requests that io_uring gave to a worker thread, because they would have blocked."},
	{"overflows_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_OVERFLOWS,
	 .title = "io_uring overflows",
	 .help = "Completions that found their ring full: its program does not keep up."},
	{"poll_arms_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_POLL_ARMS,
	 .title = "io_uring polls armed",
	 .help = "Requests of io_uring that began to wait until their file is ready."},
	{"short_writes_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_SHORT_WRITES,
	 .title = "io_uring short writes",
	 .help = "Writes of io_uring that wrote a part and are tried again."},
	{"task_work_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_TASK_WORK,
	 .plus = IOURING_LOCAL_WORK, .title = "io_uring task work",
	 .help = "Requests of io_uring that went on in the task that submitted them, after they "
		 "had waited."},
	{"unmatched_total", SG_COUNTER, SG_FROM_COUNTER, IOURING_UNMATCHED,
	 .title = "io_uring completions not timed",
	 .help = "Completions of io_uring that have no latency: sampled, of before the probe, or "
		 "of no request."},
};

static const struct sg_program programs[] = {
	{"io_uring_submit_req", IOURING_REQUESTS, IOURING_OPS, .optional = true},
	{"io_uring_submit_sqe", IOURING_REQUESTS, IOURING_OPS, .optional = true},
	{"io_uring_complete", IOURING_COMPLETIONS, IOURING_OPS},
	{"io_uring_queue_async_work", IOURING_PUNTED, IOURING_OPS, .optional = true},
	{"io_uring_cqe_overflow", IOURING_OVERFLOWS, .optional = true, .since = "6.0"},
	{"io_uring_poll_arm", IOURING_POLL_ARMS, .optional = true},
	{"io_uring_short_write", IOURING_SHORT_WRITES, .optional = true, .since = "6.0"},
	{"io_uring_task_work_run", IOURING_TASK_WORK_RUNS, .optional = true},
	{"io_uring_local_work_run", IOURING_LOCAL_WORK_RUNS, .optional = true, .since = "6.1"},
};

const struct sg_domain sg_domain_iouring = {
	.name = "iouring",
	.title = "io_uring",
	SG_OBJECT(iouring),
	.signals = IOURING_BLOCK_SIGNALS,
	.pooled = IOURING_SIGNALS_END - IOURING_BLOCK_SIGNALS,
	.fixed_blocks = IOURING_OPS,
	.counters = IOURING_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.limited = true,
	.enabled = offsetof(struct sg_config, domain_iouring),
};
