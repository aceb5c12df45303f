// SPDX-License-Identifier: GPL-2.0
/* A store folder with the dashboard and without a probe. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <sgprobe/daemon.h>
#include <sgprobe/http.h>
#include <sgprobe/loop.h>
#include <sgprobe/time.h>

#include "confine.h"
#include "lazy_reader.h"
#include "status.h"

static void on_signal(struct sg_source *src, const struct signalfd_siginfo *si, void *ctx)
{
	sg_loop_stop(ctx, 0);
}

static int open_reader(void *ctx, struct sg_reader **ret, struct sg_error *err)
{
	return sg_lazy_reader(ctx, ret);
}

/* What there is to say without a daemon: the range of the store. */
static void publish(struct sg_http *http, struct sg_door *door, struct sg_status *st)
{
	sg_auto(sg_reader) r = NULL;
	sg_auto_buf json = {0};

	st->ready = st->store.ok = true;
	if (sg_store_reader(door->data_dir, NULL, &r, NULL) == 0)
		r->range(r, &st->store.oldest_ms, &st->store.newest_ms);
	st->t_ms = st->store.newest_ms;
	sg_status_json(&json, st, sg_real_ms());
	if (!json.err)
		sg_http_status(http, json.data);
	sg_http_ready(http, true);
}

static int run(const struct sg_config *cfg, struct sg_loop *loop, struct sg_http *http)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	r = sg_loop_signals(loop, &set, on_signal, loop, NULL);
	if (r < 0)
		return r;
	printf("sgprobe %s: http://%s/  (Ctrl-C ends it)\n", SG_VERSION, cfg->listen);
	fflush(stdout);
	return sg_loop_run(loop);
}

int sg_daemon_serve(const struct sg_config *cfg)
{
	struct sg_http_options o = {.cfg = cfg, .unix_fd = -1, .open_reader = open_reader};
	struct sg_status st = {.cfg = cfg,
			       .info = {.server_pid = getpid(), .start_ms = sg_real_ms()}};
	sg_auto(sg_loop) loop = NULL;
	struct sg_http *http = NULL;
	struct sg_error err = {0};
	struct sg_door door;
	int r;

	sg_door_init(&door, cfg->data_dir);
	sg_door_open(&door, NULL);
	o.ctx = &door;
	o.listen_fd = r = sg_http_listen_tcp(cfg->listen, cfg->insecure_listen, &err);
	if (r >= 0)
		r = sg_confine_user(0, 0, &err);
	if (r >= 0)
		r = sg_loop_new(&loop);
	if (r >= 0 && getrandom(&o.boot_id, sizeof(o.boot_id), 0) < 0)
		r = -errno;
	st.boot_id = o.boot_id;
	if (r >= 0)
		r = sg_http_start(&o, &http, &err);
	if (r >= 0) {
		publish(http, &door, &st);
		r = run(cfg, loop, http);
	}
	sg_http_stop(http);
	if (r < 0)
		sg_log(SG_LOG_ERROR, "cannot serve: %s", err.msg[0] ? err.msg : strerror(-r));
	return r < 0 ? 1 : 0;
}
