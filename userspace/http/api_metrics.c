// SPDX-License-Identifier: GPL-2.0
/* What scrapers read: the newest values, in the form that they take. */
#include <errno.h>
#include <string.h>

#include <sgprobe/export.h>
#include <sgprobe/time.h>

#include "prom.h"

#define MATCHES_MAX 16

static int read_matches(struct http_call *c, struct sg_selector *sels, size_t *n)
{
	int r = 0;

	for (size_t i = 0; i < c->params.n && !r; i++) {
		if (strcmp(c->params.p[i].name, "match[]") != 0)
			continue;
		if (*n == MATCHES_MAX)
			return sg_fail(&c->err, -EINVAL, "more than %d match[] parameters",
				       MATCHES_MAX);
		r = http_selector(c->params.p[i].value, c->arena, &sels[(*n)++], &c->err);
	}
	return http_bad_param(c, "match[]", r);
}

static int expose(struct http_call *c, bool federate)
{
	struct sg_selector sels[MATCHES_MAX] = {0};
	struct sg_export_options o = {
		.format = sg_format_negotiate(c->accept),
		.timestamps = federate,
		.sels = sels,
		.now_ms = sg_real_ms(),
		.deadline_ns = c->deadline_ns,
		.more = http_call_more,
		.ctx = c,
	};
	int r = read_matches(c, sels, &o.n_sels);

	c->resp.type = sg_format_type(o.format);
	c->resp.vary_accept = true;
	if (!r && federate && !o.n_sels)
		r = sg_fail(&c->err, -EINVAL, "no match[] parameter provided");
	if (!r)
		r = sg_export(c->reader, &o, &c->resp.body, &c->err);
	for (size_t i = 0; i < o.n_sels; i++)
		sg_selector_release(&sels[i]);
	return r;
}

int http_get_metrics(struct http_call *c)
{
	return expose(c, false);
}

int http_get_federate(struct http_call *c)
{
	return expose(c, true);
}
