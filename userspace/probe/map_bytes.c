// SPDX-License-Identifier: GPL-2.0
#include "map_bytes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <unistd.h>

#include <sgprobe/mem.h>

#define BUCKET 16u /* struct bucket of hash tables and of storage */
#define HASH_ELEMENT 48u /* struct htab_elem, before key and value */
#define MAP_ITSELF 320u /* struct bpf_map and what surrounds it */

static uint64_t words(uint64_t n)
{
	return (n + 7) / 8 * 8;
}

static uint64_t pages(uint64_t n)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

static uint64_t power_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static uint64_t array_bytes(const struct sg_map_shape *m)
{
	uint64_t n = words(m->value) * m->entries;

	/* What is mapped begins with a page of its own, in front of which the map itself is. */
	return m->flags & BPF_F_MMAPABLE ? pages(n) + pages(MAP_ITSELF) : n;
}

static uint64_t hash_bytes(const struct sg_map_shape *m, unsigned int cpus)
{
	uint64_t buckets = power_of_two(m->entries) * BUCKET, n = m->entries;
	bool spare = m->type == BPF_MAP_TYPE_HASH; /* one for each CPU, to replace one at once */

	if (m->flags & BPF_F_NO_PREALLOC)
		return buckets + n * (HASH_ELEMENT + words(m->key) + words(m->value));
	return buckets +
	       (n + (spare ? cpus : 0)) * (HASH_ELEMENT + words(m->key) + words(m->value));
}

uint64_t sg_map_bytes(const struct sg_map_shape *m, unsigned int cpus)
{
	switch (m->type) {
	case BPF_MAP_TYPE_ARRAY: return MAP_ITSELF + array_bytes(m);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return MAP_ITSELF + (words(m->value) * cpus + sizeof(void *)) * m->entries;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH: return MAP_ITSELF + hash_bytes(m, cpus);
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return MAP_ITSELF + power_of_two(m->entries) * BUCKET +
		       (HASH_ELEMENT + words(m->key) + sizeof(void *) + words(m->value) * cpus) *
			       m->entries;
	case BPF_MAP_TYPE_QUEUE: return MAP_ITSELF + ((uint64_t)m->entries + 1) * m->value;
	case BPF_MAP_TYPE_RINGBUF: return MAP_ITSELF + m->entries + 3 * pages(1);
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_SK_STORAGE: return MAP_ITSELF + SG_MAX(power_of_two(cpus), 2u) * BUCKET;
	default: return MAP_ITSELF + words(m->value) * m->entries;
	}
}

uint64_t sg_map_bytes_of(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t n = sizeof(info);
	int cpus = libbpf_num_possible_cpus();
	struct sg_map_shape m;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &n) < 0)
		return 0;
	m = (struct sg_map_shape){info.type, info.key_size, info.value_size, info.max_entries,
				  info.map_flags};
	return sg_map_bytes(&m, cpus > 0 ? (unsigned int)cpus : 1);
}
