// SPDX-License-Identifier: GPL-2.0
/* The server process: frames into the store and to the browsers; no privileges. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include <sgprobe/file.h>
#include <sgprobe/http.h>
#include <sgprobe/ingest.h>
#include <sgprobe/link.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "annotations.h"
#include "child.h"
#include "confine.h"
#include "gapwatch.h"
#include "lazy_reader.h"
#include "self_frame.h"
#include "status.h"

#define BOOT_KEY "host_boot_id"
#define SECOND_NS 1000000000ULL
#define LOOK_DOMAINS_EVERY 30 /* frames; and at the first of a session */
#define LAST_FRAMES_MS 500 /* for the probe to send its last ones, when stopping */
#define LAST_SESSION_MS 120000 /* how far back the last probe's frames are looked for */

struct server {
	struct sg_child child;
	const struct sg_child_env *env;
	struct sg_store *store;
	struct sg_state *state;
	struct sg_door door;
	struct sg_http *http;
	struct sg_ingest *ingest; /* NULL: it is off */
	struct sg_link_rx *rx;
	int waiting_fd; /* the probe's socket while there is no store; -1 */
	struct sg_gapwatch gaps;
	uint64_t acked; /* of the current probe session, on the current socket */
	struct sg_self_frame self;
	struct sg_annotations notes; /* for the next own frame */
	struct sg_buf bytes, json;
	struct sg_status status;
	char host_boot[64]; /* what the kernel calls this run of the machine; "": not known */
	char said[256]; /* the store's message that was logged last */
	unsigned int seconds;
	int64_t stop_by_ms; /* stopping: until then frames are waited for */
};

/* ---- acknowledgements ------------------------------------------------------------- */

static void acknowledge(struct server *s)
{
	uint64_t done = s->gaps.session ? sg_store_committed(s->store, s->gaps.session) : 0;

	if (done > s->acked && sg_link_rx_ack(s->rx, s->gaps.session, done) == 0)
		s->acked = done;
}

/* Says once what is wrong with the store, and once that it is well again. */
static void watch_health(struct server *s)
{
	struct sg_store_health *h = &s->status.store;

	sg_store_health(s->store, h);
	if (strcmp(h->message, s->said) == 0)
		return;
	if (h->message[0])
		sg_warn("%s", h->message);
	else
		sg_info("the store can be written again");
	memcpy(s->said, h->message, sizeof(s->said));
}

static int commit(struct server *s, bool force)
{
	int r = sg_store_flush(s->store, force); /* why it failed is in the health */

	acknowledge(s);
	return r;
}

/* ---- frames ----------------------------------------------------------------------- */

static void publish(struct server *s)
{
	sg_buf_reset(&s->json);
	sg_status_json(&s->json, &s->status, sg_real_ms());
	if (!s->json.err)
		sg_http_status(s->http, s->json.data);
	sg_http_ready(s->http, s->status.ready);
}

static void look_at_domains(struct server *s, const void *p, size_t n)
{
	sg_auto(sg_frame) f = NULL;

	if (sg_frame_decode(p, n, &f) < 0 || !sg_status_domains(&s->status, f))
		return;
	for (size_t i = 0; i < s->status.n_domains; i++) {
		const struct sg_domain_state *d = &s->status.domains[i];

		if (!d->up)
			sg_warn("probe %s is off: %s", d->domain, d->reason);
	}
}

static void first_frame(struct server *s)
{
	if (s->status.t_ms == 0)
		sg_child_ready(&s->child);
	if (!s->status.ready && commit(s, true) == 0) {
		s->status.ready = true;
		if (s->http)
			sg_http_ready(s->http, true);
	}
}

static void tell_gap(struct server *s, const struct sg_gap *gap)
{
	struct sg_event e;

	sg_event_init(&e, SG_EVENT_GAP, gap->to_ms);
	sg_event_number(&e, "seconds", (double)(gap->to_ms - gap->from_ms) / 1000);
	sg_event_text(&e, "reason", gap->reason);
	sg_self_frame_event(&s->self, &e);
}

static void tell_restarts(struct server *s, const char *process, uint32_t before, uint32_t now)
{
	struct sg_event e;

	if (now <= before)
		return;
	sg_event_init(&e, SG_EVENT_RESTART, sg_real_ms());
	sg_event_text(&e, "process", process);
	sg_event_number(&e, "restarts", now);
	sg_self_frame_event(&s->self, &e);
}

