/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loads and attaches a domain and maps what its programs write. The kernel is
 * asked what it can do by trying; never by its version. What is left of a domain
 * that is loaded are descriptors, so that one that was handed over is the same.
 */
#ifndef SG_PROBE_LOAD_H
#define SG_PROBE_LOAD_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#include <sgprobe/file.h>
#include <sgprobe/kept.h>

#include <sgprobe/bpf/bucket.h>
#include <sgprobe/bpf/sgprobe.h>

#include "domain.h"
#include "map_bytes.h"
#include "memory.h"

#define SG_PROGRAMS_MAX 32 /* of a domain */
#define SG_MAPS_MAX 32
#define SG_FUNCTIONS_MAX 4 /* of a domain, each with all its names */

/* What all domains share: descriptors of the maps, made by the first domain that needs each. */
enum sg_shared_map {
	SG_MAP_STATE,
	SG_MAP_TASK_TABLE,
	SG_MAP_TASKS,
	SG_MAP_TIDS,
	SG_MAP_SLOTS,
	SG_MAP_FREE,
	SG_MAP_CGROUPS,
	SG_MAP_FREE_CGROUPS,
	SG_MAP_THREADS,
	SG_MAP_POOL_KEYS,
	SG_MAP_POOL_FREE,
	SG_MAP_POOL_FREE_CELLS,
	SG_MAP_POOL_OWNERS,
	SG_MAP_POOL_ROWS,
	SG_MAP_POOL_SUMS,
	SG_MAP_POOL_CELLS,
	SG_MAP_EVENT_RING,
	SG_MAP_EVENT_COUNTS,
	SG_MAP_WORST_CPUS,
	SG_MAP_WORST_RING,
	SG_SHARED_MAPS
};
struct sg_shared {
	int fd[SG_SHARED_MAPS]; /* -1: not made yet */
	struct sg_bpf_state *state; /* mapped; NULL until the first domain is loaded */
	uint32_t slots, shards, tasks;
	uint32_t pool_rows, pool_cells;
	bool private_rows;
	bool threads; /* where the time of threads goes is watched */
	struct btf *types; /* of the kernel, while domains are loaded; NULL: not read */
	bool tracked; /* a domain that tells when a task's slot changes is up */
	uint32_t sample_ns, offcpu_us, offcpu_stacks,
		ring_bytes; /* of the domains that take stacks */
	uint32_t worst_stacks, worst_bytes; /* of a CPU in a tick; of the ring of all */
	bool worst;
	bool no_storage; /* the kernel may sleep where it makes storage of tasks and sockets */
	const struct sg_config *cfg; /* while domains are loaded */
	uint64_t bytes; /* that the shared maps take in the kernel */
	/* A byte per slot, then per row and per cell of the pool, then per cgroup: see slots.c. */
	struct sg_memory retiring;
	struct sg_memory pool_seen; /* what was read of the pool, as seen of sg_loaded */
};

extern const char *const sg_shared_names[SG_SHARED_MAPS];

/* Elements that a block has: one per bank and shard. */
static inline uint32_t sg_parts(const struct sg_shared *s)
{
	return SG_BANKS * s->shards;
}

/* Of map sg_threads: those of both banks, and what was told of each. */
static inline uint32_t sg_thread_elements(const struct sg_shared *s)
{
	return s->threads ? SG_BANKS * (s->shards + 1) * s->slots : 1;
}

static inline size_t sg_retiring_bytes(const struct sg_shared *s)
{
	return 2 * (size_t)s->slots + s->pool_rows + s->pool_cells;
}

void sg_shared_init(struct sg_shared *s, const struct sg_config *cfg);
/* The same for a host with so many possible CPUs. */
void sg_shared_init_for(struct sg_shared *s, const struct sg_config *cfg, int cpus);
/* The kernel's types, read when they are first asked for. NULL: it tells none. */
struct btf *sg_shared_types(struct sg_shared *s);
/* Forgets them, which are megabytes. */
void sg_shared_forget_types(struct sg_shared *s);
void sg_shared_free(struct sg_shared *s); /* ready to be used again */
int sg_shared_map(struct sg_shared *s); /* the state's memory, if it is not mapped yet */

/* One program that is attached. */
struct sg_attached {
	const struct sg_program *program;
	int fd, link_fd; /* link_fd -1: it is only asked */
	const char *kind; /* "fentry" or "kprobe" of a function; else NULL: as the domain */
	double mean_ns; /* per run, in the last statistics window; 0: not measured yet */
	uint64_t run_ns, run_cnt; /* the kernel's readings at the beginning of the window */
	double unpaid; /* runs whose time was not reported yet */
	double measured; /* of runs in statistics windows, those whose measuring was not paid for yet */
	double owed_ns; /* the part of a nanosecond that was not reported yet */
	uint64_t runs, paid_ns; /* in this tick: cost.c */
	uint64_t misses; /* runs that the kernel left out, as it told last */
	double missed; /* of these, not reported yet */
};

/* A map of the domain's own. */
struct sg_map_fd {
	char name[SG_KEPT_NAME];
	int fd;
};

