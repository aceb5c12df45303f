/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel types that sgprobe's programs read, and of each only the fields that
 * are read: CO-RE finds every field by name in the running kernel. README.md says
 * how to add one. Nothing in here depends on the architecture.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
};

struct cgroup_root {
	int hierarchy_id; /* 0: the version 2 hierarchy */
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* in the version 2 hierarchy */
};

struct thread_info {
	unsigned long flags;
	u32 status; /* x86: TS_COMPAT while in an ia32 call */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; /* since 5.14 */
	unsigned int flags;
	int pid;
	int tgid;
	int exit_state;
	struct task_struct *group_leader;
	struct css_set *cgroups;
	char comm[16];
};

struct task_struct___before_5_14 {
	long state;
};

/* Only asked for its fields: whether task storage may be created under a scheduler lock. */
struct bpf_local_storage_map {
	bool bpf_ma;
	bool use_kmalloc_nolock;
};

struct net;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	unsigned char skc_state;
	u16 skc_num; /* local port, host byte order */
	possible_net_t skc_net;
	unsigned long skc_flags;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* since 5.16 */
};

struct sock_cgroup_data___before_5_16 {
	u64 val; /* the same pointer, unless bit 0 is set */
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
};

struct socket {
	struct sock *sk;
};

struct file;

/* What an iterator over the open files of all tasks is called with. */
struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
};

struct tcp_sock {
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_retrans;
	u32 srtt_us; /* eighths of a microsecond */
};

struct sk_buff {
	char cb[48];
};

struct tcp_skb_cb {
	u16 tcp_gso_segs;
};

struct irqaction {
	const char *name;
};

struct gendisk {
	char disk_name[32];
};

struct block_device {
	struct gendisk *bd_disk;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct block_device *bi_bdev; /* since 5.12 */
	u32 bi_opf;
	struct blkcg_gq *bi_blkg; /* with CONFIG_BLK_CGROUP */
};

struct bio___before_5_12 {
	struct gendisk *bi_disk;
};

struct request_queue {
	struct gendisk *disk; /* since 5.15 */
};

struct request {
	struct request_queue *q;
	u32 cmd_flags;
	u32 __data_len; /* bytes that are left */
	u64 __sector;
	struct bio *bio;
	void *part;
	u64 start_time_ns;
	u64 io_start_time_ns;
};

struct request___before_5_15 {
	struct gendisk *rq_disk;
};

struct super_block {
	char s_id[32]; /* of most file systems the name of the device */
};

struct inode {
	struct super_block *i_sb;
};

enum pageflags {
	PG_head = 6,
};

typedef struct {
	unsigned long f;
} memdesc_flags_t;

struct folio {
	memdesc_flags_t flags; /* since 6.18 */
	unsigned int _nr_pages; /* since 6.14, of large ones */
};

struct folio___before_6_18 {
	unsigned long flags;
	unsigned int _folio_nr_pages; /* before 6.14 */
};

struct journal_s {
	char j_devname[56];
};

/* In jiffies. */
struct transaction_run_stats_s {
	unsigned long rs_wait;
	unsigned long rs_request_delay;
	unsigned long rs_running;
	unsigned long rs_locked;
	unsigned long rs_flushing;
	unsigned long rs_logging;
	u32 rs_handle_count;
	u32 rs_blocks_logged;
};

struct bdi_writeback {
	unsigned long state;
};

struct dirty_throttle_control {
	unsigned long dirty;
};

enum wb_reason { WB_REASON_BACKGROUND };

struct wb_writeback_work {
	enum wb_reason reason;
};

struct request_sock;
struct pt_regs;

#pragma clang attribute pop

#endif
