// SPDX-License-Identifier: GPL-2.0
/*
 * Open addressing with linear probing and a power of two of slots, at most three
 * quarters full. Deletion moves the cluster's later entries back, so there are
 * no tombstones and lookups do not slow down with age.
 */
#include <errno.h>

#include <sgprobe/mem.h>

#define FIRST_SLOTS 16

struct slot {
	uint64_t hash;
	void *entry; /* NULL: free */
};

struct sg_map {
	sg_map_eq eq;
	size_t len, mask; /* mask: slots - 1, or 0 when there are none yet */
	struct slot *slots;
};

struct sg_map *sg_map_new(sg_map_eq eq)
{
	struct sg_map *m = calloc(1, sizeof(*m));

	if (m)
		m->eq = eq;
	return m;
}

void sg_map_free(struct sg_map *m)
{
	if (!m)
		return;
	free(m->slots);
	free(m);
}

size_t sg_map_len(const struct sg_map *m)
{
	return m->len;
}

static struct slot *find(const struct sg_map *m, uint64_t hash, const void *key)
{
	if (!m->slots)
		return NULL;
	for (size_t i = hash & m->mask; m->slots[i].entry; i = (i + 1) & m->mask)
		if (m->slots[i].hash == hash && m->eq(m->slots[i].entry, key))
			return &m->slots[i];
	return NULL;
}

void *sg_map_get(const struct sg_map *m, uint64_t hash, const void *key)
{
	struct slot *s = find(m, hash, key);

	return s ? s->entry : NULL;
}

static void insert(struct slot *slots, size_t mask, uint64_t hash, void *entry)
{
	size_t i = hash & mask;

	while (slots[i].entry)
		i = (i + 1) & mask;
	slots[i] = (struct slot){hash, entry};
}

static int resize(struct sg_map *m, size_t n)
{
	struct slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; m->slots && i <= m->mask; i++)
		if (m->slots[i].entry)
			insert(slots, n - 1, m->slots[i].hash, m->slots[i].entry);
	free(m->slots);
	m->slots = slots;
	m->mask = n - 1;
	return 0;
}

int sg_map_put(struct sg_map *m, uint64_t hash, void *entry)
{
	if (!m->slots || m->len + 1 > (m->mask + 1) / 4 * 3) {
		int r = resize(m, m->slots ? (m->mask + 1) * 2 : FIRST_SLOTS);

		if (r < 0)
			return r;
	}
	insert(m->slots, m->mask, hash, entry);
	m->len++;
	return 0;
}

/* Fills the hole at i with a later entry that probed past it, then that one's, and so on. */
static void close_hole(struct sg_map *m, size_t i)
{
	for (size_t j = (i + 1) & m->mask; m->slots[j].entry; j = (j + 1) & m->mask) {
		size_t home = m->slots[j].hash & m->mask;

		if (((j - home) & m->mask) < ((j - i) & m->mask))
			continue;
		m->slots[i] = m->slots[j];
		i = j;
	}
	m->slots[i] = (struct slot){0};
}

void *sg_map_del(struct sg_map *m, uint64_t hash, const void *key)
{
	struct slot *s = find(m, hash, key);
	void *entry;

	if (!s)
		return NULL;
	entry = s->entry;
	close_hole(m, s - m->slots);
	m->len--;
	return entry;
}

void *sg_map_next(const struct sg_map *m, size_t *it)
{
	while (m->slots && *it <= m->mask) {
		void *e = m->slots[(*it)++].entry;

		if (e)
			return e;
	}
	return NULL;
}
