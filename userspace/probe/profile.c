// SPDX-License-Identifier: GPL-2.0
// Samples of what the CPUs do: see bpf/profile.bpf.c. What becomes of them: stacks.c.
#include <errno.h>
#include <linux/perf_event.h>
#include <sgprobe/bpf/profile.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "domain.h"
#include "load.h"

SG_DECLARE_OBJECT(profile);

struct clocks {
	size_t n;
	int fds[]; /* one per CPU that is online */
};

static const struct sg_metric_row metrics[] = {
	{"samples_total", SG_COUNTER, SG_FROM_COUNTER, PROFILE_SAMPLES, .title = "Samples taken",
	 .help = "Times that the profile looked at what a CPU does, probe.profile_hz a second and "
		 "busy CPU."},
	{"dropped_total", SG_COUNTER, SG_FROM_COUNTER, PROFILE_DROPPED, .title = "Samples dropped",
	 .help = "Samples for which there was no room in the kernel until the next tick."},
};

static const struct sg_program programs[] = {
	{"cpu_clock", PROFILE_SAMPLES, .by_domain = true},
};

static int open_clock(int cpu, uint64_t period_ns, int program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.exclude_idle = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static void stop(void *state)
{
	struct clocks *c = state;

	for (size_t i = 0; i < c->n; i++)
		close(c->fds[i]);
	free(c);
}

/* A CPU that is not online has no clock: it is left out. */
static int start(const struct sg_config *cfg, const struct sg_loaded *l, void **state)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	struct clocks *c = cpus > 0 ? calloc(1, sizeof(*c) + (size_t)cpus * sizeof(int)) : NULL;

	if (!c)
		return cpus < 0 ? cpus : -ENOMEM;
	for (int cpu = 0; cpu < cpus && (r >= 0 || r == -ENODEV); cpu++) {
		r = open_clock(cpu, 1000000000 / cfg->profile_hz, l->attached[0].fd);
		if (r >= 0)
			c->fds[c->n++] = r;
	}
	if (!c->n || (r < 0 && r != -ENODEV)) {
		stop(c);
		return r;
	}
	*state = c;
	return 0;
}

const struct sg_domain sg_domain_profile = {
	.name = "profile",
	.title = "CPU profile",
	SG_OBJECT(profile),
	.counters = PROFILE_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.stacks = SG_PROFILE_CPU,
	.not_kept = true,
	.enabled = offsetof(struct sg_config, domain_profile),
	.start = start,
	.stop = stop,
};
