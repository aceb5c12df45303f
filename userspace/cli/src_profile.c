// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <sgprobe/time.h>

#include "client.h"
#include "source.h"

struct gather {
	struct sg_profile *profile;
	const struct sg_profile_filter *filter;
};

static int add_stack(const struct sg_stack *s, void *ctx)
{
	struct gather *g = ctx;

	return sg_profile_add_filtered(g->profile, g->filter, s);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "?";
}

/* What the daemon answers is filtered already. */
static int add_object(struct sg_profile *p, const json_t *o)
{
	const char *frames[SG_STACK_FRAMES_MAX];
	json_t *list = json_object_get(o, "frames");
	json_int_t kernel = json_integer_value(json_object_get(o, "kernel"));
	json_int_t us = json_integer_value(json_object_get(o, "us"));
	json_int_t count = json_integer_value(json_object_get(o, "count"));
	struct sg_stack s = {.cgroup = text(o, "cgroup"),
			     .comm = text(o, "comm"),
			     .frames = frames,
			     .n = json_array_size(list)};

	if (s.n > SG_STACK_FRAMES_MAX || kernel < 0 || (size_t)kernel > s.n || us < 0 || count < 0)
		return -EBADMSG;
	s.kind = strcmp(text(o, "kind"), "offcpu") == 0 ? SG_PROFILE_OFFCPU : SG_PROFILE_CPU;
	s.n_kernel = (size_t)kernel;
	s.us = (uint64_t)us;
	s.count = (uint64_t)count;
	for (size_t i = 0; i < s.n; i++) {
		frames[i] = json_string_value(json_array_get(list, i));
		if (!frames[i])
			return -EBADMSG;
	}
	return sg_profile_add(p, &s);
}

int sg_profile_parse(struct sg_profile *p, const json_t *data)
{
	json_t *stacks = json_object_get(data, "stacks"), *o;
	int r = json_is_array(stacks) ? 0 : -EBADMSG;
	size_t i;

	json_array_foreach(stacks, i, o)
	{
		if (r == 0)
			r = add_object(p, o);
	}
	return r;
}

static void add_text(struct sg_buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	sg_buf_printf(b, "&%s=", name);
	sg_url_escape(b, value);
}

static void put_path(struct sg_buf *b, const struct sg_profile_filter *f, int64_t from_ms,
		     int64_t to_ms)
{
	sg_buf_printf(b,
		      "/api/v1/profile?start=%" PRId64 ".%03d&end=%" PRId64
		      ".%03d&timeout=15&kind=%s&frames=%s",
		      from_ms / 1000, (int)(from_ms % 1000), to_ms / 1000, (int)(to_ms % 1000),
		      f->all_kinds		  ? "all"
		      : f->kind == SG_PROFILE_CPU ? "cpu"
						  : "offcpu",
		      f->no_user     ? "kernel"
		      : f->no_kernel ? "user"
				     : "all");
	add_text(b, "cgroup", f->cgroup);
	add_text(b, "comm", f->comm);
}

static int from_daemon(struct sg_src *src, const struct sg_profile_filter *f, int64_t from_ms,
		       int64_t to_ms, struct sg_profile *p, struct sg_error *err)
{
	sg_auto_buf path = {0};
	json_t *doc = NULL;
	int r;

	put_path(&path, f, from_ms, to_ms);
	r = path.err ? path.err : sg_src_get(src, path.data, &doc, err);
	if (r < 0)
		return r;
	r = sg_profile_parse(p, json_object_get(doc, "data"));
	json_decref(doc);
	return r == -EBADMSG ? sg_fail(err, r, "the daemon's answer is not valid") : r;
}

int sg_src_profile(struct sg_src *src, const struct sg_profile_filter *f, int64_t from_ms,
		   int64_t to_ms, struct sg_profile *p, struct sg_error *err)
{
	struct gather g = {p, f};
	int r;

	if (!src->reader)
		r = from_daemon(src, f, from_ms, to_ms, p, err);
	else
		r = src->reader->profile(src->reader, from_ms, to_ms, sg_mono_ns() + 60000000000ULL,
					 add_stack, &g);
	if (r == -ENOSPC)
		return sg_fail(err, -E2BIG, "too many different stacks; ask for less time");
	return r;
}
