/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A domain: one BPF object, what it counts and under which names. A domain is a
 * constant table, sg_domain_NAME in NAME.c, and its line in domains.def.
 */
#ifndef SG_PROBE_DOMAIN_H
#define SG_PROBE_DOMAIN_H

#include <sgprobe/bpf/sgprobe.h>
#include <sgprobe/config.h>
#include <sgprobe/frame.h>
#include <sgprobe/metric.h>
#include <sgprobe/profile.h>

enum sg_from {
	SG_FROM_SIGNAL, /* histogram: rows of the slots of signals first .. first + n - 1 */
	SG_FROM_BLOCKS, /* histogram: fixed blocks first .. first + n - 1, signal 0 of each */
	SG_FROM_COUNTER, /* counter: counters first .. first + n - 1 */
	SG_FROM_BLOCK_COUNT, /* counter: observations in fixed block first + i, plus counter plus + i */
	SG_FROM_LEVEL, /* gauge: what counters first .. first + n - 1 have added up to since the start, as +1 and -1 */
	SG_FROM_KEYS, /* histogram: rows of the pool of signals first .. first + n - 1, one series per key */
	SG_FROM_KEY_COUNT, /* counter: observations in the rows that another metric has from keys, */
	SG_FROM_KEY_SUM, /* and their sum */
	SG_FROM_CELLS, /* counter: cells of the pool numbered so, one series per key */
	SG_FROM_PAIRS, /* counter: cells of the pool numbered so, by pairs of cgroups: culprits.c */
	SG_FROM_TALLY, /* counter: counts first .. first + n - 1 of the row of signal by */
	SG_FROM_TICK, /* any: added by the domain's tick function; listed here for the catalogue */
};

/*
 * One metric, "sgprobe_<domain>_<name>". With dims, the metrics
 * "sgprobe_cgroup_<domain>_<name>" and "sgprobe_comm_<domain>_<name>" exist too,
 * whose sums equal it (SG_FROM_SIGNAL, SG_FROM_TALLY; or SG_FROM_BLOCKS and SG_FROM_KEYS with by = the
 * signal that counts the same events per slot; or SG_FROM_CELLS with by = the signal
 * whose number the cells have that count them per slot).
 *
 * Signals below the domain's signals are rows of its own, one per slot; those from
 * there on are rows of the pool.
 */
struct sg_key_labels {
	char value[3][64];
};

struct sg_metric_row {
	const char *name;
	enum sg_type type;
	enum sg_from from;
	uint16_t first;
	uint16_t n; /* values of the label; 1 without a label */
	uint16_t plus; /* SG_FROM_COUNTER, SG_FROM_BLOCK_COUNT: first counter to add; 0: none */
	uint16_t
		by; /* SG_FROM_TALLY, and SG_FROM_BLOCKS, SG_FROM_KEYS, SG_FROM_CELLS with dims: the signal */
	bool units; /* counted in whole units (sg_bucket_units), not in nanoseconds */
	bool pages; /* SG_FROM_COUNTER, SG_FROM_TALLY: pages are counted, bytes reported */
	bool sparse; /* only values that were seen are reported (and kept for some minutes) */
	unsigned int dims; /* enum sg_dim */
	const char *label;
	const char *label2, *label3; /* of keys: further labels, or NULL */
	const char *(*value)(
		unsigned int i); /* label value i of n; NULL: this number has no name */
	/* Instead of value: what only the running kernel knows, from what start made. */
	const char *(*value_of)(const void *state, unsigned int i);
	/*
	 * Of keys: the values of the labels for a key; name is
	 * what the kernel calls it, cleaned, or "". An empty value becomes "other".
	 */
	void (*key)(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out);
	const char *title, *help; /* for people; help is one sentence */
};

/* How often a hook runs: with what the host does now and then, with each request, or all the time. */
enum sg_rate { SG_RARE, SG_BUSY, SG_HOT };

/* For whom a hook runs when no event tells: whoever is in a system call, or is interrupted. */
enum sg_context { SG_IN_ANY, SG_IN_TASK, SG_IN_INTERRUPT };
#define SG_PAID_BY(signal) ((signal) + 1)

/*
 * One hook. A program of the object is either named exactly like the hook and
 * serves every variant, or HOOK_btf and HOOK_raw, of which the loader keeps one. Of a
 * function it keeps HOOK_fentry or HOOK_kprobe; at its return, HOOK_fexit or HOOK_kretprobe.
 *
 * The kernel leaves a run out where an interrupt reaches the hook while the program
 * runs on that CPU. That is counted as dropped, unless others make up for it.
 */
