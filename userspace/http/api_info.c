// SPDX-License-Identifier: GPL-2.0
/* What Grafana asks beside data: what the metrics are, and what is here of a Prometheus server. */
#include <errno.h>
#include <string.h>

#include <sgprobe/export.h>
#include <sgprobe/time.h>

#include "prom.h"

#define FRESH_MS 5000

/* Grafana asks it to tell what kind of Prometheus this is; without "features" it takes it for a plain one. */
int http_get_buildinfo(struct http_call *c)
{
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":{\"version\":\"2.42.0\","
				  "\"application\":\"sgprobe " SG_VERSION "\"}}\n");
	return 0;
}

/* No rules are evaluated: there is nothing to be listed. */
int http_get_rules(struct http_call *c)
{
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":{\"groups\":[]}}\n");
	return 0;
}

int http_get_alerts(struct http_call *c)
{
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"data\":{\"alerts\":[]}}\n");
	return 0;
}

struct metadata {
	struct sg_buf *b;
	const char *only; /* NULL: all */
	size_t limit, n;
};

static void put_entry(struct metadata *m, const char *name, enum sg_type type, const char *help,
		      const char *unit)
{
	struct sg_buf *b = m->b;

	if ((m->only && strcmp(m->only, name) != 0) || (m->limit && m->n == m->limit))
		return;
	sg_buf_str(b, m->n++ ? ",\n" : "");
	sg_json_str(b, name);
	sg_buf_printf(b, ":[{\"type\":\"%s\",\"help\":", sg_type_name(type));
	sg_json_str(b, help ? help : "");
	sg_buf_str(b, ",\"unit\":");
	sg_json_str(b, unit ? unit : "");
	sg_buf_str(b, "}]");
}

static int put_known(const struct sg_metric_info *i, void *ctx)
{
	put_entry(ctx, i->name, i->type, i->help, i->unit);
	return 0;
}

/* What there is now and no table lists: sent by programs, say. */
static int put_others(struct http_call *c, struct metadata *m)
{
	static const struct sg_matcher any = {SG_MATCH_NE, "__name__", "", NULL};
	const struct sg_selector all = {1, (struct sg_matcher *)&any};
	struct sg_read_limits lim = {.deadline_ns = c->deadline_ns};
	sg_auto(sg_catalogue) known = sg_catalogue_new();
	struct sg_points_set set = {0};
	int64_t now = sg_real_ms();
	const char *last = "";
	int r = known ? 0 : -ENOMEM;

	if (!r)
		r = c->reader->select_deltas(c->reader, &all, 1, now - FRESH_MS, now, &lim,
					     c->arena, &set, &c->err);
	for (size_t i = 0; i < set.n && !r; i++) {
		const struct sg_series *s = &set.series[i].series;

		if (strcmp(last, s->name) != 0 && !sg_catalogue_find(known, s->name))
			put_entry(m, s->name, s->type, "", sg_metric_unit(s->name));
		last = s->name;
	}
	return r;
}

int http_get_metadata(struct http_call *c)
{
	struct metadata m = {.b = &c->resp.body, .only = http_param(&c->params, "metric")};
	int r = http_param_limit(c, &m.limit);

	if (r < 0)
		return r;
	if (m.only && !*m.only)
		m.only = NULL;
	sg_buf_str(m.b, "{\"status\":\"success\",\"data\":{");
	sg_metrics_each(put_known, &m);
	r = put_others(c, &m);
	sg_buf_str(m.b, "}}\n");
	return r;
}
