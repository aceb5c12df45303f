// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/mem.h>

#define ALIGN 16
#define FIRST_BLOCK 4096
#define LAST_BLOCK (1U << 20)

struct block {
	struct block *next; /* the block before it in time */
	size_t size, used;
	_Alignas(ALIGN) char data[];
};

struct sg_arena {
	struct block *head; /* newest, and as blocks double, the largest of the ordinary ones */
	size_t used, max;
};

struct sg_arena *sg_arena_new(size_t max_bytes)
{
	struct sg_arena *a = calloc(1, sizeof(*a));

	if (a)
		a->max = max_bytes;
	return a;
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void sg_arena_free(struct sg_arena *a)
{
	if (!a)
		return;
	free_blocks(a->head);
	free(a);
}

/* Keeps the newest block: once it has grown to what a round needs, rounds allocate nothing. */
void sg_arena_reset(struct sg_arena *a)
{
	a->used = 0;
	if (!a->head)
		return;
	free_blocks(a->head->next);
	a->head->next = NULL;
	a->head->used = 0;
}

static struct block *new_block(struct sg_arena *a, size_t n)
{
	size_t size = a->head ? SG_MIN(a->head->size * 2, (size_t)LAST_BLOCK) : FIRST_BLOCK;
	struct block *b;

	size = SG_MAX(size, n);
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	b->used = 0;
	b->next = a->head;
	a->head = b;
	return b;
}

void *sg_arena_alloc(struct sg_arena *a, size_t n)
{
	struct block *b = a->head;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (a->max && n > a->max - a->used)
		return NULL;
	if (!b || n > b->size - b->used) {
		b = new_block(a, n);
		if (!b)
			return NULL;
	}
	p = b->data + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *sg_arena_zalloc(struct sg_arena *a, size_t n)
{
	void *p = sg_arena_alloc(a, n);

	return p ? memset(p, 0, n) : NULL;
}

char *sg_arena_strndup(struct sg_arena *a, const char *s, size_t n)
{
	char *p = sg_arena_alloc(a, n + 1);

	if (!p)
		return NULL;
	memcpy(p, s, n);
	p[n] = 0;
	return p;
}

char *sg_arena_strdup(struct sg_arena *a, const char *s)
{
	return sg_arena_strndup(a, s, strlen(s));
}

char *sg_arena_printf(struct sg_arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		p = sg_arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}

size_t sg_arena_used(const struct sg_arena *a)
{
	return a->used;
}
