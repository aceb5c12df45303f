/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events as programs send them (bpf/lib/event.bpf.h): rare, whole, through one ring
 * buffer that all domains share. Of each kind at most sg_bpf_config.event_rate are sent
 * in a tick; the others are counted as suppressed, those for which there is no room as
 * dropped: seen = sent + suppressed + dropped, exactly.
 */
#ifndef SGPROBE_BPF_EVENT_H
#define SGPROBE_BPF_EVENT_H

#include <linux/types.h>

#define SG_EVENT_RING_BYTES (64 << 10)
#define SG_EVENT_COMM_LEN 16
#define SG_EVENT_SOURCE_LEN 64
#define SG_EVENT_TARGET_LEN 128
#define SG_EVENT_TYPE_LEN 32

#define SG_EVENT(id, ...) SG_EVENT_##id,
enum sg_event_id {
#include <sgprobe/events.def>
	SG_EVENT_KINDS
};
#undef SG_EVENT

/* What a task waited for: sg_event_record.n[1] of SG_EVENT_SLOW. */
enum sg_event_wait { SG_EVENT_RECLAIM, SG_EVENT_FSYNC, SG_EVENT_RUN_QUEUE, SG_EVENT_WAITS };
/* sg_event_record.n[0] of SG_EVENT_MOUNT. */
enum sg_event_mount {
	SG_EVENT_NEW_MOUNT,
	SG_EVENT_REMOUNT,
	SG_EVENT_REMOUNT_RO,
	SG_EVENT_BIND,
	SG_EVENT_MOVE,
	SG_EVENT_MOUNTS
};

struct sg_event_task {
	__u64 cgroup_id;
	__u32 pid, tid; /* 0: it is not known */
	char comm[SG_EVENT_COMM_LEN]; /* of the thread group's leader; untrusted */
};

/*
 *   kind         who           by                      n[0], n[1]
 *   OOM_KILL     the victim    who asked for memory    pages in use; its pid where who is not known
 *   HUNG_TASK    the task
 *   CRASH        the process                           signal; 1: core dumped
 *   KILLED       the process   the sender
 *   SLOW         the task                              nanoseconds; enum sg_event_wait
 *   MOUNT        the caller                            enum sg_event_mount
 *   UNMOUNT      the caller
 *   STORM        who forked                            tick, slot
 */
struct sg_event_record {
	__u64 at_ns; /* monotonic */
	__u32 kind;
	__u32 pad;
	struct sg_event_task who, by;
	__u64 n[2];
};
struct sg_event_mount_record {
	struct sg_event_record head;
	char source
		[SG_EVENT_SOURCE_LEN]; /* untrusted, as are the next two; "" where there is none */
	char target[SG_EVENT_TARGET_LEN];
	char type[SG_EVENT_TYPE_LEN];
};

/* Map sg_event_counts: one element, mapped by user space. All but told are the programs'. */
struct sg_event_count {
	__u64 seen, suppressed, dropped;
	__u64 told[3]; /* user space's own: of the three, what it has reported */
	__u32 tick, used; /* in which tick how many were sent */
};
struct sg_event_counts {
	struct sg_event_count of[SG_EVENT_KINDS];
};

/* Map sg_event_forks: an element per slot. What a tick counted stays until the next but one begins. */
struct sg_event_forks {
	__u32 tick, n;
	__u32 last_tick, last_n;
};

/* One task that is blocked, as the walk of domain event finds it. */
struct sg_event_blocked {
	__u64 started_ns; /* the task; with tid it tells it from any other */
	__u64 switches; /* so often it left a CPU */
	struct sg_event_task task;
};

#endif