/* The first that this process hears of tells why it runs; what the other did is old then. */
static void see_restarts(struct server *s, const struct sg_ctl_info *now)
{
	const struct sg_ctl_info *before = &s->status.info;

	tell_restarts(s, "server", before->server_restarts, now->server_restarts);
	if (before->start_ms)
		tell_restarts(s, "probe", before->probe_restarts, now->probe_restarts);
}

/* Whether the machine was started again since this store was open last. */
static void look_for_reboot(struct server *s, int64_t newest_ms)
{
	sg_auto_buf before = {0};
	struct sg_event e;
	int r = sg_state_get(s->state, BOOT_KEY, &before);

	if (!s->host_boot[0] || (r == 0 && before.data && strcmp(before.data, s->host_boot) == 0))
		return;
	sg_state_put(s->state, BOOT_KEY, s->host_boot);
	if (r < 0)
		return; /* a new store */
	sg_event_init(&e, SG_EVENT_REBOOT, sg_real_ms());
	sg_event_number(&e, "uptime_seconds", (double)(sg_boot_ns() / 1000000000));
	if (newest_ms)
		sg_event_number(&e, "down_seconds", (double)((sg_real_ms() - newest_ms) / 1000));
	sg_self_frame_event(&s->self, &e);
}

static void see_frame(struct server *s, const struct sg_frame *f, const void *p, size_t n)
{
	struct sg_gap gap = {0};

	if (sg_gapwatch_see(&s->gaps, f, &gap) &&
	    sg_store_gap(s->store, gap.from_ms, gap.to_ms, gap.reason) < 0)
		sg_warn("cannot note that %s", gap.reason);
	else if (gap.to_ms)
		tell_gap(s, &gap);
	if (f->seq % LOOK_DOMAINS_EVERY == 1 || !s->status.n_domains)
		look_at_domains(s, p, n);
	first_frame(s);
	s->status.t_ms = f->t_ms;
	s->status.flags = f->flags;
	s->status.lag_seconds = (double)(sg_real_ms() - f->t_ms) / 1000;
}

static int on_frame(const void *p, size_t n, void *ctx)
{
	struct server *s = ctx;
	struct sg_frame head;
	int r = sg_frame_decode_header(p, n, &head);

	if (r < 0)
		return r;
	if (head.session != s->gaps.session)
		s->acked = 0;
	r = sg_store_append(s->store, p, n);
	if (r < 0)
		return sg_log_err(r, "a frame of the probe process cannot be stored");
	if (r == 0) { /* sent again, and known */
		acknowledge(s);
		return 0;
	}
	see_frame(s, &head, p, n);
	if (s->http) {
		sg_http_push(s->http, p, n);
		publish(s);
	}
	return 0;
}

static int on_profile(const void *p, size_t n, void *ctx)
{
	struct server *s = ctx;
	int r = sg_store_profile(s->store, p, n);

	if (r == -EBADMSG)
		return sg_log_err(r, "a record of stacks of the probe process cannot be stored");
	return 0; /* what could not be written is counted, and the health says why */
}

static void add_frame(struct server *s)
{
	int r = sg_store_append(s->store, s->bytes.data, s->bytes.len);

	if (r > 0 && s->http)
		sg_http_push(s->http, s->bytes.data, s->bytes.len);
}

static void add_ingested_frame(struct server *s)
{
	sg_buf_reset(&s->bytes);
	if (s->ingest && sg_ingest_tick(s->ingest, &s->bytes) > 0)
		add_frame(s);
}

static void add_own_frame(struct server *s)
{
	struct sg_self_input in = {.store = s->status.store,
				   .info = s->status.info,
				   .data_dir = s->env->cfg->data_dir};
	int r;

	if (s->http)
		sg_http_stats(s->http, &in.http);
	if (s->gaps.live && s->gaps.seq > s->acked)
		in.head_frames = s->gaps.seq - s->acked;
	sg_buf_reset(&s->bytes);
	sg_annotations_take(&s->notes, &s->self);
	r = sg_self_frame_tick(&s->self, &in, &s->bytes);
	if (r > 0)
		add_frame(s);
}

/* ---- the store and the port, both of which may be missing for a while ------------- */

static int remember_last(const void *p, size_t n, void *ctx)
{
	struct sg_gapwatch *w = ctx;
	struct sg_frame f;

	if (sg_frame_decode_header(p, n, &f) == 0 && f.source == 0)
		*w = (struct sg_gapwatch){.last_ms = f.t_ms, .session = f.session, .seq = f.seq};
	return 0;
}

