// SPDX-License-Identifier: GPL-2.0
/* Metrics that programs post. Over the unix socket only, as everything that changes something. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <sgprobe/ingest.h>

#include "route.h"
#include "server.h"

#define UNPACKED_MAX (16U << 20)

/* The body as it was meant; unpacked is where it lies when it was packed. */
static int unpack(struct http_call *c, struct sg_buf *unpacked)
{
	int r;

	if (!c->body_coding || strcasecmp(c->body_coding, "identity") == 0)
		return 0;
	if (strcasecmp(c->body_coding, "gzip") != 0)
		return sg_fail(&c->err, -EINVAL, "the body is packed in another way than gzip");
	r = sg_gunzip(c->body, c->body_len, UNPACKED_MAX, unpacked);
	if (r == -EMSGSIZE)
		return sg_fail(&c->err, -E2BIG, "the body has more than %u MiB unpacked",
			       UNPACKED_MAX >> 20);
	if (r == -EBADMSG)
		return sg_fail(&c->err, -EINVAL, "the gzip of the body is damaged");
	c->body = unpacked->data ? unpacked->data : "";
	c->body_len = unpacked->len;
	return r;
}

static int answer(struct http_call *c, const struct sg_ingest_result *res)
{
	if (res->refused)
		return sg_fail(&c->err, -EINVAL,
			       "%" PRIu64 " taken, %" PRIu64 " refused; the last one: %s",
			       res->taken, res->refused, res->why);
	c->resp.status = 204;
	return 0;
}

static int push(struct http_call *c, const struct sg_ingest_push *how)
{
	struct sg_ingest_result res;
	sg_auto_buf unpacked = {0};
	int r = unpack(c, &unpacked);

	if (r < 0)
		return r;
	r = c->server->ingest ? sg_ingest_push(c->server->ingest, how, c->body, c->body_len, &res)
			      : -EOPNOTSUPP;
	if (r == -EOPNOTSUPP)
		return sg_fail(&c->err, r,
			       "nothing is taken in; set ingest.push: true in the configuration");
	return r < 0 ? r : answer(c, &res);
}

int http_push_prometheus(struct http_call *c)
{
	static const char om[] = "application/openmetrics-text";
	static const char *const names[] = {"instance", "job"};
	struct sg_label labels[ARRAY_SIZE(names)];
	struct sg_ingest_push how = {.format = SG_INGEST_PROMETHEUS, .labels = labels};

	if (c->body_type && strncasecmp(c->body_type, om, sizeof(om) - 1) == 0)
		how.format = SG_INGEST_OPENMETRICS;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = http_param(&c->params, names[i]);

		if (value && *value)
			labels[how.n_labels++] = (struct sg_label){names[i], value};
	}
	return push(c, &how);
}

int http_push_influx(struct http_call *c)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"ns", 1},	 {"n", 1},	    {"us", 1000},	{"u", 1000},
		{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
	};
	struct sg_ingest_push how = {.format = SG_INGEST_INFLUX, .unit_ns = 1};
	const char *precision = http_param(&c->params, "precision");

	if (!precision || !*precision)
		return push(c, &how);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].name, precision) != 0)
			continue;
		how.unit_ns = units[i].ns;
		return push(c, &how);
	}
	return sg_fail(&c->err, -EINVAL, "\"precision\" is one of ns, us, ms, s, m, h");
}
