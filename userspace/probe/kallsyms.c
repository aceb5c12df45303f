// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/str.h>
#include <sgprobe/time.h>

#include "kallsyms.h"

#define CHUNK (64u << 10)
#define LINE_MAX 1024 /* the kernel's names have 512 bytes at most */
#define SYMBOLS_MAX 1000000u
#define AGAIN_NS 60000000000ULL
#define FUNCTION_MAX (1u << 20) /* bytes; what is further from a symbol is none of it */

struct __attribute__((packed)) symbol { /* there are a hundred thousand of them */
	uint64_t at;
	uint32_t name; /* place in names */
};

struct sg_kallsyms {
	int fd;
	struct symbol *symbols;
	size_t n, cap;
	struct sg_buf names;
	uint64_t read_ns; /* when it was read last; 0: never */
};

int sg_kallsyms_new(const char *proc_root, struct sg_kallsyms **ret)
{
	struct sg_kallsyms *k = calloc(1, sizeof(*k));
	char path[512];

	if (!k)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/kallsyms", proc_root);
	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	*ret = k;
	return 0;
}

void sg_kallsyms_free(struct sg_kallsyms *k)
{
	if (!k)
		return;
	if (k->fd >= 0)
		close(k->fd);
	free(k->symbols);
	sg_buf_free(&k->names);
	free(k);
}

/* "ffffffff81000000 T name\t[module]" of functions; anything else is passed over. */
static int add_line(struct sg_kallsyms *k, char *line)
{
	char *end, *name, *module;
	uint64_t at = strtoull(line, &end, 16);
	int r;

	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' || !strchr("TtWw", end[1]))
		return 0;
	if (!at || k->n == SYMBOLS_MAX || k->names.len > UINT32_MAX / 2)
		return 0;
	name = strsep((module = end + 3, &module), "\t");
	r = SG_GROW(k->symbols, k->cap, k->n);
	if (r < 0)
		return r;
	k->symbols[k->n++] = (struct symbol){.at = at, .name = (uint32_t)k->names.len};
	sg_buf_str(&k->names, name);
	if (module)
		sg_buf_printf(&k->names, " %s", module);
	sg_buf_char(&k->names, '\0');
	return k->names.err;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void sort(struct sg_kallsyms *k)
{
	if (k->n)
		qsort(k->symbols, k->n, sizeof(*k->symbols), by_address);
}

static void forget(struct sg_kallsyms *k)
{
	k->n = 0;
	sg_buf_reset(&k->names);
}

/* Whole lines of text[0..n); how many bytes they were, or -errno. The text is changed. */
static ssize_t add_lines(struct sg_kallsyms *k, char *text, size_t n)
{
	size_t at = 0;
	char *end;

	while ((end = memchr(text + at, '\n', n - at))) {
		int r;

		*end = '\0';
		r = add_line(k, text + at);
		if (r < 0)
			return r;
		at = (size_t)(end - text) + 1;
	}
	return (ssize_t)at;
}

int sg_kallsyms_parse(struct sg_kallsyms *k, const char *text, size_t n)
{
	sg_auto_free char *copy = malloc(n + 1);
	ssize_t r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, n);
	forget(k);
	r = add_lines(k, copy, n);
	sort(k);
	k->read_ns = sg_mono_ns();
	return r < 0 ? (int)r : 0;
}

static int read_all(struct sg_kallsyms *k)
{
	sg_auto_free char *buf = malloc(CHUNK + LINE_MAX);
	size_t have = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	forget(k);
	if (lseek(k->fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(k->fd, buf + have, CHUNK)) > 0) {
		ssize_t done;

		have += (size_t)n;
		done = add_lines(k, buf, have);
		if (done < 0)
			return (int)done;
		have -= (size_t)done;
		if (have >= LINE_MAX)
			return -EBADMSG;
		memmove(buf, buf + done, have);
	}
	return n < 0 ? -errno : 0;
}

static void read_again(struct sg_kallsyms *k)
{
	uint64_t now = sg_mono_ns();

	if (k->fd < 0 || (k->read_ns && now - k->read_ns < AGAIN_NS))
		return;
	k->read_ns = now;
	read_all(k); /* as far as it came */
	sort(k);
}

static const char *look_up(const struct sg_kallsyms *k, uint64_t address)
{
	size_t low = 0, high = k->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->symbols[mid].at <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || address - k->symbols[low - 1].at > FUNCTION_MAX)
		return NULL;
	return k->names.data + k->symbols[low - 1].name;
}

const char *sg_kallsyms_find(struct sg_kallsyms *k, uint64_t address)
{
	const char *name = look_up(k, address);

	if (name)
		return name;
	read_again(k);
	return look_up(k, address);
}
