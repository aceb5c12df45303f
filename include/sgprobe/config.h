/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Settings: one table (userspace/config/settings.def) of name, type, default,
 * range and help, read from YAML; an unknown key, a bad value or a duplicate is an
 * error that names file and line and what would be right.
 */
#ifndef SGPROBE_CONFIG_H
#define SGPROBE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/err.h>
#include <sgprobe/named.h>
#include <sgprobe/str.h>

struct sg_config {
	char data_dir[256]; /* data_dir: /var/lib/sgprobe */
	char listen[128]; /* listen: 127.0.0.1:9470 */
	char socket[108]; /* socket: /run/sgprobe/sgprobe.sock */
	char user[64]; /* user: sgprobe; the server runs as this, or as nobody when absent */
	char log_level[16]; /* log_level: info (error, warn, info, debug) */
	char hosts[1024]; /* web.hosts: further Host names that are answered, comma separated */
	bool insecure_listen; /* web.insecure_listen: false; allow a non-loopback address */
	uint64_t max_clients; /* web.max_clients: 32 WebSocket clients */
	uint64_t flush_ns; /* store.flush: 10s; at most this much is repeated after a crash */
	uint64_t retention_ns; /* store.retention: 7d, of samples as measured */
	uint64_t retention_10s_ns, retention_1m_ns, retention_1h_ns; /* of coarser ones */
	uint64_t max_series; /* store.max_series: 20000 */
	uint64_t max_bytes; /* store.max_bytes: 2GiB; metrics.db with its WAL never grows past it */
	uint64_t
		profile_bytes; /* store.profile_bytes: 256MiB, and at most a quarter of max_bytes */
	uint64_t
		exemplar_bytes; /* store.exemplar_bytes: 64MiB, and at most a quarter of max_bytes */
	uint64_t min_free_bytes; /* store.min_free_bytes: 64MiB; below it nothing is written */
	uint64_t queue_bytes; /* probe.queue_bytes: 8MiB of frames that wait for the server */
	uint64_t max_cgroups; /* probe.max_cgroups: 256; further ones count as other */
	uint64_t max_comms; /* probe.max_comms: 256 */
	uint64_t slots; /* probe.slots: 1024 (cgroup, comm) pairs told apart in the kernel */
	uint64_t pool_rows,
		pool_cells; /* probe.rows, probe.cells: 2048, 4096 of the kernel side's pool */
	uint64_t max_map_memory; /* probe.max_map_memory: 512MiB of kernel memory */
	uint64_t budget_ns; /* probe.budget: 10ms of CPU time per second and CPU; 0: no limit */
	uint64_t priority; /* probe.priority: 10, of the probe process; nice values, negated */
	/* probe.NAME of each domain: see settings.def */
	bool worst; /* probe.worst: true; keep who the slowest events were */
	bool thread_time; /* probe.thread_time: true */
	bool domain_event;
	bool no_fentry; /* for tests; no setting: functions of the kernel are hooked by kprobe alone */
	bool cache_accesses; /* probe.cache_accesses: false */
	bool domain_sched, domain_syscall, domain_tcp, domain_irq;
	bool domain_lock, domain_iouring, domain_timer, domain_workqueue;
	bool domain_mem, domain_fault, domain_mm, domain_process, domain_block;
	bool domain_net, domain_udp, domain_dns, domain_fs, domain_service;
	char http_ports
		[256]; /* probe.http_ports: "", comma separated; sg_config_ports() reads it */
	uint64_t named_max; /* probe.named_max: 64 probes that a user names */
	uint64_t
		named_rate; /* probe.named_rate: 100000 calls a second; above it one is taken off */
	bool domain_profile, domain_offcpu;
	uint64_t profile_hz; /* probe.profile_hz: 49 samples per second and CPU */
	uint64_t offcpu_stacks; /* probe.offcpu_stacks: 100 per second and CPU */
	uint64_t profile_every_ns; /* probe.profile_every: 10s */
	uint64_t offcpu_min_ns; /* probe.offcpu_min: 1ms; shorter waits have no stack */
	uint64_t worst_stacks; /* probe.worst_stacks: 32 per second and CPU */
	uint64_t worst_floor_ns; /* probe.worst_floor: 1ms; faster ones have no stack */
	uint64_t event_stall_ns; /* event.stall: 5s; 0 is none */
	uint64_t event_slow_ns; /* event.slow: 2s */
	uint64_t event_forks; /* event.forks: 1000 of one program and cgroup in a second */
	uint64_t event_rate; /* event.rate: 20 of a kind in a second */
	uint64_t max_events; /* store.events: 100000 */
	char cgroup_root
		[256]; /* probe.cgroup_root: "" = the cgroup2 mount of /proc/self/mountinfo */
	char proc_root[256]; /* probe.proc_root: /proc */
	bool bpf_stats; /* probe.bpf_stats: true; measure the programs one second in thirty */
	char ingest_statsd[128]; /* ingest.statsd: none */
	char ingest_statsd_socket[108]; /* ingest.statsd_socket: "", none */
	bool ingest_push; /* ingest.push: false */
	bool ingest_insecure; /* ingest.insecure: false; allow addresses that are not loopback */
	char ingest_scrape
		[2048]; /* ingest.scrape: "", comma separated; sg_config_target() reads it */
	uint64_t ingest_scrape_interval_ns, ingest_scrape_timeout_ns; /* 15s, 5s */
	uint64_t ingest_scrape_bytes; /* ingest.scrape_bytes: 4MiB */
	uint64_t ingest_max_series, ingest_max_source_series, ingest_max_names;
	uint64_t ingest_expire_ns, ingest_max_age_ns, ingest_delay_ns, ingest_set_window_ns;
	struct sg_named probes[SG_NAMED_MAX]; /* probes: the list of them */
	uint64_t n_probes;
};

