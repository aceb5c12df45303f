// SPDX-License-Identifier: GPL-2.0
/* Stacks of a time, added up. */
#include <errno.h>
#include <string.h>

#include <sgprobe/flame.h>
#include <sgprobe/time.h>

#include "route.h"

#define SPAN_MS 600000
#define PROFILE_BYTES (64u << 20)

struct gather {
	struct sg_profile *profile;
	struct sg_profile_filter filter;
};

static int add_stack(const struct sg_stack *s, void *ctx)
{
	struct gather *g = ctx;
	int r = sg_profile_add_filtered(g->profile, &g->filter, s);

	return r == -ENOSPC ? -E2BIG : r;
}

static int kind_param(struct http_call *c, struct sg_profile_filter *f)
{
	const char *kind = http_param(&c->params, "kind");

	if (!kind || strcmp(kind, "cpu") == 0)
		f->kind = SG_PROFILE_CPU;
	else if (strcmp(kind, "offcpu") == 0)
		f->kind = SG_PROFILE_OFFCPU;
	else if (strcmp(kind, "all") == 0)
		f->all_kinds = true;
	else
		return sg_fail(&c->err, -EINVAL, "\"kind\" must be cpu, offcpu or all");
	return 0;
}

static int frames_param(struct http_call *c, struct sg_profile_filter *f)
{
	const char *frames = http_param(&c->params, "frames");

	if (!frames || strcmp(frames, "all") == 0)
		return 0;
	f->no_user = strcmp(frames, "kernel") == 0;
	f->no_kernel = strcmp(frames, "user") == 0;
	if (!f->no_user && !f->no_kernel)
		return sg_fail(&c->err, -EINVAL, "\"frames\" must be all, user or kernel");
	return 0;
}

static const char *given(struct http_call *c, const char *name)
{
	const char *v = http_param(&c->params, name);

	return v && *v ? v : NULL;
}

static int range_params(struct http_call *c, struct sg_flame_range *r)
{
	int e;

	r->to_ms = sg_real_ms();
	e = http_param_ms(&c->params, "end", http_parse_time, false, &r->to_ms, &c->err);
	r->from_ms = r->to_ms - SPAN_MS;
	if (!e)
		e = http_param_ms(&c->params, "start", http_parse_time, false, &r->from_ms,
				  &c->err);
	if (!e && r->from_ms > r->to_ms)
		e = sg_fail(&c->err, -EINVAL, "\"start\" is after \"end\"");
	return e;
}

int http_get_profile(struct http_call *c)
{
	sg_auto(sg_profile) p = sg_profile_new(PROFILE_BYTES);
	struct gather g = {.profile = p};
	struct sg_flame_range range;
	int r = p ? range_params(c, &range) : -ENOMEM;

	g.filter.cgroup = given(c, "cgroup");
	g.filter.comm = given(c, "comm");
	if (!r)
		r = kind_param(c, &g.filter);
	if (!r)
		r = frames_param(c, &g.filter);
	if (!r)
		r = c->reader->profile(c->reader, range.from_ms, range.to_ms, c->deadline_ns,
				       add_stack, &g);
	if (r == -E2BIG)
		return sg_fail(&c->err, r, "too many different stacks; ask for less time");
	if (r == -ETIMEDOUT)
		return sg_fail(&c->err, r, "it took too long: ask for less time");
	if (r < 0)
		return r;
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":");
	sg_flame_json(&c->resp.body, p, &range);
	sg_buf_str(&c->resp.body, "}\n");
	return 0;
}
