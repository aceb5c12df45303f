// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "status.h"

static void key_str(struct sg_buf *b, const char *key, const char *value)
{
	sg_buf_printf(b, "\"%s\":", key);
	sg_json_str(b, value);
	sg_buf_char(b, ',');
}

static void key_int(struct sg_buf *b, const char *key, int64_t v)
{
	sg_buf_printf(b, "\"%s\":%" PRId64 ",", key, v);
}

static void key_bool(struct sg_buf *b, const char *key, bool v)
{
	sg_buf_printf(b, "\"%s\":%s,", key, v ? "true" : "false");
}

/* Ends an object or array whose members all ended with a comma. */
static void end(struct sg_buf *b, const char *close)
{
	if (!b->err && b->len && b->data[b->len - 1] == ',')
		b->data[--b->len] = '\0';
	sg_buf_str(b, close);
}

static void add_process(struct sg_buf *b, const char *name, uint32_t pid, uint32_t restarts)
{
	sg_buf_printf(b, "\"%s\":{\"pid\":%u,\"restarts\":%u},", name, pid, restarts);
}

static void add_store(struct sg_buf *b, const struct sg_store_health *h)
{
	sg_buf_str(b, "\"store\":{");
	key_bool(b, "ok", h->ok);
	key_str(b, "message", h->message);
	key_int(b, "frames", (int64_t)h->frames);
	key_int(b, "lost_frames", (int64_t)h->lost_frames);
	key_int(b, "bytes", (int64_t)h->bytes);
	key_int(b, "blocks", (int64_t)h->blocks);
	key_int(b, "bad_blocks", (int64_t)h->bad_blocks);
	key_int(b, "series", (int64_t)h->series);
	key_int(b, "refused_series", (int64_t)h->refused_series);
	key_int(b, "oldest_ms", h->oldest_ms);
	key_int(b, "newest_ms", h->newest_ms);
	key_str(b, "quarantined", h->quarantined);
	sg_buf_str(b, "\"last_flush_seconds\":");
	sg_json_num(b, h->last_flush_seconds);
	sg_buf_str(b, "},");
}

static void add_probes(struct sg_buf *b, const struct sg_status *s)
{
	sg_buf_str(b, "\"probes\":[");
	for (size_t i = 0; i < s->n_domains; i++) {
		const struct sg_domain_state *d = &s->domains[i];

		sg_buf_char(b, '{');
		key_str(b, "name", d->domain);
		key_bool(b, "up", d->up);
		key_str(b, "variant", d->variant);
		key_str(b, "reason", d->reason);
		key_int(b, "step", d->step);
		key_str(b, "step_reason", d->step_reason);
		end(b, "},");
	}
	end(b, "],");
}

static void add_tick(struct sg_buf *b, const struct sg_status *s)
{
	sg_buf_str(b, "\"tick\":{");
	key_int(b, "t_ms", s->t_ms);
	key_int(b, "tick_ms", 1000);
	key_bool(b, "late", s->flags & (SG_FRAME_LATE | SG_FRAME_SKIPPED));
	sg_buf_str(b, "\"lag_seconds\":");
	sg_json_num(b, s->lag_seconds);
	sg_buf_str(b, "},");
}

void sg_status_json(struct sg_buf *b, const struct sg_status *s, int64_t now_ms)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	sg_buf_char(b, '{');
	key_str(b, "version", SG_VERSION);
	sg_buf_printf(b, "\"boot_id\":\"%016" PRIx64 "\",", s->boot_id);
	key_str(b, "host", host);
	key_bool(b, "ready", s->ready);
	key_int(b, "start_ms", s->info.start_ms);
	key_int(b, "now_ms", now_ms);
	sg_buf_str(b, "\"processes\":{");
	add_process(b, "supervisor", s->info.supervisor_pid, 0);
	add_process(b, "probe", s->info.probe_pid, s->info.probe_restarts);
	add_process(b, "server", s->info.server_pid, s->info.server_restarts);
	end(b, "},");
	key_str(b, "data_dir", s->cfg->data_dir);
	key_str(b, "listen", s->cfg->listen);
	key_str(b, "socket", s->cfg->socket);
	add_tick(b, s);
	add_store(b, &s->store);
	add_probes(b, s);
	if (s->ingest) {
		sg_buf_str(b, "\"ingest\":");
		sg_ingest_status(s->ingest, b);
	}
	end(b, "}");
}

static bool set_text(char *dst, size_t n, const char *src)
{
	size_t len = strnlen(src, n - 1);

	if (strlen(dst) == len && memcmp(dst, src, len) == 0)
		return false;
	memcpy(dst, src, len);
	dst[len] = '\0';
	return true;
}

static bool set_domain(struct sg_status *s, size_t i, const struct sg_sample *sample)
{
	struct sg_domain_state *d = &s->domains[i];
	bool up = sample->value > 0, changed = i >= s->n_domains || d->up != up;

	d->up = up;
	changed |=
		set_text(d->domain, sizeof(d->domain), sg_series_label(&sample->series, "domain"));
	changed |= set_text(d->variant, sizeof(d->variant),
			    sg_series_label(&sample->series, "variant"));
	changed |=
		set_text(d->reason, sizeof(d->reason), sg_series_label(&sample->series, "reason"));
	return changed;
}

/* Domains that are off by wish have none. */
static bool set_step(struct sg_status *s, const struct sg_sample *sample)
{
	const char *name = sg_series_label(&sample->series, "domain");
	unsigned int step =
		sample->value >= 0 && sample->value <= 3 ? (unsigned int)sample->value : 0;
	bool changed = false;

	for (size_t i = 0; i < s->n_domains; i++) {
		struct sg_domain_state *d = &s->domains[i];

		if (strcmp(d->domain, name) != 0)
			continue;
		changed = d->step != step;
		d->step = step;
		changed |= set_text(d->step_reason, sizeof(d->step_reason),
				    sg_series_label(&sample->series, "reason"));
	}
	return changed;
}

static bool is_gauge(const struct sg_sample *s, const char *name)
{
	return s->series.type == SG_GAUGE && strcmp(s->series.name, name) == 0;
}

bool sg_status_domains(struct sg_status *s, const struct sg_frame *f)
{
	bool changed = false;
	size_t n = 0;

	for (size_t i = 0; i < f->n && n < SG_STATUS_DOMAINS; i++)
		if (is_gauge(&f->samples[i], "sgprobe_domain_up"))
			changed |= set_domain(s, n++, &f->samples[i]);
	changed |= n != s->n_domains;
	s->n_domains = n;
	for (size_t i = 0; i < f->n; i++)
		if (is_gauge(&f->samples[i], "sgprobe_governor_step"))
			changed |= set_step(s, &f->samples[i]);
	return changed;
}