static void open_store(struct server *s)
{
	const struct sg_config *c = s->env->cfg;
	struct sg_store_options o = {
		.data_dir = c->data_dir,
		.flush_ns = c->flush_ns,
		.retention_ns = c->retention_ns,
		.tier_retention_ns = {c->retention_10s_ns, c->retention_1m_ns, c->retention_1h_ns},
		.max_series = c->max_series,
		.max_bytes = c->max_bytes,
		.profile_bytes = c->profile_bytes,
		.exemplar_bytes = c->exemplar_bytes,
		.max_events = c->max_events,
		.min_free_bytes = c->min_free_bytes};
	struct sg_error err = {0};
	struct sg_store_health *h = &s->status.store;
	int r = sg_store_open(&o, &s->store, &err);

	if (r < 0) {
		err.msg[sizeof(h->message) - 1] = '\0';
		if (strcmp(s->said, err.msg) != 0)
			sg_log(SG_LOG_ERROR, "%s", err.msg);
		*h = (struct sg_store_health){0};
		memcpy(h->message, err.msg, sizeof(h->message));
		memcpy(s->said, err.msg, sizeof(s->said));
		sg_door_shut(&s->door, h->message);
		return;
	}
	s->said[0] = '\0';
	watch_health(s);
	sg_store_frames(c->data_dir, h->newest_ms - LAST_SESSION_MS, h->newest_ms, remember_last,
			&s->gaps, NULL);
	if (!s->gaps.last_ms)
		s->gaps.last_ms = h->newest_ms;
	if (sg_state_open(c->data_dir, &s->state, &err) < 0)
		sg_warn("%s", err.msg);
	else
		look_for_reboot(s, h->newest_ms);
	sg_door_open(&s->door, sg_store_head(s->store));
	if (s->waiting_fd >= 0)
		sg_link_rx_attach(s->rx, sg_take_fd(s->waiting_fd));
}

static int open_reader(void *ctx, struct sg_reader **ret, struct sg_error *err)
{
	return sg_lazy_reader(ctx, ret);
}

static int on_named(void *ctx, const struct sg_named_command *c, int client, int answer)
{
	const struct server *s = ctx;

	return sg_ctl_send_command(s->child.ctl, c, client, answer);
}

static int on_annotate(void *ctx, const struct sg_event *e)
{
	struct server *s = ctx;

	return sg_annotations_put(&s->notes, e);
}

static void open_http(struct server *s)
{
	struct sg_http_options o = {.cfg = s->env->cfg,
				    .listen_fd = s->env->listen_fd,
				    .unix_fd = s->env->unix_fd,
				    .boot_id = s->status.boot_id,
				    .open_reader = open_reader,
				    .named = on_named,
				    .annotate = on_annotate,
				    .named_ctx = s,
				    .ingest = s->ingest,
				    .ctx = &s->door};
	struct sg_error err = {0};

	if (sg_http_start(&o, &s->http, &err) < 0)
		sg_log(SG_LOG_ERROR, "no dashboard for now: %s", err.msg);
}

/* ---- the loop --------------------------------------------------------------------- */

static void on_tick(struct sg_source *src, uint64_t n, void *ctx)
{
	struct server *s = ctx;
	bool retry = s->seconds++ % 5 == 0;

	if (!s->http && retry)
		open_http(s);
	if (!s->store) {
		if (retry)
			open_store(s); /* the probe's frames that waited come first */
	} else {
		add_ingested_frame(s);
		add_own_frame(s); /* last: the live feed takes it as the end of the second */
		if (commit(s, false) == 0 && s->status.t_ms && !s->status.ready)
			first_frame(s);
		sg_store_maintain(s->store);
		watch_health(s);
	}
	if (s->http)
		publish(s);
}

static void on_msg(const struct sg_ctl_msg *m, int fd, void *ctx)
{
	struct server *s = ctx;

	if (m->type == SG_CTL_INFO) {
		see_restarts(s, &m->info);
		s->status.info = m->info;
		if (s->http)
			publish(s);
	}
	if (m->type != SG_CTL_PEER) {
		if (fd >= 0)
			close(fd);
		return;
	}
	s->acked = 0; /* tell the new socket again what is committed */
	if (!s->store) {
		if (s->waiting_fd >= 0)
			close(s->waiting_fd);
		s->waiting_fd = fd;
	} else if (sg_link_rx_attach(s->rx, fd) < 0) {
		sg_warn("cannot reach the probe process");
	}
}