/* What became of the functions of a row: functions.h. */
struct sg_function {
	const char *names; /* those of the row */
	char name[64]; /* the one that is hooked, as this kernel calls it */
	const char *kind; /* "fentry" or "kprobe"; NULL: none is */
	char reason[160]; /* why none is */
};

struct sg_loaded {
	const struct sg_domain *domain;
	struct sg_attached attached[SG_PROGRAMS_MAX];
	size_t n_attached; /* 0: not up */
	struct sg_map_fd maps[SG_MAPS_MAX];
	size_t n_maps;
	const char *variant; /* "tp_btf", "raw_tp", or "" */
	struct sg_function functions[SG_FUNCTIONS_MAX];
	size_t n_functions;
	char reason[200]; /* why it is not up, and the cure; "" when it is */
	uint32_t blocks; /* per bank and shard */
	int rows_fd;
	void *rows; /* address space for the whole map, filled in where it is looked at */
	size_t rows_bytes;
	uint8_t *rows_mapped; /* a bit per piece */
	struct sg_sum *sums; /* written to: maxima are taken back (drain.c) */
	size_t sums_bytes;
	char *shards; /* map sg_shards, mapped; of shard_bytes each */
	size_t shards_bytes, shard_bytes;
	const uint64_t *counters; /* of bank 0 and shard 0; the others: so many further on */
	size_t counters_per_bank, counters_per_shard;
	bool shed; /* the governor took its programs off their hooks */
	uint64_t attached_ns; /* monotonic time; what began earlier is not believed */
	uint64_t bytes; /* that its own maps take in the kernel */
	void *state; /* of the domain's own functions */
	struct sg_memory seen; /* what was read before, see drain.c */
};

/*
 * 0, or -errno with l->reason filled. A failure leaves nothing behind but the
 * shared maps.
 */
int sg_load(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s);
/* The same by one variant only ("tp_btf", "raw_tp"; NULL: any), for tests. */
int sg_load_as(struct sg_loaded *l, const struct sg_domain *d, struct sg_shared *s,
	       const char *variant);
/* The maps that loading it would make, those shared with other domains too; loads nothing. 0 or -errno. */
int sg_load_shapes(const struct sg_domain *d, struct sg_shared *s,
		   int (*cb)(const char *name, const struct sg_map_shape *m, void *ctx), void *ctx);
/* Unloads what there is of it and keeps why. */
void sg_refuse(struct sg_loaded *l, const struct sg_domain *d, const char *reason);
/* Takes the programs off their hooks, or puts them back (-errno; needs the right to). */
void sg_detach(struct sg_loaded *l);
int sg_attach_again(struct sg_loaded *l);
/*
 * The same for one. A descriptor, or -errno; -ENODATA: the domain is of use without, for it is only
 * asked, or at a function that some kernels hook once only.
 */
int sg_attach_program(const struct sg_program *row, int program);
void sg_unload(struct sg_loaded *l); /* detaches; a zeroed one is fine */

void sg_loaded_init(struct sg_loaded *l, const struct sg_domain *d, const struct sg_shared *s);

/* A map of the object by its name there; -1: there is none. */
int sg_map_fd(const struct sg_loaded *l, const char *name);
/* A program by its hook; -1: there is none. */
int sg_program_fd(const struct sg_loaded *l, const char *hook);
/* The link of its iterator, for bpf_iter_create(); -1: there is none. */
int sg_walk_fd(const struct sg_loaded *l);
/* The row of a program of the object, or of its hook; NULL: there is none. */
const struct sg_program *sg_program_of(const struct sg_domain *d, const char *name);
/* The variant of this name, as sg_loaded has it; NULL: there is none. */
const char *sg_variant_name(const char *name);

/* map_memory.c: the memory that the programs write, of sizes that follow from the domain. */
int sg_map_memory(struct sg_loaded *l, const struct sg_shared *s);
void sg_unmap_memory(struct sg_loaded *l);
static inline const uint64_t *sg_counters_of(const struct sg_loaded *l, uint32_t bank,
					     uint32_t shard)
{
	return l->counters + bank * l->counters_per_bank + shard * l->counters_per_shard;
}
/* What the programs of a shard are told; shard below the number that the memory was mapped with. */
static inline struct sg_bpf_head *sg_head_of(const struct sg_loaded *l, uint32_t shard)
{
	return (struct sg_bpf_head *)(l->shards + shard * l->shard_bytes);
}
/* Bytes of an element of map sg_shards. */
size_t sg_shard_bytes(const struct sg_domain *d);
/* Tells the programs what the shared state has become: all of a domain, or those of a shard. */
void sg_tell_state(struct sg_loaded *l, const struct sg_shared *s);
void sg_tell_head(struct sg_bpf_head *h, const struct sg_bpf_state *state);
/* Address space for the rows of a map of so many bytes, filled in by sg_load_rows. 0 or -ENOMEM. */
int sg_load_map_rows(struct sg_loaded *l, int fd, size_t bytes);

/*
 * The rows of a block (signals of them) of element e, mapped on first use: the
 * memory of a process counts all that it has mapped. NULL: out of memory.
 */
const struct sg_row *sg_load_rows(struct sg_loaded *l, size_t e);

#endif
