/* SPDX-License-Identifier: GPL-2.0 */
/* A store in a folder of its own, frames made of a line each, and questions to a reader. */
#ifndef TEST_STORE_HARNESS_H
#define TEST_STORE_HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <sgprobe/file.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#define UNUSED __attribute__((unused))
#define T0 1700000000000LL /* a full minute is not needed, a full second is */

struct box {
	char dir[64];
	struct sg_store *st;
	struct sg_store_options o;
};

/* One series of a frame. */
struct item {
	enum sg_type type;
	const char *name;
	const char *label; /* value of the label "l", or NULL */
	double v; /* histogram: this many observations of 1 s */
};

UNUSED static void remove_tree(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

UNUSED static int open_store(struct box *b, struct sg_error *err)
{
	return sg_store_open(&b->o, &b->st, err);
}

UNUSED static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/sgb-store-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->o = (struct sg_store_options){
		.data_dir = b->dir,
		.flush_ns = 10000000000ULL,
		.max_bytes = 64 << 20,
		.exemplar_bytes = 1 << 20,
	};
	assert_int_equal(open_store(b, NULL), 0);
	*state = b;
	return 0;
}

UNUSED static void shut(struct box *b)
{
	sg_store_close(b->st);
	b->st = NULL;
}

UNUSED static void reopen(struct box *b)
{
	shut(b);
	assert_int_equal(open_store(b, NULL), 0);
}

UNUSED static int teardown(void **state)
{
	struct box *b = *state;

	shut(b);
	remove_tree(b->dir);
	free(b);
	return 0;
}

static void add_item(struct sg_frame *f, const struct item *it)
{
	struct sg_label label = {"l", it->label};
	struct sg_series s;
	struct sg_hist h = {0};
	struct sg_series *copy;

	assert_int_equal(sg_series_init(&s, it->type, it->name, &label, it->label ? 1 : 0), 0);
	copy = sg_series_copy(f->arena, &s);
	if (it->type == SG_HISTOGRAM) {
		static struct sg_bucket buckets[1024];
		static unsigned int next;
		struct sg_bucket *b = &buckets[next++ % 1024];

		*b = (struct sg_bucket){.index = 0, .count = it->v};
		h = (struct sg_hist){.count = it->v, .sum = it->v, .n = it->v > 0, .buckets = b};
		assert_int_equal(sg_frame_add_hist(f, copy, &h), 0);
	} else {
		assert_int_equal(sg_frame_add_value(f, copy, it->v), 0);
	}
}

UNUSED static void encode(struct sg_buf *b, uint64_t session, uint64_t seq, int64_t t_ms,
			  uint32_t source, const struct item *items, size_t n)
{
	sg_auto(sg_frame) f = sg_frame_new();

	assert_non_null(f);
	f->session = session;
	f->seq = seq;
	f->t_ms = t_ms;
	f->span_ns = 1000000000;
	f->source = source;
	for (size_t i = 0; i < n; i++)
		add_item(f, &items[i]);
	assert_int_equal(sg_frame_encode(f, b), 0);
}

UNUSED static int append(struct sg_store *st, uint64_t session, uint64_t seq, int64_t t_ms,
			 const struct item *items, size_t n)
{
	sg_auto_buf b = {0};

	encode(&b, session, seq, t_ms, 0, items, n);
	return sg_store_append(st, b.data, b.len);
}

/* One frame with one counter "c". */
UNUSED static int append_c(struct sg_store *st, uint64_t session, uint64_t seq, int64_t t_ms,
			   double v)
{
	const struct item it = {SG_COUNTER, "c", NULL, v};

	return append(st, session, seq, t_ms, &it, 1);
}

struct answer {
	struct sg_arena *arena;
	struct sg_points_set set;
	int r;
	struct sg_error err;
};

UNUSED static void answer_free(struct answer *a)
{
	sg_arena_free(a->arena);
}
#define auto_answer __attribute__((cleanup(answer_free))) struct answer

/* Samples of the series called name; "" = all. */
UNUSED static struct answer ask_reader(struct sg_reader *r, const char *name, int64_t from,
				       int64_t to, bool deltas)
{
	struct answer a = {.arena = sg_arena_new(0)};
	struct sg_matcher m = {*name ? SG_MATCH_EQ : SG_MATCH_NE, "__name__", name, NULL};
	struct sg_selector sel = {1, &m};

	assert_int_equal(sg_selector_compile(&sel, NULL), 0);
	a.r = deltas ? r->select_deltas(r, &sel, 1, from, to, NULL, a.arena, &a.set, &a.err)
		     : r->select(r, &sel, 1, from, to, NULL, a.arena, &a.set, &a.err);
	sg_selector_release(&sel);
	return a;
}

UNUSED static struct answer ask_dir(const char *dir, struct sg_head *head, const char *name,
				    int64_t from, int64_t to, bool deltas)
{
	sg_auto(sg_reader) r = NULL;
	struct answer a = {0};
	int e = sg_store_reader(dir, head, &r, &a.err);

	if (e < 0) {
		a.r = e;
		return a;
	}
	return ask_reader(r, name, from, to, deltas);
}

/* With what is still in memory. */
UNUSED static struct answer ask(struct box *b, const char *name, int64_t from, int64_t to)
{
	return ask_dir(b->dir, sg_store_head(b->st), name, from, to, false);
}

UNUSED static struct answer ask_deltas(struct box *b, const char *name, int64_t from, int64_t to)
{
	return ask_dir(b->dir, sg_store_head(b->st), name, from, to, true);
}

/* Sum of the increases of "c" over everything that a reader from outside sees. */
UNUSED static double total_c(const char *dir)
{
	auto_answer a = ask_dir(dir, NULL, "c", 0, INT64_MAX, true);
	double sum = 0;

	if (a.r < 0 || !a.set.n)
		return -1;
	for (size_t i = 0; i < a.set.series[0].n; i++)
		sum += a.set.series[0].values[i];
	return sum;
}

UNUSED static char *path_of(const struct box *b, const char *name)
{
	static char p[4][512];
	static unsigned int i;
	char *out = p[i++ % 4];

	snprintf(out, sizeof(p[0]), "%s/%s", b->dir, name);
	return out;
}

UNUSED static bool exists_like(const struct box *b, const char *prefix)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;
	bool found = false;

	while (d && (e = readdir(d)))
		found |= !strncmp(e->d_name, prefix, strlen(prefix));
	if (d)
		closedir(d);
	return found;
}

#endif
