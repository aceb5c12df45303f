// SPDX-License-Identifier: GPL-2.0
#include "entry.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sgprobe/mem.h>
#include <sgprobe/time.h>

#define PARTS 16 /* of a loop; the one that was disturbed least counts */
#define CALLS 256 /* of a part */
#define PROGRAMS 3 /* on each hook */
#define SANE_NS 2000.0

static const struct {
	const char *name;
	double ns; /* docs/OVERHEAD.md */
} kinds[SG_ENTRIES] = {
	[SG_ENTRY_TRACEPOINT] = {"tracepoint", -10},
	[SG_ENTRY_SYSCALL] = {"syscall", 15},
};

const char *sg_entry_name(enum sg_entry_kind k)
{
	return kinds[k].name;
}

void sg_entry_defaults(struct sg_entry *e)
{
	*e = (struct sg_entry){.stats_ns = 25};
	for (size_t i = 0; i < SG_ENTRIES; i++)
		e->ns[i] = kinds[i].ns;
}

double sg_entry_ns(const struct sg_entry *e, const char *hook)
{
	bool call = strcmp(hook, "sys_enter") == 0 || strcmp(hook, "sys_exit") == 0;

	return e->ns[call ? SG_ENTRY_SYSCALL : SG_ENTRY_TRACEPOINT];
}

static bool is_sane(double ns)
{
	return ns >= 0 && ns < SANE_NS;
}

bool sg_entry_of_times(const struct sg_entry_times *t, struct sg_entry *e)
{
	double first = (t->one - t->bare) / 2;
	double more = (t->three - t->one) / (2 * (PROGRAMS - 1));
	double stats = (t->three_stats - t->three) / (2 * PROGRAMS);

	if (!is_sane(first) || !is_sane(more) || !is_sane(stats) || !is_sane(t->mean))
		return false;
	e->ns[SG_ENTRY_SYSCALL] = first - t->mean;
	e->ns[SG_ENTRY_TRACEPOINT] = more - t->mean;
	e->stats_ns = stats;
	e->measured = true;
	return true;
}

/* ---- in the child --------------------------------------------------------------------- */

static double getppid_ns(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < PARTS; i++) {
		uint64_t start = sg_mono_ns(), took;

		for (int j = 0; j < CALLS; j++)
			syscall(SYS_getppid);
		took = sg_mono_ns() - start;
		best = SG_MIN(best, took);
	}
	return (double)best / CALLS;
}

/* A program that does nothing, on a hook; its descriptor or -errno. That of the link stays open. */
static int watch(const char *hook)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "sg_entry", "GPL", insns, 2, NULL);
	int link = fd < 0 ? fd : bpf_raw_tracepoint_open(hook, fd);

	return link < 0 ? link : fd;
}

static int watch_both(int n)
{
	int fd = -1;

	for (int i = 0; i < n; i++) {
		fd = watch("sys_enter");
		if (fd >= 0)
			fd = watch("sys_exit");
		if (fd < 0)
			return fd;
	}
	return fd;
}

static double mean_of(int fd)
{
	struct bpf_prog_info info = {0};
	uint32_t n = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &n) < 0 || !info.run_cnt)
		return -1;
	return (double)info.run_time_ns / (double)info.run_cnt;
}

static void stay_here(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int measure(struct sg_entry_times *t)
{
	int fd, stats;

	stay_here();
	getppid_ns(); /* what follows finds everything in the cache */
	t->bare = getppid_ns();
	if (watch_both(1) < 0)
		return -1;
	t->one = getppid_ns();
	fd = watch_both(PROGRAMS - 1);
	if (fd < 0)
		return -1;
	t->three = getppid_ns();
	if (mean_of(fd) >= 0)
		return -1; /* somebody else has the kernel measure already */
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		return -1;
	t->three_stats = getppid_ns();
	t->mean = mean_of(fd);
	return 0;
}

static void run_child(int fd) __attribute__((noreturn));
static void run_child(int fd)
{
	struct sg_entry_times t = {0};

	if (measure(&t) == 0 && write(fd, &t, sizeof(t)) != sizeof(t))
		_exit(1);
	_exit(0); /* with it go its descriptors, and so its programs */
}

/* ---- in the probe process ----------------------------------------------------------------- */

void sg_entry_begin(struct sg_entry_job *job)
{
	int p[2];

	*job = (struct sg_entry_job){0, -1};
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	job->pid = fork();
	if (job->pid == 0)
		run_child(p[1]);
	close(p[1]);
	job->fd = p[0];
	if (job->pid < 0)
		job->pid = 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void sg_entry_end(struct sg_entry_job *job, int timeout_ms, struct sg_entry *e)
{
	struct pollfd ready = {job->fd, POLLIN, 0};
	struct sg_entry_times t;
	bool ended; /* it does so by itself once it has answered, or cannot */

	sg_entry_defaults(e);
	if (job->fd < 0)
		return;
	ended = job->pid && poll(&ready, 1, timeout_ms) > 0;
	if (ended && read(job->fd, &t, sizeof(t)) == sizeof(t))
		sg_entry_of_times(&t, e);
	if (job->pid) {
		if (!ended)
			kill(job->pid, SIGKILL);
		reap(job->pid);
	}
	close(job->fd);
	*job = (struct sg_entry_job){0, -1};
}
