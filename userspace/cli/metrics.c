// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"

#define LIST_MAX 8 /* names in a sentence */

struct search {
	const char *text; /* without the selector's braces */
	const char *exact;
	char name[SG_NAME_MAX + 1]; /* the shortest that holds the text */
	unsigned int hits, listed;
	struct sg_buf list;
};

/* "sgprobe_sched_oncpu_seconds" is also "sched_oncpu". */
static bool same(const char *name, const char *text)
{
	static const char prefix[] = "sgprobe_";
	size_t n = strlen(text);

	if (strcmp(name, text) == 0)
		return true;
	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 &&
	    strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	return strncmp(name, text, n) == 0 &&
	       (!name[n] || strcmp(name + n, "_seconds") == 0 || strcmp(name + n, "_bytes") == 0);
}

static void put_name(struct search *s, const char *name)
{
	if (s->listed++ < LIST_MAX)
		sg_buf_printf(&s->list, "%s%s", s->list.len ? ", " : "", name);
}

static int look(const struct sg_metric_info *m, void *ctx)
{
	struct search *s = ctx;

	if (m->type != SG_HISTOGRAM)
		return 0;
	if (same(m->name, s->text)) {
		snprintf(s->name, sizeof(s->name), "%s", m->name);
		s->exact = s->name;
		return 1;
	}
	if (!m->of && strstr(m->name, s->text)) {
		s->hits++;
		snprintf(s->name, sizeof(s->name), "%s", m->name);
		put_name(s, m->name);
	}
	return 0;
}

static int list_all(const struct sg_metric_info *m, void *ctx)
{
	if (m->type == SG_HISTOGRAM && !m->of)
		put_name(ctx, m->name);
	return 0;
}

static void put_rest(struct search *s)
{
	if (s->listed > LIST_MAX)
		sg_buf_printf(&s->list, " and %u more (sgprobe probes lists them)",
			      s->listed - LIST_MAX);
}

static int find(struct search *s, struct sg_buf *out, struct sg_error *err)
{
	sg_metrics_each(look, s);
	put_rest(s);
	if (s->exact || s->hits == 1) {
		sg_buf_str(out, s->name);
		return 0;
	}
	if (s->hits > 1)
		return sg_fail(err, -EINVAL, "'%.64s' is in several names: %s", s->text,
			       s->list.data ? s->list.data : "");
	sg_metrics_each(list_all, s);
	put_rest(s);
	return sg_fail(err, -ENOENT, "nothing is called '%.64s'; there are %s", s->text,
		       s->list.data ? s->list.data : "none");
}

/* The name of a selector may be short as well; what is in its braces stays. */
int sg_metric_resolve(const char *text, struct sg_buf *out, struct sg_error *err)
{
	size_t n = strcspn(text, "{");
	char name[SG_NAME_MAX + 1];
	struct search s = {.text = name};
	int r = 0;

	if (n > SG_NAME_MAX)
		return sg_fail(err, -EINVAL, "a name has at most %d characters", SG_NAME_MAX);
	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	if (n || !text[0])
		r = find(&s, out, err);
	/* A selector may name what only the daemon knows. */
	if (r < 0 && text[n]) {
		sg_buf_str(out, name);
		r = 0;
	}
	if (r == 0)
		sg_buf_str(out, text + n);
	sg_buf_free(&s.list);
	return r;
}
