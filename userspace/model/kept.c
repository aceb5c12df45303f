// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <sgprobe/kept.h>
#include <sgprobe/mem.h>

int sg_kept_add(struct sg_kept *k, enum sg_kept_kind kind, const char *name, int fd)
{
	size_t n = strlen(name);

	if (k->n == SG_KEPT_PARTS || n >= SG_KEPT_NAME)
		return -E2BIG;
	k->parts[k->n] = (struct sg_kept_part){.kind = kind};
	memcpy(k->parts[k->n].name, name, n);
	k->fds[k->n++] = fd;
	return 0;
}

int sg_kept_take(struct sg_kept *k, enum sg_kept_kind kind, const char *name)
{
	for (uint32_t i = 0; i < k->n; i++)
		if (k->fds[i] >= 0 && k->parts[i].kind == kind &&
		    strcmp(k->parts[i].name, name) == 0)
			return sg_take_fd(k->fds[i]);
	return -1;
}

static bool ends(const char *name)
{
	return memchr(name, 0, SG_KEPT_NAME);
}

bool sg_kept_valid(const struct sg_kept *k)
{
	if (k->n > SG_KEPT_PARTS || !ends(k->variant))
		return false;
	for (uint32_t i = 0; i < k->n; i++)
		if (k->parts[i].kind >= SG_KEPT_KINDS || !ends(k->parts[i].name))
			return false;
	return true;
}

void sg_kept_close(struct sg_kept *k)
{
	for (uint32_t i = 0; i < k->n; i++)
		if (k->fds[i] >= 0)
			close(k->fds[i]);
	k->n = 0;
}

static void drop(struct sg_kept **set)
{
	if (*set)
		sg_kept_close(*set);
	free(sg_take(*set));
}

int sg_kept_put(struct sg_kept_sets *s, size_t set, struct sg_kept *k)
{
	struct sg_kept *copy = NULL;
	int r = set < SG_KEPT_SETS ? 0 : -EINVAL;

	if (r == 0 && k->n) {
		copy = malloc(sizeof(*copy));
		r = copy ? 0 : -ENOMEM;
	}
	if (r == 0)
		drop(&s->sets[set]);
	if (!copy) {
		sg_kept_close(k);
		return r;
	}
	*copy = *k;
	k->n = 0;
	s->sets[set] = copy;
	return 0;
}

bool sg_kept_any(const struct sg_kept_sets *s)
{
	for (size_t i = 0; i < SG_KEPT_SETS; i++)
		if (s->sets[i])
			return true;
	return false;
}

void sg_kept_drop(struct sg_kept_sets *s)
{
	for (size_t i = 0; i < SG_KEPT_SETS; i++)
		drop(&s->sets[i]);
}
