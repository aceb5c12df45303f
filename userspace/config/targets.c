// SPDX-License-Identifier: GPL-2.0
/* The endpoints of ingest.scrape: "node=http://127.0.0.1:9100/metrics, app=unix:/run/app.sock:/metrics". */
#include <errno.h>
#include <string.h>

#include "setting.h"

#define JOB_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static bool take(char *to, size_t size, const char *p, size_t n)
{
	if (!n || n >= size)
		return false;
	memcpy(to, p, n);
	to[n] = '\0';
	return true;
}

/* A path as it is sent: printable, without blanks. None is /metrics. */
static bool take_path(struct sg_target *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '#')
			return false;
	if (!n)
		return take(t->path, sizeof(t->path), "/metrics", 8);
	return *p == '/' && take(t->path, sizeof(t->path), p, n);
}

static bool parse_url(struct sg_target *t, const char *p, size_t n)
{
	const char *slash = memchr(p, '/', n);
	size_t host = slash ? (size_t)(slash - p) : n;

	if (!memchr(p, ':', host))
		return false;
	return take(t->instance, sizeof(t->instance), p, host) && take_path(t, p + host, n - host);
}

static bool parse_unix(struct sg_target *t, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);
	size_t path = colon ? (size_t)(colon - p) : n;

	t->unix_socket = true;
	return n && *p == '/' && path < 108 && take(t->instance, sizeof(t->instance), p, path) &&
	       take_path(t, p + path + (colon != NULL), n - path - (colon != NULL));
}

static bool parse_target(struct sg_target *t, const char *p, size_t n)
{
	static const char http[] = "http://", un[] = "unix:";
	const char *eq = memchr(p, '=', n);

	if (!eq || !take(t->job, sizeof(t->job), p, eq - p) || t->job[strspn(t->job, JOB_CHARS)])
		return false;
	n -= eq + 1 - p;
	p = eq + 1;
	if (n > sizeof(un) - 1 && memcmp(p, un, sizeof(un) - 1) == 0)
		return parse_unix(t, p + sizeof(un) - 1, n - (sizeof(un) - 1));
	if (n > sizeof(http) - 1 && memcmp(p, http, sizeof(http) - 1) == 0)
		return parse_url(t, p + sizeof(http) - 1, n - (sizeof(http) - 1));
	return false;
}

int sg_config_target(const char **list, struct sg_target *ret, struct sg_error *err)
{
	const char *p = *list + strspn(*list, " \t\n,");
	size_t n = strcspn(p, " \t\n,");

	*list = p + n;
	if (!n)
		return 0;
	*ret = (struct sg_target){""};
	if (parse_target(ret, p, n))
		return 1;
	return sg_fail(
		err, -EINVAL,
		"'%.*s' is not an endpoint; write for example node=http://127.0.0.1:9100/metrics or "
		"app=unix:/run/app.sock:/metrics",
		(int)SG_MIN(n, (size_t)120), p);
}

static bool same(const struct sg_target *a, const struct sg_target *b)
{
	return strcmp(a->job, b->job) == 0 && strcmp(a->instance, b->instance) == 0;
}

/* How often the list has this job at this place. */
static size_t count(const char *list, const struct sg_target *what)
{
	struct sg_target t;
	size_t n = 0;

	while (sg_config_target(&list, &t, NULL) > 0)
		n += same(&t, what);
	return n;
}

int sg_targets_check(const char *list, struct sg_error *err)
{
	const char *all = list;
	struct sg_target t;
	size_t n = 0;
	int r;

	while ((r = sg_config_target(&list, &t, err)) > 0) {
		if (++n > SG_TARGETS_MAX)
			return sg_fail(err, -EINVAL, "more than %d endpoints", SG_TARGETS_MAX);
		if (count(all, &t) > 1)
			return sg_fail(err, -EINVAL, "%s at %s comes twice", t.job, t.instance);
	}
	return r;
}
