/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/lock.bpf.c and userspace/probe/lock.c share. */
#ifndef SGPROBE_BPF_LOCK_H
#define SGPROBE_BPF_LOCK_H

#include <sgprobe/bpf/sgprobe.h>

/* Fixed blocks, by type of lock. */
enum sg_lock_type {
	LOCK_SPIN,
	LOCK_RWLOCK_READ,
	LOCK_RWLOCK_WRITE,
	LOCK_MUTEX,
	LOCK_RWSEM_READ,
	LOCK_RWSEM_WRITE,
	LOCK_RT_MUTEX,
	LOCK_RT_READ,
	LOCK_RT_WRITE,
	LOCK_PERCPU_READ,
	LOCK_PERCPU_WRITE,
	LOCK_TYPES,
};

enum sg_lock_signal { LOCK_WAIT, LOCK_SIGNALS };

enum sg_lock_counter {
	LOCK_BEGINS = SG_COMMON_COUNTERS,
	LOCK_ENDS,
	LOCK_UNMATCHED, /* ends of waits that were not seen to begin */
	LOCK_FAILED,
	LOCK_COUNTERS = LOCK_FAILED + LOCK_TYPES,
};

#endif
