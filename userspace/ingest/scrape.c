// SPDX-License-Identifier: GPL-2.0
#include "scrape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/time.h>

#include "fetch.h"
#include "push.h"

#define MISSED_ROUNDS 3 /* an ended series is remembered for so long: its counters go on */
#define STAGGER_NS 50000000ULL

struct scrape {
	struct sg_ingest *g;
	struct sg_target target;
	struct ingest_address address;
	struct ingest_source source;
	struct sg_label own[2];
	struct ingest_fetch *fetch; /* while it is on its way */
	uint64_t began_ns;
	/* of the last round; under the lock */
	bool asked, up;
	double seconds;
	uint64_t samples;
	char why[160];
};

struct ingest_scrapes {
	size_t n;
	struct scrape all[SG_TARGETS_MAX];
};

/* What Prometheus adds to every scrape. */
static void put_meta(struct scrape *s, const char *name, double v)
{
	struct ingest_draft d;
	const struct ingest_point p = {
		.series = &d, .op = INGEST_SET, .value = v, .rate_num = 1, .rate_den = 1};

	ingest_draft_reset(&d);
	ingest_draft_name(&d, name, strlen(name));
	for (size_t i = 0; i < ARRAY_SIZE(s->own); i++)
		ingest_draft_own_label(&d, s->own[i].name, s->own[i].value);
	ingest_table_put(s->g->table, &s->source, &p, name, strlen(name));
}

static void end_round(struct scrape *s, uint64_t samples, const char *why)
{
	ingest_enter(s->g);
	s->asked = true;
	s->up = !*why;
	s->samples = samples;
	s->seconds = (double)(sg_mono_ns() - s->began_ns) / 1e9;
	snprintf(s->why, sizeof(s->why), "%s", why);
	put_meta(s, "up", s->up);
	put_meta(s, "scrape_duration_seconds", s->seconds);
	put_meta(s, "scrape_samples_scraped", (double)samples);
	ingest_table_end_round(s->g->table, &s->source);
	ingest_leave(s->g);
}

static void on_done(void *ctx, const char *body, size_t n, bool openmetrics, const char *why)
{
	struct scrape *s = ctx;
	struct ingest_prom prom = {.own = {s->own, ARRAY_SIZE(s->own)}, .openmetrics = openmetrics};
	struct sg_ingest_result result = {0};

	s->fetch = NULL;
	ingest_feed_prom(s->g, &s->source, &prom, body, n, &result);
	end_round(s, result.taken + result.refused, why);
}

static void on_time(struct sg_source *src, uint64_t n, void *ctx)
{
	struct scrape *s = ctx;
	const struct sg_config *c = s->g->cfg;
	const struct ingest_fetch_options o = {
		.target = &s->target,
		.address = &s->address,
		.timeout_ns = SG_MIN(c->ingest_scrape_timeout_ns, c->ingest_scrape_interval_ns),
		.max_bytes = c->ingest_scrape_bytes,
		.done = on_done,
		.ctx = s,
	};
	char why[96];
	int r;

	if (s->fetch)
		return;
	s->began_ns = sg_mono_ns();
	ingest_enter(s->g);
	s->source.round++;
	ingest_leave(s->g);
	r = ingest_fetch_start(s->g->loop, &o, &s->fetch);
	if (r < 0) {
		snprintf(why, sizeof(why), "cannot connect: %s", strerror(-r));
		end_round(s, 0, why);
	}
}

/* Not all at once. */
static void on_first(struct sg_source *src, uint64_t n, void *ctx)
{
	struct scrape *s = ctx;

	if (sg_loop_every(s->g->loop, s->g->cfg->ingest_scrape_interval_ns, on_time, s, NULL) < 0)
		sg_warn("%s at %s is not fetched: no timer is left", s->target.job,
			s->target.instance);
	on_time(NULL, 1, s);
}

static int add(struct sg_ingest *g, const struct sg_target *t)
{
	struct scrape *s = &g->scrapes->all[g->scrapes->n];
	int64_t missed = (int64_t)(g->cfg->ingest_scrape_interval_ns / 1000000) * MISSED_ROUNDS;

	s->g = g;
	s->target = *t;
	s->own[0] = (struct sg_label){"instance", s->target.instance};
	s->own[1] = (struct sg_label){"job", s->target.job};
	s->source.expire_ms = SG_MAX(missed, (int64_t)(g->cfg->ingest_expire_ns / 1000000));
	snprintf(s->source.name, sizeof(s->source.name), "%s %s", t->job, t->instance);
	if (ingest_target_address(t, &s->address) < 0)
		return -EINVAL;
	return sg_loop_after(g->loop, STAGGER_NS * ++g->scrapes->n, on_first, s, NULL);
}

int ingest_scrapes_start(struct sg_ingest *g, struct sg_error *err)
{
	const char *list = g->cfg->ingest_scrape;
	struct sg_target t;
	int r;

	r = ingest_check_targets(g->cfg, err); /* a reload may have changed them */
	if (r < 0 || !*list)
		return r;
	g->scrapes = calloc(1, sizeof(*g->scrapes));
	if (!g->scrapes)
		return -ENOMEM;
	while ((r = sg_config_target(&list, &t, err)) > 0 && g->scrapes->n < SG_TARGETS_MAX) {
		r = add(g, &t);
		if (r < 0)
			return r;
	}
	return SG_MIN(r, 0);
}

void ingest_scrapes_free(struct sg_ingest *g)
{
	for (size_t i = 0; g->scrapes && i < g->scrapes->n; i++)
		ingest_fetch_free(g->scrapes->all[i].fetch);
	free(g->scrapes);
	g->scrapes = NULL;
}

void ingest_scrapes_each(struct sg_ingest *g, void (*cb)(void *ctx, struct ingest_source *s),
			 void *ctx)
{
	for (size_t i = 0; g->scrapes && i < g->scrapes->n; i++)
		cb(ctx, &g->scrapes->all[i].source);
}

static void put_target(struct sg_buf *b, const struct scrape *s)
{
	sg_buf_str(b, "{\"job\":");
	sg_json_str(b, s->target.job);
	sg_buf_str(b, ",\"instance\":");
	sg_json_str(b, s->target.instance);
	sg_buf_printf(b, ",\"asked\":%s,\"up\":%s,\"samples\":%" PRIu64 ",\"seconds\":",
		      s->asked ? "true" : "false", s->up ? "true" : "false", s->samples);
	sg_json_num(b, s->seconds);
	sg_buf_str(b, ",\"why\":");
	sg_json_str(b, s->why);
	sg_buf_char(b, '}');
}

void ingest_scrapes_json(struct sg_ingest *g, struct sg_buf *b)
{
	sg_buf_char(b, '[');
	for (size_t i = 0; g->scrapes && i < g->scrapes->n; i++) {
		sg_buf_str(b, i ? "," : "");
		put_target(b, &g->scrapes->all[i]);
	}
	sg_buf_char(b, ']');
}
