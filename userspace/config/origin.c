// SPDX-License-Identifier: GPL-2.0
/* Settings that are read again, and what that changes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "setting.h"

int sg_config_origin_flag(struct sg_config_origin *o, const char *key, const char *value)
{
	const struct sg_setting *s = sg_setting_find(key);

	if (!s || o->n == SG_CONFIG_FLAGS_MAX || strlen(value) >= sizeof(o->flags[0].value))
		return -E2BIG;
	o->flags[o->n].key = s->key;
	strcpy(o->flags[o->n++].value, value);
	return 0;
}

int sg_config_origin_read(const struct sg_config_origin *o, struct sg_config *c,
			  struct sg_error *err)
{
	struct sg_config work;
	int r;

	sg_config_defaults(&work);
	r = sg_config_load(&work, o->path, err);
	if (r == -ENOENT && !o->required)
		r = 0;
	for (size_t i = 0; i < o->n && r == 0; i++)
		r = sg_config_set(&work, o->flags[i].key, o->flags[i].value, err);
	if (r == 0)
		*c = work;
	return r;
}

/* The first row whose beginning a key has says it. */
static const struct {
	const char *prefix;
	enum sg_scope scope;
} scopes[] = {
	{"probe.named_", SG_SCOPE_DAEMON}, /* the supervisor has the list of named probes */
	{"probe.bpf_stats", SG_SCOPE_SERVER}, /* the supervisor's own */
	{"probe.", SG_SCOPE_PROBE},
	{"event.", SG_SCOPE_PROBE},
	{"web.insecure_listen", SG_SCOPE_DAEMON},
	{"ingest.statsd", SG_SCOPE_DAEMON}, /* the supervisor opens the sockets */
	{"ingest.insecure", SG_SCOPE_DAEMON},
	{"", SG_SCOPE_SERVER},
};

enum sg_scope sg_setting_scope(const struct sg_setting *s)
{
	size_t i = 0;

	/* What stands in no section is what a daemon is set up with, before it starts anything. */
	if (!strchr(s->key, '.'))
		return SG_SCOPE_DAEMON;
	while (strncmp(s->key, scopes[i].prefix, strlen(scopes[i].prefix)) != 0)
		i++;
	return scopes[i].scope;
}

const char *sg_scope_title(enum sg_scope scope)
{
	static const char *const titles[] = {[SG_SCOPE_SERVER] = "at a reload",
					     [SG_SCOPE_PROBE] = "at a reload, with a gap",
					     [SG_SCOPE_DAEMON] = "at a restart"};

	return titles[scope];
}

static bool same(const struct sg_setting *s, const struct sg_config *a, const struct sg_config *b)
{
	return memcmp((const char *)a + s->offset, (const char *)b + s->offset, s->size) == 0;
}

static void show(const struct sg_setting *s, const struct sg_config *c, char *out, size_t n)
{
	sg_auto_buf b = {0};

	sg_setting_show(s, c, &b);
	snprintf(out, n, "%s", b.data ? b.data : "");
}

static bool same_probes(const struct sg_config *a, const struct sg_config *b)
{
	return a->n_probes == b->n_probes && memcmp(a->probes, b->probes, sizeof(a->probes)) == 0;
}

size_t sg_config_changes(const struct sg_config *before, const struct sg_config *after,
			 struct sg_config_change *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < sg_n_settings && n < max; i++) {
		const struct sg_setting *s = &sg_settings[i];

		if (same(s, before, after))
			continue;
		ret[n] = (struct sg_config_change){.key = s->key, .scope = sg_setting_scope(s)};
		show(s, before, ret[n].before, sizeof(ret[n].before));
		show(s, after, ret[n].after, sizeof(ret[n].after));
		n++;
	}
	if (n < max && !same_probes(before, after)) {
		ret[n] = (struct sg_config_change){.key = "probes", .scope = SG_SCOPE_DAEMON};
		snprintf(ret[n].before, sizeof(ret[n].before), "%u named",
			 (unsigned int)before->n_probes);
		snprintf(ret[n].after, sizeof(ret[n].after), "%u named",
			 (unsigned int)after->n_probes);
		n++;
	}
	return n;
}

void sg_config_take(struct sg_config *c, const struct sg_config *from)
{
	for (size_t i = 0; i < sg_n_settings; i++) {
		const struct sg_setting *s = &sg_settings[i];

		if (sg_setting_scope(s) != SG_SCOPE_DAEMON)
			memcpy((char *)c + s->offset, (const char *)from + s->offset, s->size);
	}
}

void sg_config_json(struct sg_buf *b, const struct sg_config *c)
{
	sg_buf_char(b, '{');
	for (size_t i = 0; i < sg_n_settings; i++) {
		sg_auto_buf v = {0};

		sg_setting_show(&sg_settings[i], c, &v);
		if (i)
			sg_buf_char(b, ',');
		sg_json_str(b, sg_settings[i].key);
		sg_buf_char(b, ':');
		/* A text in quotes is JSON already: what format_text writes is. */
		if (v.data && *v.data == '"')
			sg_buf_str(b, v.data);
		else
			sg_json_str(b, v.data ? v.data : "");
	}
	sg_buf_char(b, '}');
}
