// SPDX-License-Identifier: GPL-2.0
// The memory of maps in this process: whole where it is small, piece by piece where it is not.
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "load.h"

#define CACHE_LINE 64u
#define PIECE 65536u /* bytes of rows mapped at once; a multiple of every page size */

static size_t whole_pages(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

static void *map_whole(int fd, size_t n, int prot)
{
	void *p = mmap(NULL, whole_pages(n), prot, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

int sg_shared_map(struct sg_shared *s)
{
	size_t n = sizeof(*s->state);

	if (s->state)
		return 0;
	s->state = map_whole(s->fd[SG_MAP_STATE], n, PROT_READ | PROT_WRITE);
	if (!s->state)
		return -ENOMEM;
	return 0;
}

int sg_load_map_rows(struct sg_loaded *l, int fd, size_t n)
{
	size_t pieces = (n + PIECE - 1) / PIECE;

	l->rows_fd = fd;
	l->rows_bytes = n;
	l->rows_mapped = calloc(pieces / 8 + 1, 1);
	l->rows = mmap(NULL, pieces * PIECE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	if (l->rows == MAP_FAILED)
		l->rows = NULL;
	return l->rows && l->rows_mapped ? 0 : -ENOMEM;
}

size_t sg_shard_bytes(const struct sg_domain *d)
{
	size_t n = sizeof(struct sg_bpf_head) + SG_BANKS * d->counters * sizeof(uint64_t);

	return (n + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

void sg_tell_head(struct sg_bpf_head *h, const struct sg_bpf_state *state)
{
	__atomic_store_n(&h->bank, state->bank, __ATOMIC_SEQ_CST);
	__atomic_store_n(&h->tick, state->tick, __ATOMIC_RELAXED);
	__atomic_store_n(&h->epoch, state->epoch, __ATOMIC_RELAXED);
	__atomic_store_n(&h->threads_base, state->threads_base, __ATOMIC_RELAXED);
	__atomic_store_n(&h->threads_bank, state->threads_bank, __ATOMIC_RELAXED);
}

void sg_tell_state(struct sg_loaded *l, const struct sg_shared *s)
{
	for (uint32_t i = 0; l->shards && i < s->shards; i++)
		sg_tell_head(sg_head_of(l, i), s->state);
}

static int map_shards(struct sg_loaded *l, const struct sg_shared *s)
{
	l->shard_bytes = sg_shard_bytes(l->domain);
	l->shards_bytes = whole_pages(s->shards * l->shard_bytes);
	l->shards = map_whole(sg_map_fd(l, "sg_shards"), l->shards_bytes, PROT_READ | PROT_WRITE);
	if (!l->shards)
		return -ENOMEM;
	l->counters = (const uint64_t *)(l->shards + sizeof(struct sg_bpf_head));
	l->counters_per_bank = l->domain->counters;
	l->counters_per_shard = l->shard_bytes / sizeof(uint64_t);
	sg_tell_state(l, s);
	return 0;
}

int sg_map_memory(struct sg_loaded *l, const struct sg_shared *s)
{
	size_t parts = sg_parts(s), signals = parts * l->blocks * l->domain->signals;

	l->bytes = 0;
	for (size_t i = 0; i < l->n_maps; i++)
		l->bytes += sg_map_bytes_of(l->maps[i].fd);
	if (map_shards(l, s) < 0)
		return -ENOMEM;
	if (!signals)
		return 0; /* it has counters only */
	l->sums_bytes = whole_pages(signals * sizeof(*l->sums));
	l->sums = map_whole(sg_map_fd(l, "sg_sums"), l->sums_bytes, PROT_READ | PROT_WRITE);
	if (!l->sums)
		return -ENOMEM;
	return sg_load_map_rows(l, sg_map_fd(l, "sg_rows"), signals * sizeof(struct sg_row));
}

void sg_unmap_memory(struct sg_loaded *l)
{
	if (l->rows)
		munmap(l->rows, (l->rows_bytes + PIECE - 1) / PIECE * PIECE);
	if (l->sums)
		munmap(l->sums, l->sums_bytes);
	if (l->shards)
		munmap(l->shards, l->shards_bytes);
	free(l->rows_mapped);
}

static int map_piece(struct sg_loaded *l, size_t piece)
{
	size_t at = piece * PIECE, n = SG_MIN((size_t)PIECE, whole_pages(l->rows_bytes) - at);

	if (l->rows_mapped[piece / 8] & (1 << piece % 8))
		return 0;
	if (mmap((char *)l->rows + at, n, PROT_READ, MAP_SHARED | MAP_FIXED, l->rows_fd,
		 (off_t)at) == MAP_FAILED)
		return -errno;
	l->rows_mapped[piece / 8] |= 1 << piece % 8;
	return 0;
}

const struct sg_row *sg_load_rows(struct sg_loaded *l, size_t e)
{
	size_t size = sizeof(struct sg_row) * l->domain->signals, at = e * size;

	if (at + size > l->rows_bytes)
		return NULL;
	for (size_t piece = at / PIECE; piece <= (at + size - 1) / PIECE; piece++)
		if (map_piece(l, piece) < 0)
			return NULL;
	return (const struct sg_row *)((const char *)l->rows + at);
}
