/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a run of a kernel program costs besides what the kernel says it took: the way
 * from the hook to the program and back, for system calls also the slow path that they
 * take while anybody watches them; less what the kernel's own reading of the clock adds
 * to the run time. Measured once at the start, in a child process of a few
 * milliseconds before the first program is attached: getppid() with and without programs
 * that do nothing. It may be negative.
 */
#ifndef SG_PROBE_ENTRY_H
#define SG_PROBE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum sg_entry_kind { SG_ENTRY_TRACEPOINT, SG_ENTRY_SYSCALL, SG_ENTRIES };

struct sg_entry {
	double ns[SG_ENTRIES]; /* to be added to the kernel's mean */
	double stats_ns; /* what a run takes longer while the kernel measures it */
	bool measured; /* else it is what other machines take */
};

/* What getppid() took, and what the kernel says of a program that does nothing; ns. */
struct sg_entry_times {
	double bare; /* nobody watches */
	double one, three; /* so many programs on the entry and as many on the return */
	double three_stats; /* three, while the kernel measures */
	double mean; /* of a program then, by the kernel */
};
/* False, and *e untouched, where the times make no sense. */
bool sg_entry_of_times(const struct sg_entry_times *t, struct sg_entry *e);

void sg_entry_defaults(struct sg_entry *e);
const char *sg_entry_name(enum sg_entry_kind k); /* "tracepoint", "syscall" */
/* For a program on this hook. */
double sg_entry_ns(const struct sg_entry *e, const char *hook);

/* The measurement under way. */
struct sg_entry_job {
	pid_t pid; /* 0: none */
	int fd;
};
/* Before the first program is attached to system calls. A failure leaves the defaults. */
void sg_entry_begin(struct sg_entry_job *job);
/* Waits for it no longer than that. */
void sg_entry_end(struct sg_entry_job *job, int timeout_ms, struct sg_entry *e);

#endif
