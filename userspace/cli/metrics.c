// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"

struct search {
	const char *text;
	const char *exact;
	char name[SG_NAME_MAX + 1]; /* the shortest that holds the text */
	unsigned int hits;
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
		sg_buf_printf(&s->list, "%s%s", s->list.len ? ", " : "", m->name);
	}
	return 0;
}

static int list_all(const struct sg_metric_info *m, void *ctx)
{
	struct sg_buf *b = ctx;

	if (m->type == SG_HISTOGRAM && !m->of)
		sg_buf_printf(b, "%s%s", b->len ? ", " : "", m->name);
	return 0;
}

int sg_metric_resolve(const char *text, struct sg_buf *out, struct sg_error *err)
{
	struct search s = {.text = text};
	int r = 0;

	if (strchr(text, '{')) {
		sg_buf_str(out, text);
		return 0;
	}
	sg_metrics_each(look, &s);
	if (s.exact || s.hits == 1) {
		sg_buf_str(out, s.name);
	} else if (s.hits > 1) {
		r = sg_fail(err, -EINVAL, "'%.64s' is in several names: %s", text,
			    s.list.data ? s.list.data : "");
	} else {
		sg_buf_reset(&s.list);
		sg_metrics_each(list_all, &s.list);
		r = sg_fail(err, -ENOENT, "nothing is called '%.64s'; there are %s", text,
			    s.list.data ? s.list.data : "none");
	}
	sg_buf_free(&s.list);
	return r;
}