void sg_config_defaults(struct sg_config *c);
/* Reads a file over the values in c. -ENOENT when absent; -EINVAL with "FILE:LINE: key: ..." in err; c is then unchanged. */
int sg_config_load(struct sg_config *c, const char *path, struct sg_error *err);
/* One setting from text, as a flag gives it: sg_config_set(c, "listen", "127.0.0.1:1", err). */
int sg_config_set(struct sg_config *c, const char *key, const char *value, struct sg_error *err);
/* The effective settings as YAML with the help as comments; for 'sgprobe help config' too. */
void sg_config_print(struct sg_buf *b, const struct sg_config *c);
/* All of it but what is secret, which is shown as "***": {"data_dir":"...",...}, values as in a file. */
void sg_config_json(struct sg_buf *b, const struct sg_config *c);

/* Where settings come from, to read them again: a file, over it the flags of a command. */
#define SG_CONFIG_FLAGS_MAX 16
struct sg_config_origin {
	char path[1024];
	bool required; /* it was named: it must be there */
	size_t n;
	struct {
		const char *key; /* of the table */
		char value[512];
	} flags[SG_CONFIG_FLAGS_MAX];
};
/* -E2BIG: too many, or too long. */
int sg_config_origin_flag(struct sg_config_origin *o, const char *key, const char *value);
/* All or nothing: c is unchanged on failure. */
int sg_config_origin_read(const struct sg_config_origin *o, struct sg_config *c,
			  struct sg_error *err);

/* What a change of a setting takes, when a daemon reads its settings again. */
enum sg_scope {
	SG_SCOPE_SERVER, /* the server process is started again; nothing is lost */
	SG_SCOPE_PROBE, /* the probe process too: some seconds are not watched */
	SG_SCOPE_DAEMON, /* a restart of the daemon: it is not changed before */
};
struct sg_config_change {
	const char *key;
	enum sg_scope scope;
	char before[64], after[64]; /* may be cut */
};
/* What differs, at most max of it; the list of named probes has the key "probes". */
size_t sg_config_changes(const struct sg_config *before, const struct sg_config *after,
			 struct sg_config_change *ret, size_t max);
#define SG_CONFIG_CHANGES_MAX 256 /* more than there are settings */
/* Takes over what needs no restart of the daemon. */
void sg_config_take(struct sg_config *c, const struct sg_config *from);

/* One endpoint of ingest.scrape. */
#define SG_TARGETS_MAX 32
struct sg_target {
	char job[64];
	char instance[128]; /* ADDRESS:PORT, or the path of a unix socket */
	char path[256]; /* of the URL; begins with a slash */
	bool unix_socket;
};
/* The next one of such a list; *list goes on behind it. 1; 0: there is none; -EINVAL with a sentence. */
int sg_config_target(const char **list, struct sg_target *ret, struct sg_error *err);
/* The ports of such a list: how many, -EINVAL, or -E2BIG. */
#define SG_PORTS_MAX 32
int sg_config_ports(const char *list, uint16_t ports[SG_PORTS_MAX]);

#endif
