// SPDX-License-Identifier: GPL-2.0
// Why an alert is told to whom, and what comes next.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "router.h"

static void put_time(struct sg_buf *b, int64_t ms)
{
	time_t s = ms / 1000;
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	sg_buf_str(b, text);
}

static void put_in(struct sg_buf *b, int64_t ms, int64_t now)
{
	char text[64];

	put_time(b, ms);
	if (ms > now)
		sg_buf_printf(
			b, " (in %s)",
			sg_fmt_prom_duration((ms - now + 999) / 1000 * 1000, text, sizeof(text)));
}

static struct rt_alert *find(const struct sg_router *r, const char *fingerprint)
{
	struct rt_alert *a;
	char text[17];

	for (size_t it = 0; (a = sg_map_next(r->alerts, &it));) {
		snprintf(text, sizeof(text), "%016llx", (unsigned long long)a->fingerprint);
		if (!strcmp(text, fingerprint))
			return a;
	}
	return NULL;
}

static void put_suppression(struct sg_router *r, const struct rt_alert *a, int64_t now,
			    struct sg_buf *b)
{
	const struct rt_silence *s = rt_silenced_by(r, a->labels, now);
	const struct rt_alert *by = rt_inhibited_by(r, a);

	if (s) {
		sg_buf_printf(b, "silenced by %s %s until ", s->s.id, s->s.matchers);
		put_in(b, s->s.ends_ms, now);
		sg_buf_printf(b, ", %s: %s\n", s->s.created_by, s->s.comment);
	} else {
		sg_buf_printf(b, "not silenced: %zu silences were checked\n", r->n_silences);
	}
	if (by) {
		sg_buf_str(b, "inhibited by ");
		sg_series_format(b, by->labels);
		sg_buf_char(b, '\n');
	} else {
		sg_buf_printf(b, "not inhibited: %zu rules were checked\n", r->c->n_inhibit);
	}
}

static void put_logs(const struct rt_group *g, const struct rt_alert *a, struct sg_buf *b)
{
	for (size_t i = 0; i < g->n_logs; i++) {
		sg_buf_printf(b, "  %s was told last ", g->logs[i].receiver);
		put_time(b, g->logs[i].sent_ms);
		sg_buf_str(b, rt_knows(&g->logs[i], a) ? ", with this alert\n"
						       : ", without this alert\n");
	}
	if (!g->n_logs)
		sg_buf_str(b, "  nobody was told yet\n");
}

static void put_escalation(const struct rt_group *g, int64_t now, struct sg_buf *b)
{
	const struct sg_escalation *e = g->policy ? &g->policy->e : NULL;

	if (g->acked_ms) {
		sg_buf_printf(b, "  acknowledged by %s at ", g->acked_by ? g->acked_by : "?");
		put_time(b, g->acked_ms);
		sg_buf_printf(b, "%s%s\n", g->note && *g->note ? ": " : "", g->note ? g->note : "");
	}
	if (!e)
		return;
	sg_buf_printf(b, "  escalation policy %s: level %u of %zu, loop %u of %u\n", e->name,
		      g->level, e->n_levels, g->loops, e->loops);
	if (g->level_due_ms) {
		sg_buf_str(b, "  next level at ");
		put_in(b, g->level_due_ms, now);
		sg_buf_char(b, '\n');
	}
}

static void put_group(const struct rt_group *g, const struct rt_member *m, int64_t now,
		      struct sg_buf *b)
{
	const char *muted = rt_muted_by(g->route, now);

	sg_buf_printf(b, "route %s (line %u): receiver %s\n", g->route->key, g->route->line,
		      g->policy ? "by escalation policy" : g->route->receiver);
	sg_buf_printf(b, "  group %s, %zu alerts, incident %llu\n", g->key, g->n,
		      (unsigned long long)g->incident);
	if (muted)
		sg_buf_printf(b, "  muted: %s%s\n",
			      *muted ? "time interval " : "no active time interval holds", muted);
	if (m->closed_until_ms == INT64_MAX)
		sg_buf_str(b, "  resolved by hand, until it was false once\n");
	else if (m->closed_until_ms) {
		sg_buf_str(b, "  resolved by hand; opens again at ");
		put_in(b, m->closed_until_ms, now);
		sg_buf_char(b, '\n');
	}
	put_logs(g, m->a, b);
	put_escalation(g, now, b);
	sg_buf_str(b, "  looked at next at ");
	put_in(b, g->next_flush_ms, now);
	sg_buf_char(b, '\n');
}

int sg_router_explain(struct sg_router *r, const char *fingerprint, int64_t now, struct sg_buf *out)
{
	const struct rt_alert *a = find(r, fingerprint);
	sg_auto_buf b = {0};
	const struct rt_group *g;

	if (!a)
		return -ENOENT;
	sg_series_format(&b, a->labels);
	sg_buf_printf(&b, "\n%s since ", a->firing ? "firing" : "resolved");
	put_time(&b, a->firing ? a->starts_ms : a->ends_ms);
	sg_buf_str(&b, a->flapping ? ", flapping\n" : "\n");
	put_suppression(r, a, now, &b);
	for (size_t it = 0; (g = sg_map_next(r->groups, &it));)
		for (size_t i = 0; i < g->n; i++)
			if (g->members[i].a == a)
				put_group(g, &g->members[i], now, &b);
	sg_buf_add(out, b.data, b.len);
	return b.err ? b.err : out->err;
}