struct sg_program {
	const char *hook; /* "sched_switch" */
	uint16_t runs; /* counter that the program raises by one each time it runs, */
	uint16_t runs_n; /* or the first of this many that together do; 0 means 1 */
	bool optional; /* the domain is of use without it */
	bool by_domain; /* not attached with the others: start does */
	bool made_up_for; /* nothing is lost when a run is left out */
	const char *unless; /* not needed where the kernel has this hook; NULL: everywhere */
	size_t setting; /* offset of the text or switch in struct sg_config without which it is not wanted; 0: always */
	bool asked; /* attached nowhere: user space runs it when it wants to know something */
	bool walk; /* an iterator, which user space walks with; it is never off */
	/*
	 * Which cgroups its runs are for: those that had the events of a signal,
	 * SG_PAID_BY(signal), or of all signals of the domain; runs beyond that by context.
	 */
	uint16_t paid_by;
	enum sg_context in;
	/*
	 * The hook is no trace point but a function of the kernel: the names that it has had, the
	 * best first, separated by spaces, with "module:" before those of modules. Rows with the
	 * same text are one thing, to load all or none of: see functions.h.
	 */
	const char *function;
	bool at_return; /* of the function; else where it begins */
	enum sg_rate rate;
	const char *since; /* kernel that has it first, for the manual; NULL: 5.10 */
};

#define SG_ALWAYS ((size_t)-1)

struct sg_loaded;
struct sg_domain {
	const char *name, *title;
	const void *object, *object_end; /* the embedded ELF file */
	uint16_t signals; /* rows per block */
	uint16_t pooled; /* signals that are rows of the pool, numbered after those */
	bool slot_blocks; /* after the fixed blocks there is one per slot */
	uint16_t fixed_blocks; /* before those of the slots */
	uint16_t counters;
	const struct sg_program *programs;
	size_t n_programs;
	const struct sg_metric_row *metrics;
	size_t n_metrics;
	bool limited; /* its programs ask sg_admit() which events to time (bpf/lib/limit.bpf.h) */
	bool tracks_tasks; /* it tells the others when a task's slot changes (sg_cfg.tracked) */
	bool not_kept; /* it ends with the process, so the next one loads it anew; the governor leaves it alone */
	enum sg_profile_kind stacks; /* of what kind those are that it sends (bpf/stack.h) */
	const char *refusal; /* what -EOPNOTSUPP of start means */
	size_t enabled; /* offset of its bool in struct sg_config; SG_ALWAYS */
	/*
	 * Optional. tick adds what only user space can find out (gauges from the
	 * domain's own maps or /proc) to the frame, after the drain; state is the
	 * domain's own, made by start when the domain is attached. sg_map_fd (load.h)
	 * finds a map of the object by name; it stays open as long as the state lives.
	 */
	int (*start)(const struct sg_config *cfg, const struct sg_loaded *l, void **state);
	int (*tick)(void *state, struct sg_frame *f);
	void (*stop)(void *state);
};

#define SG_DOMAIN(n) extern const struct sg_domain sg_domain_##n;
#include "domains.def"
#undef SG_DOMAIN

/* The symbols that the build makes around the embedded object of a domain. */
#define SG_DECLARE_OBJECT(n) extern const char sg_bpf_##n##_start[], sg_bpf_##n##_end[]
#define SG_OBJECT(n) .object = sg_bpf_##n##_start, .object_end = sg_bpf_##n##_end

extern const struct sg_domain *const sg_domains[];
extern const size_t sg_n_domains;

/*
 * Tables of metrics that are no domain's: complete rows whose strings are
 * constant. Those of /proc are listed by sg_procfs_metrics_each (procfs.h).
 */
struct sg_metric_table {
	const struct sg_metric_info *rows;
	size_t n;
};
extern const struct sg_metric_table sg_self_metrics; /* self.c */
extern const struct sg_metric_table sg_cost_metrics; /* cost.c */
extern const struct sg_metric_table sg_governor_metrics; /* governor_frame.c */
extern const struct sg_metric_table sg_named_metrics; /* named_read.c */
extern const struct sg_metric_table sg_event_metrics; /* events.c */

#endif
