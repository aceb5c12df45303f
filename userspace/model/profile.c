// SPDX-License-Identifier: GPL-2.0
/* A set of stacks: strings are kept once, a stack is the numbers of its strings. */
#include <errno.h>
#include <string.h>

#include <sgprobe/profile.h>

#include "profile_private.h"

static int text_eq(const void *entry, const void *key)
{
	return strcmp(((const struct profile_text *)entry)->s, key) == 0;
}

static int entry_eq(const void *entry, const void *key)
{
	const struct profile_entry *a = entry, *b = key;

	return a->kind == b->kind && a->n == b->n && a->n_kernel == b->n_kernel &&
	       memcmp(a->ids, b->ids, (PROFILE_IDS + a->n) * sizeof(*a->ids)) == 0;
}

static int make_maps(struct sg_profile *p)
{
	p->by_text = sg_map_new(text_eq);
	p->by_stack = sg_map_new(entry_eq);
	return p->by_text && p->by_stack ? 0 : -ENOMEM;
}

static void drop_maps(struct sg_profile *p)
{
	sg_map_free(sg_take(p->by_text));
	sg_map_free(sg_take(p->by_stack));
}

struct sg_profile *sg_profile_new(size_t max_bytes)
{
	sg_auto(sg_profile) p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->arena = sg_arena_new(max_bytes);
	p->scratch = malloc(sizeof(*p->scratch) +
			    (PROFILE_IDS + SG_STACK_FRAMES_MAX) * sizeof(*p->scratch->ids));
	if (!p->arena || !p->scratch || make_maps(p) < 0)
		return NULL;
	return sg_take(p);
}

void sg_profile_free(struct sg_profile *p)
{
	if (!p)
		return;
	drop_maps(p);
	sg_arena_free(p->arena);
	free(p->scratch);
	free(p->texts);
	free(p->entries);
	free(p);
}

void sg_profile_clear(struct sg_profile *p)
{
	drop_maps(p);
	sg_arena_reset(p->arena);
	p->n_texts = p->n_entries = 0;
	p->left_out = 0;
	p->broken = make_maps(p) < 0;
}

size_t sg_profile_len(const struct sg_profile *p)
{
	return p->n_entries;
}

uint64_t sg_profile_left_out(const struct sg_profile *p)
{
	return p->left_out;
}

/* The number of a string, or -ENOSPC. */
static int64_t text_id(struct sg_profile *p, const char *s)
{
	uint64_t hash = sg_hash_str(s, 0);
	struct profile_text *t = sg_map_get(p->by_text, hash, s);

	if (t)
		return t->id;
	t = sg_arena_alloc(p->arena, sizeof(*t));
	if (t)
		t->s = sg_arena_strdup(p->arena, s);
	if (!t || !t->s || SG_GROW(p->texts, p->cap_texts, p->n_texts) < 0 ||
	    sg_map_put(p->by_text, hash, t) < 0)
		return -ENOSPC;
	t->id = (uint32_t)p->n_texts;
	p->texts[p->n_texts++] = t->s;
	return t->id;
}

static int set_id(struct sg_profile *p, size_t i, const char *s)
{
	int64_t id = text_id(p, *s ? s : "?");

	if (id < 0)
		return (int)id;
	p->scratch->ids[i] = (uint32_t)id;
	return 0;
}

/* The stack in numbers, into p->scratch. */
static int number(struct sg_profile *p, const struct sg_stack *s)
{
	struct profile_entry *e = p->scratch;
	int r = set_id(p, 0, s->cgroup);

	if (r == 0)
		r = set_id(p, 1, s->comm);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = set_id(p, PROFILE_IDS + i, s->frames[i]);
	e->kind = s->kind;
	e->n = (uint32_t)s->n;
	e->n_kernel = (uint32_t)s->n_kernel;
	e->us = s->us;
	e->count = s->count;
	return r;
}

