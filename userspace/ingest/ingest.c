// SPDX-License-Identifier: GPL-2.0
#include "ingest.h"
#include "scrape.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <sgprobe/frame.h>
#include <sgprobe/time.h>

#define MS 1000000ULL

void ingest_enter(struct sg_ingest *g)
{
	/* One after the other: who waits for a busy thread's lock gets it before that thread does again. */
	pthread_mutex_lock(&g->turn);
	pthread_mutex_lock(&g->lock);
	pthread_mutex_unlock(&g->turn);
	ingest_table_clock(g->table, sg_real_ms(), (int64_t)(sg_mono_ns() / MS));
}

void ingest_leave(struct sg_ingest *g)
{
	pthread_mutex_unlock(&g->lock);
}

void ingest_each_source(struct sg_ingest *g, void (*cb)(void *ctx, struct ingest_source *s),
			void *ctx)
{
	if (g->receivers[0].fd >= 0 || g->receivers[1].fd >= 0)
		cb(ctx, &g->statsd);
	if (g->cfg->ingest_push) {
		cb(ctx, &g->prometheus);
		cb(ctx, &g->influx);
	}
	ingest_scrapes_each(g, cb, ctx);
}

/* ---- a frame ------------------------------------------------------------------------ */

static int encode(struct sg_ingest *g, const struct sg_tick_out *out, struct sg_buf *b)
{
	int64_t delay = (int64_t)(g->cfg->ingest_delay_ns / MS) / INGEST_TICK_MS * INGEST_TICK_MS;
	int r;

	sg_frame_reset(g->frame);
	g->frame->session = g->session;
	g->frame->seq = ++g->seq;
	g->frame->t_ms = out->t_ms - delay;
	g->frame->span_ns = out->span_ns;
	g->frame->flags = out->flags;
	g->frame->source = SG_INGEST_SOURCE;
	r = ingest_table_frame(g->table, g->frame->t_ms, g->frame);
	ingest_self(g, g->frame);
	if (r >= 0)
		r = sg_frame_encode(g->frame, b);
	g->lost_frames += r < 0;
	return r < 0 ? sg_log_err(r, "what programs said in the last second is lost") : 1;
}

int sg_ingest_tick(struct sg_ingest *g, struct sg_buf *b)
{
	struct sg_tick_out out;
	struct sg_clocks now;
	int r = 0;

	sg_clocks_read(&now);
	ingest_enter(g);
	if (sg_tick_at(&g->tick, &now, &out) > 0)
		r = encode(g, &out, b);
	ingest_leave(g);
	return r;
}

/* ---- the thread ---------------------------------------------------------------------- */

static void on_wake(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	sg_loop_stop(ctx, 0);
}

static void *run(void *arg)
{
	struct sg_ingest *g = arg;

	sg_loop_run(g->loop);
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct sg_ingest *g)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&g->thread, NULL, run, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	pthread_setname_np(g->thread, "sg-ingest");
	g->started = true;
	return 0;
}

static void name_source(struct ingest_source *s, const char *name)
{
	strcpy(s->name, name);
}

static int make_state(struct sg_ingest *g)
{
	const struct sg_config *c = g->cfg;
	const struct ingest_limits l = {
		.max_series = c->ingest_max_series,
		.max_source_series = c->ingest_max_source_series,
		.max_names = c->ingest_max_names,
		.expire_ms = (int64_t)(c->ingest_expire_ns / MS),
		.max_age_ms = (int64_t)(c->ingest_max_age_ns / MS),
		.set_window_ms = (int64_t)(c->ingest_set_window_ns / MS),
	};

	name_source(&g->statsd, "statsd");
	name_source(&g->prometheus, "prometheus");
	name_source(&g->influx, "influx");
	sg_tick_init(&g->tick, INGEST_TICK_MS * MS);
	g->table = ingest_table_new(&l);
	g->frame = sg_frame_new();
	if (!g->table || !g->frame)
		return -ENOMEM;
	return getrandom(&g->session, sizeof(g->session), 0) == sizeof(g->session) ? 0 : -errno;
}

static int make_loop(struct sg_ingest *g, struct sg_error *err)
{
	int r = sg_loop_new(&g->loop);

	if (r < 0)
		return r;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->wake_fd < 0)
		return -errno;
	r = sg_loop_fd(g->loop, g->wake_fd, EPOLLIN, on_wake, g->loop, NULL);
	if (r == 0)
		r = ingest_receive_start(g);
	return r < 0 ? r : ingest_scrapes_start(g, err);
}

int sg_ingest_start(const struct sg_config *cfg, const struct sg_ingest_sockets *sockets,
		    struct sg_ingest **ret, struct sg_error *err)
{
	struct sg_ingest *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return sg_fail(err, -ENOMEM, "cannot take in what programs say: out of memory");
	g->cfg = cfg;
	g->wake_fd = -1;
	pthread_mutex_init(&g->lock, NULL);
	pthread_mutex_init(&g->turn, NULL);
	g->receivers[0] = (struct ingest_receiver){
		.g = g, .name = "udp", .fd = sockets->udp, .source = &g->statsd};
	g->receivers[1] = (struct ingest_receiver){
		.g = g, .name = "unix", .fd = sockets->unix_dgram, .source = &g->statsd};
	r = make_state(g);
	if (r == 0)
		r = make_loop(g, err);
	if (r == 0)
		r = start_thread(g);
	if (r < 0) {
		sg_ingest_stop(g);
		return err && err->msg[0] ? r
					  : sg_fail(err, r, "cannot take in what programs say: %s",
						    strerror(-r));
	}
	*ret = g;
	return 0;
}

void sg_ingest_stop(struct sg_ingest *g)
{
	if (!g)
		return;
	if (g->started) {
		eventfd_write(g->wake_fd, 1);
		pthread_join(g->thread, NULL);
	}
	ingest_scrapes_free(g);
	sg_loop_free(g->loop);
	if (g->wake_fd >= 0)
		close(g->wake_fd);
	ingest_table_free(g->table);
	sg_frame_free(g->frame);
	pthread_mutex_destroy(&g->lock);
	pthread_mutex_destroy(&g->turn);
	free(g->packet);
	free(g);
}
