// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "self_frame.h"

#define TICK_NS 1000000000ULL

static const struct row {
	const char *name;
	enum sg_type type;
	const char *label;
} rows[SG_SELF_N] = {
#define SG_SELF_METRIC(id, name, title, help, unit, type, label)                                   \
	[SG_SELF_##id] = {name, type, label},
#include "model/self_metrics.def"
#undef SG_SELF_METRIC
};

int sg_self_frame_init(struct sg_self_frame *s)
{
	*s = (struct sg_self_frame){.statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
	sg_tick_init(&s->tick, TICK_NS);
	s->frame = sg_frame_new();
	s->events = sg_frame_new();
	if (!s->frame || !s->events)
		return -ENOMEM;
	return getrandom(&s->session, sizeof(s->session), 0) == sizeof(s->session) ? 0 : -errno;
}

void sg_self_frame_free(struct sg_self_frame *s)
{
	sg_frame_free(s->frame);
	sg_frame_free(s->events);
	if (s->statm_fd >= 0)
		close(s->statm_fd);
	s->frame = s->events = NULL;
	s->statm_fd = -1;
}

static double cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(const struct sg_self_frame *s)
{
	char text[128];
	ssize_t n = s->statm_fd >= 0 ? pread(s->statm_fd, text, sizeof(text) - 1, 0) : -1;
	unsigned long size, resident;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%lu %lu", &size, &resident) == 2
		       ? (double)resident * sysconf(_SC_PAGESIZE)
		       : 0;
}

static void add(struct sg_self_frame *s, enum sg_self_id id, double v, const char *label_value)
{
	const struct row *row = &rows[id];
	struct sg_label label = {row->label, label_value};
	struct sg_series series;
	double was = s->last[id];

	if (row->type == SG_COUNTER) {
		s->last[id] = v;
		v = v >= was ? v - was : v;
	}
	if (sg_series_init(&series, row->type, row->name, &label, row->label ? 1 : 0) == 0) {
		struct sg_series *copy = sg_series_copy(s->frame->arena, &series);

		if (copy)
			sg_frame_add_value(s->frame, copy, v);
	}
}

/* What root keeps for itself counts as used. */
static void fill_disk(struct sg_self_frame *s, const char *dir)
{
	struct statvfs v;

	if (!dir || statvfs(dir, &v) < 0)
		return;
	add(s, SG_SELF_STORE_DISK_SIZE, (double)v.f_blocks * (double)v.f_frsize, NULL);
	add(s, SG_SELF_STORE_DISK_FREE, (double)v.f_bavail * (double)v.f_frsize, NULL);
}

static void fill(struct sg_self_frame *s, const struct sg_self_input *in)
{
	add(s, SG_SELF_CPU, cpu_seconds(), NULL);
	add(s, SG_SELF_RSS, resident_bytes(s), NULL);
	add(s, SG_SELF_RESTARTS, in->info.probe_restarts, "probe");
	add(s, SG_SELF_RESTARTS, in->info.server_restarts, "server");
	add(s, SG_SELF_STORE_OK, in->store.ok, NULL);
	add(s, SG_SELF_STORE_BYTES, in->store.bytes, NULL);
	fill_disk(s, in->data_dir);
	add(s, SG_SELF_STORE_FLUSH, in->store.last_flush_seconds, NULL);
	add(s, SG_SELF_STORE_HEAD, in->head_frames, NULL);
	add(s, SG_SELF_STORE_FRAMES, in->store.frames, NULL);
	add(s, SG_SELF_STORE_LOST, in->store.lost_frames, NULL);
	add(s, SG_SELF_STORE_LOST_PROFILES, in->store.lost_profiles, NULL);
	add(s, SG_SELF_STORE_BAD, in->store.bad_blocks, NULL);
	add(s, SG_SELF_STORE_SERIES, in->store.series, NULL);
	add(s, SG_SELF_STORE_REFUSED, in->store.refused_series, NULL);
	add(s, SG_SELF_HTTP_REQUESTS, in->http.requests, NULL);
	add(s, SG_SELF_HTTP_REFUSED, in->http.refused, NULL);
	add(s, SG_SELF_WS_CLIENTS, in->http.ws_clients, NULL);
	add(s, SG_SELF_WS_BYTES, in->http.ws_sent_bytes, NULL);
	add(s, SG_SELF_WS_GAPS, in->http.ws_gaps, NULL);
	add(s, SG_SELF_HTTP_DROPPED, in->http.queue_dropped, NULL);
}

void sg_self_frame_event(struct sg_self_frame *s, const struct sg_event *e)
{
	sg_frame_add_event(s->events, e);
}

/* Of the kinds that only the server tells. */
static void add_events(struct sg_self_frame *s)
{
	for (size_t kind = SG_EVENT_REBOOT; kind < SG_EVENT_KINDS; kind++) {
		struct sg_label label = {"kind", sg_event_kinds[kind].name};
		struct sg_series series, *copy = NULL;
		double n = 0;

		for (size_t i = 0; i < s->events->n_events; i++)
			n += strcmp(s->events->events[i].kind, label.value) == 0;
		if (sg_series_init(&series, SG_COUNTER, "sgprobe_events_total", &label, 1) == 0)
			copy = sg_series_copy(s->frame->arena, &series);
		if (copy)
			sg_frame_add_value(s->frame, copy, n);
	}
	for (size_t i = 0; i < s->events->n_events; i++)
		sg_frame_add_event(s->frame, &s->events->events[i]);
	sg_frame_reset(s->events);
}

int sg_self_frame_tick(struct sg_self_frame *s, const struct sg_self_input *in, struct sg_buf *b)
{
	struct sg_tick_out out;
	struct sg_clocks now;
	int r;

	sg_clocks_read(&now);
	if (sg_tick_at(&s->tick, &now, &out) <= 0)
		return 0;
	sg_frame_reset(s->frame);
	s->frame->session = s->session;
	s->frame->seq = ++s->seq;
	s->frame->t_ms = out.t_ms;
	s->frame->span_ns = out.span_ns;
	s->frame->flags = out.flags;
	s->frame->source = 1;
	fill(s, in);
	add_events(s);
	r = sg_frame_encode(s->frame, b);
	return r < 0 ? r : 1;
}
