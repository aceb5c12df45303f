/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ownership. An owning local carries its destructor (sg_auto), a hand-over is
 * spelled out (sg_take), an output parameter stays untouched on failure, and
 * every destructor accepts NULL and half-built objects.
 */
#ifndef SGPROBE_MEM_H
#define SGPROBE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SG_MAX(a, b) ((a) > (b) ? (a) : (b))

/* SG_DEFINE_AUTO(sg_store, sg_store_close): makes 'sg_auto(sg_store) st = NULL;' close itself. */
#define SG_DEFINE_AUTO(type, destroy)                                                              \
	static inline void sg_autop_##type(struct type **p)                                        \
	{                                                                                          \
		destroy(*p);                                                                       \
	}
#define sg_auto(type) __attribute__((cleanup(sg_autop_##type))) struct type *

static inline void sg_autop_free(void *p)
{
	free(*(void **)p);
}
#define sg_auto_free __attribute__((cleanup(sg_autop_free)))

static inline void sg_autop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define sg_auto_fd __attribute__((cleanup(sg_autop_fd)))

#define sg_take(p)                                                                                 \
	({                                                                                         \
		__typeof__(p) _taken = (p);                                                        \
		(p) = NULL;                                                                        \
		_taken;                                                                            \
	})
#define sg_take_fd(fd)                                                                             \
	({                                                                                         \
		int _taken = (fd);                                                                 \
		(fd) = -1;                                                                         \
		_taken;                                                                            \
	})

/*
 * An arena: allocations that live and die together (one frame, one query).
 * Memory is 16-byte aligned and NOT zeroed unless sg_arena_zalloc is used.
 * A byte limit bounds it: past the limit (or out of memory) NULL is returned.
 * Not thread safe.
 */
struct sg_arena;
struct sg_arena *sg_arena_new(size_t max_bytes); /* 0: no limit; NULL when out of memory */
void sg_arena_free(struct sg_arena *a);
void sg_arena_reset(struct sg_arena *a); /* forgets all, keeps the first block for reuse */
void *sg_arena_alloc(struct sg_arena *a, size_t n);
void *sg_arena_zalloc(struct sg_arena *a, size_t n);
char *sg_arena_strdup(struct sg_arena *a, const char *s);
char *sg_arena_strndup(struct sg_arena *a, const char *s, size_t n);
char *sg_arena_printf(struct sg_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
size_t sg_arena_used(const struct sg_arena *a);
SG_DEFINE_AUTO(sg_arena, sg_arena_free)

/*
 * Grows an array of 'size'-byte elements so that index n fits: doubles *cap,
 * reallocates *p. 0 or -ENOMEM, in which case both are unchanged.
 */
int sg_grow(void **p, size_t *cap, size_t n, size_t size);
#define SG_GROW(arr, cap, n) sg_grow((void **)&(arr), &(cap), (n), sizeof(*(arr)))

/*
 * A hash table from a 64-bit hash plus an equality test to a pointer that the
 * table does not own. Open addressing; not thread safe; pointers are non-NULL.
 */
struct sg_map;
typedef int (*sg_map_eq)(const void *entry, const void *key);
struct sg_map *sg_map_new(sg_map_eq eq);
void sg_map_free(struct sg_map *m);
size_t sg_map_len(const struct sg_map *m);
void *sg_map_get(const struct sg_map *m, uint64_t hash, const void *key);
int sg_map_put(struct sg_map *m, uint64_t hash, void *entry); /* key must be absent; 0 or -ENOMEM */
void *sg_map_del(struct sg_map *m, uint64_t hash, const void *key); /* what was removed, or NULL */
/* Iterates: for (size_t it = 0; (e = sg_map_next(m, &it));) ...; deleting while iterating is not allowed. */
void *sg_map_next(const struct sg_map *m, size_t *it);
SG_DEFINE_AUTO(sg_map, sg_map_free)

/* FNV-1a style 64-bit hash with a final mix; stable over versions and machines. */
uint64_t sg_hash(const void *p, size_t n, uint64_t seed);
uint64_t sg_hash_str(const char *s, uint64_t seed);

/* CRC32C (Castagnoli), as in iSCSI: sg_crc32c(0, "123456789", 9) == 0xe3069283. */
uint32_t sg_crc32c(uint32_t crc, const void *p, size_t n);

#endif