static int put(struct sg_profile *p, uint64_t hash)
{
	size_t n = sizeof(*p->scratch) + (PROFILE_IDS + p->scratch->n) * sizeof(*p->scratch->ids);
	struct profile_entry *e = sg_arena_alloc(p->arena, n);

	if (!e || SG_GROW(p->entries, p->cap_entries, p->n_entries) < 0 ||
	    sg_map_put(p->by_stack, hash, e) < 0)
		return -ENOSPC;
	memcpy(e, p->scratch, n);
	p->entries[p->n_entries++] = e;
	return 0;
}

static uint64_t hash_of(const struct profile_entry *e)
{
	return sg_hash(e->ids, (PROFILE_IDS + e->n) * sizeof(*e->ids),
		       (uint64_t)e->kind << 32 | e->n_kernel);
}

static int add(struct sg_profile *p, const struct sg_stack *s)
{
	struct profile_entry *e;
	uint64_t hash;
	int r = p->broken ? -ENOSPC : number(p, s);

	if (r < 0)
		return r;
	hash = hash_of(p->scratch);
	e = sg_map_get(p->by_stack, hash, p->scratch);
	if (!e)
		return put(p, hash);
	e->us += s->us;
	e->count += s->count;
	return 0;
}

int sg_profile_add(struct sg_profile *p, const struct sg_stack *s)
{
	int r;

	if (s->n > SG_STACK_FRAMES_MAX || s->n_kernel > s->n || s->kind >= SG_PROFILE_KINDS)
		return -EINVAL;
	r = add(p, s);
	if (r < 0)
		p->left_out += s->count;
	return r;
}

int sg_profile_each(const struct sg_profile *p, sg_stack_cb cb, void *ctx)
{
	const char *frames[SG_STACK_FRAMES_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_entries; i++) {
		const struct profile_entry *e = p->entries[i];
		struct sg_stack s = {.kind = e->kind,
				     .cgroup = p->texts[e->ids[0]],
				     .comm = p->texts[e->ids[1]],
				     .frames = frames,
				     .n = e->n,
				     .n_kernel = e->n_kernel,
				     .us = e->us,
				     .count = e->count};

		for (size_t j = 0; j < e->n; j++)
			frames[j] = p->texts[e->ids[PROFILE_IDS + j]];
		r = cb(&s, ctx);
	}
	return r;
}

static bool matches(const char *pattern, const char *s)
{
	size_t n = pattern ? strlen(pattern) : 0;

	if (!pattern)
		return true;
	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, s, n - 1) == 0;
	return strcmp(pattern, s) == 0;
}

bool sg_profile_wants(const struct sg_profile_filter *f, const struct sg_stack *s)
{
	return (f->all_kinds || s->kind == f->kind) && matches(f->cgroup, s->cgroup) &&
	       matches(f->comm, s->comm);
}

int sg_profile_add_filtered(struct sg_profile *p, const struct sg_profile_filter *f,
			    const struct sg_stack *s)
{
	struct sg_stack part = *s;

	if (!sg_profile_wants(f, s))
		return 0;
	if (f->no_user) {
		part.frames += s->n - s->n_kernel;
		part.n = s->n_kernel;
	}
	if (f->no_kernel) {
		part.n -= part.n_kernel;
		part.n_kernel = 0;
	}
	return sg_profile_add(p, &part);
}

void sg_frame_name_clean(const char *s, size_t n, char out[SG_FRAME_NAME_MAX + 1])
{
	size_t len = SG_MIN(n, (size_t)SG_FRAME_NAME_MAX);

	/* Not in the middle of a character. */
	while (len < n && len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		out[i] = (char)(c < 0x20 || c == 0x7f || c == ';' ? '_' : c);
	}
	out[len] = '\0';
	/* U+FFFE and U+FFFF, which no XML may hold. */
	for (size_t i = 0; i + 2 < len; i++)
		if (memcmp(out + i, "\xef\xbf", 2) == 0 && (unsigned char)out[i + 2] >= 0xbe)
			memset(out + i, '?', 3);
	if (!sg_utf8_valid(out, len))
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)out[i] >= 0x80)
				out[i] = '?';
	if (!len)
		strcpy(out, "?");
}
