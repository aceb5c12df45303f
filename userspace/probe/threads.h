/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the time of threads went, by cgroup and state: reads the cells of
 * <sgprobe/bpf/threads.h>. The states of a cgroup add up to its threads times the
 * time that passed, by the clock of the run queues.
 */
#ifndef SG_PROBE_THREADS_H
#define SG_PROBE_THREADS_H

#include "drain.h"

struct sg_threads;

/* sched: the domain whose programs move the threads. 0, or -errno. */
int sg_threads_new(struct sg_shared *shared, struct sg_slots *slots, const struct sg_drain *sched,
		   struct sg_threads **ret);
void sg_threads_free(struct sg_threads *t); /* NULL is fine */

/*
 * Adds the tick's samples; nothing while the programs are off their hooks. 0, -ENOMEM or
 * -ENOSPC.
 */
int sg_threads_tick(struct sg_threads *t, struct sg_frame *f);

/*
 * All begins anew: to be called before the programs come back to their hooks. A thread
 * is counted again from when it is first seen.
 */
void sg_threads_restart(struct sg_threads *t);

/* Looks at all threads: to be called when they have. */
void sg_threads_walk(struct sg_threads *t);

const char *sg_thread_state_name(unsigned int i); /* of enum sg_thread_state - 1 */

/* For whoever frees a value of the dimension. */
void sg_threads_release(struct sg_value *v);

#endif
