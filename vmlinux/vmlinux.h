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

struct signal_struct {
	int nr_threads;
};

/* With CONFIG_SCHED_INFO; in the time of rq->clock. */
struct sched_info {
	unsigned long long run_delay; /* spent runnable, without the wait that goes on */
	unsigned long long last_queued; /* 0: not waiting for a CPU */
};

struct rq {
	unsigned int nr_running;
	u64 clock; /* of the last event that updated it: behind by as much */
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct task_group {
	struct cgroup_subsys_state css;
};

struct cfs_rq {
	struct rq *rq; /* with CONFIG_FAIR_GROUP_SCHED, as the next */
	struct task_group *tg;
	u64 throttled_clock; /* by rq->clock, with CONFIG_CFS_BANDWIDTH, as the next; 0: it is not throttled */
	int throttle_count; /* with CONFIG_CFS_BANDWIDTH: of this one and those above it */
};

struct sched_entity {
	struct cfs_rq *cfs_rq; /* of the CPU that the task is on, whatever its class */
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name; /* the last part of its path */
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data; /* of a socket the struct socket */
};

struct percpu_counter {
	s64 count; /* without what CPUs have not added yet */
};

struct mm_struct {
	struct file *exe_file;
	struct percpu_counter
		rss_stat[4]; /* since 6.2; pages of files, anonymous ones, swapped, shared */
};

typedef struct {
	s64 counter;
} atomic_long_t;

struct mm_rss_stat {
	atomic_long_t count[4];
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; /* since 5.14 */
	unsigned int flags;
	int on_cpu; /* with CONFIG_SMP; since 6.18 always */
	int pid;
	int tgid;
	int exit_state;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct css_set *cgroups;
	struct signal_struct *signal;
	char comm[16];
	struct sched_entity se;
	struct sched_info sched_info;
	int exit_code;
	u64 start_time; /* monotonic */
	unsigned long maj_flt;
	unsigned long nvcsw, nivcsw; /* how often it left a CPU */
	unsigned int in_iowait : 1;
	bool throttled; /* since 6.18, with CONFIG_CFS_BANDWIDTH */
	struct files_struct *files;
};

struct task_struct___before_5_14 {
	long state;
};

/* Only asked for their fields: whether task storage may be created under a scheduler lock. */
struct bpf_local_storage_map {
	bool bpf_ma; /* since 6.4 */
	bool use_kmalloc_nolock; /* since 6.19, until all storage came from there */
};

struct bpf_local_storage {
	u64 mem_charge; /* since then, about 7.1 */
};

struct inet_connection_sock {
	u8 icsk_ca_state : 5; /* enum tcp_ca_state */
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	u16 skc_num; /* local port, host byte order */
	u16 skc_dport; /* the other's, network byte order */
	possible_net_t skc_net;
	unsigned long skc_flags;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* since 5.16 */
};

struct sock_cgroup_data___before_5_16 {
	u64 val; /* the same pointer, unless bit 0 is set */
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	int owned; /* by a task, which may sleep */
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	atomic_t sk_drops;
	int sk_err;
	u32 sk_ack_backlog, sk_max_ack_backlog; /* of a listener */
	u16 sk_protocol, sk_type;
	struct sock_cgroup_data sk_cgrp_data;
};

struct socket {
	struct sock *sk;
};

struct proto_accept_arg { /* since 6.10, an argument of inet_csk_accept() */
	int flags;
};

/* What an iterator over all tasks is called with. */
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* What an iterator over the open files of all tasks is called with. */
struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
};

struct tcp_sock {
	u32 rcv_nxt, copied_seq; /* up to where it was received, and read */
	u32 write_seq, snd_una; /* up to where it was written, and received by the other side */
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_retrans;
	u32 lsndtime; /* jiffies: when it last sent data */
	u32 srtt_us; /* eighths of a microsecond */
	u32 total_retrans;
};

struct net_device {
	char name[16];
	possible_net_t nd_net;
	unsigned short hard_header_len;
};

struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned int len, data_len;
	u16 protocol; /* network byte order */
	u16 network_header, mac_header; /* from head; ~0: not set */
	unsigned char *head, *data;
};

/* Since 5.17; the numbers are others in every kernel. */
enum skb_drop_reason {
	SKB_NOT_DROPPED_YET, /* since 5.18 */
	SKB_CONSUMED, /* since 6.3 */
};

struct napi_struct {
	struct net_device *dev;
};

struct netdev_queue {
	struct net_device *dev;
};

struct Qdisc_ops {
	char id[16];
};

struct Qdisc {
	const struct Qdisc_ops *ops;
};

struct tcp_skb_cb {
	u32 seq, end_seq;
	u16 tcp_gso_segs;
};

struct irqaction {
	const char *name;
};

struct pt_regs {
	unsigned long si, di, dx, r10, ax, orig_ax; /* x86 */
	u64 regs[31]; /* arm64, as the next two */
	u64 orig_x0;
	int syscallno;
};

struct user_pt_regs { /* arm64: what a kprobe is given */
	u64 regs[31];
};

/* Not read: arguments of trace points are told apart by what they point to. */
struct io_ring_ctx {
	unsigned int flags;
};

struct io_wq_work {
	unsigned int cancel_seq;
};

struct io_cqe {
	u64 user_data;
};

struct io_kiocb {
	u8 opcode;
	u64 flags; /* 32 bits before 6.9; the lowest are those of the submission */
	struct io_cqe cqe;
};

struct io_uring_cqe {
	u64 user_data;
	s32 res;
	u32 flags;
};

struct workqueue_struct {
	char name[32]; /* 24 before 6.9 */
};

struct pool_workqueue {
	struct workqueue_struct *wq;
};

struct hrtimer_clock_base {
	int clockid;
};

struct hrtimer {
	s64 _softexpires;
	struct hrtimer_clock_base *base;
	u8 is_soft;
};
typedef void (*btf_trace_hrtimer_expire_entry___by_value)(void *, struct hrtimer *, s64);

struct timer_list {
	unsigned long expires;
};

struct gendisk {
	char disk_name[32];
};

struct block_device {
	struct gendisk *bd_disk;
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

struct file_system_type {
	const char *name;
};

struct super_block {
	struct file_system_type *s_type;
	char s_id[32]; /* of most file systems the name of the device */
};

struct inode {
	struct super_block *i_sb;
	unsigned short i_mode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
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

/* Events of trace points, only asked for their fields: which arguments there are, and where. */
struct trace_event_raw_mark_victim {
	unsigned int uid; /* where the argument is a task; else its number */
};

struct trace_event_raw_mm_migrate_pages {
	unsigned long large_folio_split; /* where it is an argument, before the mode */
};

struct trace_event_raw_sched_process_exit {
	bool group_dead; /* where it is an argument */
};

/*
 * What a trace point is called with: bpf_core_type_exists() compares the number of the
 * arguments and their kinds.
 */
struct compact_control { /* declared alone it would be of another kind */
	int order;
};
typedef void (*btf_trace_mm_compaction_end___with_cc)(void *, struct compact_control *,
						      unsigned long, unsigned long, bool, int);

struct trace_event_raw_mmap_lock {
	u64 memcg_id; /* else the path is an argument, before "write" */
};

#pragma clang attribute pop

#endif
