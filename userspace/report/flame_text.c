// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include <sgprobe/flame.h>

struct out {
	struct sg_buf *b;
	bool name_kinds, any;
};

static const char *kind_name(enum sg_profile_kind k)
{
	return k == SG_PROFILE_CPU ? "cpu" : "offcpu";
}

/* Names of groups and commands may hold what separates frames. */
static void put_part(struct sg_buf *b, const char *s)
{
	for (; *s; s++)
		sg_buf_char(b, *s == ';' || (unsigned char)*s < 0x20 ? '_' : *s);
}

static int put_line(const struct sg_stack *s, void *ctx)
{
	struct out *o = ctx;

	if (o->name_kinds)
		sg_buf_printf(o->b, "%s;", kind_name(s->kind));
	put_part(o->b, s->cgroup);
	sg_buf_char(o->b, ';');
	put_part(o->b, s->comm);
	for (size_t i = 0; i < s->n; i++) {
		sg_buf_char(o->b, ';');
		put_part(o->b, s->frames[i]);
		if (i >= s->n - s->n_kernel)
			sg_buf_str(o->b, "_[k]");
	}
	sg_buf_printf(o->b, " %" PRIu64 "\n", s->us);
	return o->b->err;
}

void sg_flame_folded(struct sg_buf *b, const struct sg_profile *p, bool name_kinds)
{
	struct out o = {.b = b, .name_kinds = name_kinds};

	sg_profile_each(p, put_line, &o);
}

static int put_object(const struct sg_stack *s, void *ctx)
{
	struct out *o = ctx;

	sg_buf_printf(o->b, "%s{\"kind\":\"%s\",\"cgroup\":", o->any ? "," : "",
		      kind_name(s->kind));
	o->any = true;
	sg_json_str(o->b, s->cgroup);
	sg_buf_str(o->b, ",\"comm\":");
	sg_json_str(o->b, s->comm);
	sg_buf_str(o->b, ",\"frames\":[");
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			sg_buf_char(o->b, ',');
		sg_json_str(o->b, s->frames[i]);
	}
	sg_buf_printf(o->b, "],\"kernel\":%zu,\"us\":%" PRIu64 ",\"count\":%" PRIu64 "}",
		      s->n_kernel, s->us, s->count);
	return o->b->err;
}

void sg_flame_json(struct sg_buf *b, const struct sg_profile *p, const struct sg_flame_range *r)
{
	struct out o = {.b = b};

	sg_buf_printf(b,
		      "{\"unit\":\"microseconds\",\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64
		      ",\"stacks\":[",
		      r->from_ms, r->to_ms);
	sg_profile_each(p, put_object, &o);
	sg_buf_str(b, "]}\n");
}