/* Stopping: every frame is committed as it comes, until the probe has closed its end. */
static void on_last_frames(struct sg_source *src, uint64_t n, void *ctx)
{
	struct server *s = ctx;

	if (s->store)
		commit(s, true);
	if (!s->store || !sg_link_rx_connected(s->rx) || sg_real_ms() >= s->stop_by_ms)
		sg_loop_stop(s->child.loop, 0);
}

static void on_stop(void *ctx)
{
	struct server *s = ctx;

	s->stop_by_ms = sg_real_ms() + LAST_FRAMES_MS;
	if (sg_loop_every(s->child.loop, 10000000, on_last_frames, s, NULL) < 0)
		sg_loop_stop(s->child.loop, 0);
	on_last_frames(NULL, 1, s);
}

static int confine(const struct sg_child_env *env, struct sg_error *err)
{
	struct sg_confine_net net = {.connects = sg_ingest_connects(env->cfg)};
	int r = sg_confine_user(env->uid, env->gid, err);

	net.n_ports = sg_ingest_ports(env->cfg, net.ports);

	if (r < 0)
		return r;
	/* A change of user forgets this. TERM, not KILL: what is in memory is still written. */
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	r = sg_confine_files(env->cfg->data_dir, &net);
	if (r <= 0)
		sg_info("the server process runs without Landlock%s%s", r < 0 ? ": " : "",
			r < 0 ? strerror(-r) : "");
	r = sg_confine_server_calls(&net);
	if (r < 0)
		sg_warn("the server process runs without seccomp: %s", strerror(-r));
	return 0;
}

static void read_host_boot(struct server *s)
{
	sg_auto_buf b = {0};

	if (sg_read_file("/proc/sys/kernel/random/boot_id", 64, &b) == 0 && b.len)
		snprintf(s->host_boot, sizeof(s->host_boot), "%.*s", (int)strcspn(b.data, "\n"),
			 b.data);
}

static void start_ingest(struct server *s)
{
	struct sg_error err = {0};

	if (sg_ingest_wanted(s->env->cfg) &&
	    sg_ingest_start(s->env->cfg, &s->env->ingest, &s->ingest, &err) < 0)
		sg_log(SG_LOG_ERROR, "%s", err.msg);
	s->status.ingest = s->ingest;
}

static int start(struct server *s, struct sg_error *err)
{
	const struct sg_child_env *env = s->env;
	int r = sg_self_frame_init(&s->self);

	read_host_boot(s);
	if (r == 0)
		r = confine(env, err);
	if (r == 0 && getrandom(&s->status.boot_id, sizeof(s->status.boot_id), 0) < 0)
		r = -errno;
	if (r == 0)
		r = sg_link_rx_new(s->child.loop, on_frame, s, &s->rx);
	if (r == 0)
		sg_link_rx_on_profile(s->rx, on_profile);
	if (r == 0)
		r = sg_loop_aligned(s->child.loop, SECOND_NS, on_tick, s, NULL);
	if (r < 0)
		return r;
	open_store(s);
	start_ingest(s);
	open_http(s);
	if (s->http)
		publish(s);
	s->seconds = 1;
	return 0;
}

static void server_free(struct server *s)
{
	sg_http_stop(s->http); /* before the store: its thread reads the head */
	sg_ingest_stop(s->ingest);
	sg_link_rx_free(s->rx);
	sg_state_close(s->state);
	sg_store_close(s->store);
	sg_self_frame_free(&s->self);
	sg_buf_free(&s->bytes);
	sg_buf_free(&s->json);
	sg_loop_free(s->child.loop);
}

int sg_server_main(const struct sg_child_env *env)
{
	struct server s = {.env = env,
			   .waiting_fd = -1,
			   .status = {.cfg = env->cfg},
			   .child = {.on_msg = on_msg, .on_stop = on_stop}};
	struct sg_error err = {0};
	int r;

	sg_door_init(&s.door, env->cfg->data_dir);
	sg_annotations_init(&s.notes);
	r = sg_child_init(&s.child, env->ctl);
	s.child.ctx = &s;
	if (r == 0)
		r = start(&s, &err);
	if (r < 0)
		sg_log(SG_LOG_ERROR, "the server process cannot work: %s",
		       err.msg[0] ? err.msg : strerror(-r));
	else
		r = sg_loop_run(s.child.loop);
	server_free(&s);
	return r < 0 ? 1 : r;
}
