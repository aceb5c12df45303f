// SPDX-License-Identifier: GPL-2.0
/* The probe process: once a second one frame from the kernel to the server. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <sgprobe/link.h>
#include <sgprobe/probe.h>
#include <sgprobe/tick.h>

#include "child.h"
#include "confine.h"

#define TICK_NS 1000000000ULL
#define KEEP_MS 1000 /* until the supervisor has read what it is to keep */
#define DRAIN_MS 600 /* for the last acknowledgements; within SG_STOP_MS */

struct probe_proc {
	struct sg_child child;
	struct sg_probe *probe;
	struct sg_link_tx *tx;
	struct sg_frame *frame;
	struct sg_buf bytes, profile;
	struct sg_tick tick;
	uint64_t session, seq;
	bool error_said; /* a failure that lasts is said once */
};

static void count_tick(struct probe_proc *p, const struct sg_tick_out *out)
{
	if (out->late)
		sg_probe_count(p->probe, "sgprobe_probe_ticks_late_total", out->late);
	if (out->skipped)
		sg_probe_count(p->probe, "sgprobe_probe_ticks_skipped_total", out->skipped);
	if (out->clock_steps)
		sg_probe_count(p->probe, "sgprobe_probe_clock_steps_total", out->clock_steps);
	if (out->suspends)
		sg_probe_count(p->probe, "sgprobe_probe_suspends_total", out->suspends);
}

static int send_frame(struct probe_proc *p, const struct sg_tick_out *out)
{
	struct sg_frame *f = p->frame;
	int r;

	sg_frame_reset(f);
	f->session = p->session;
	f->seq = ++p->seq;
	f->t_ms = out->t_ms;
	f->span_ns = out->span_ns;
	f->flags = out->flags;
	f->source = 0;
	r = sg_probe_tick(p->probe, out->t_ms, f);
	if (r < 0)
		return r;
	sg_buf_reset(&p->bytes);
	r = sg_frame_encode(f, &p->bytes);
	if (r < 0)
		return r;
	r = sg_link_tx_push(p->tx, f->seq, p->bytes.data, p->bytes.len);
	if (r > 0)
		sg_probe_dropped(p->probe, "link_queue_full", r);
	return SG_MIN(r, 0);
}

/* A record of stacks, when one is due; it goes with the next frame. */
static void send_profile(struct probe_proc *p, int64_t t_ms)
{
	const struct sg_profile_head now = {
		.session = p->session, .seq = p->seq + 1, .to_ms = t_ms};
	int r;

	sg_buf_reset(&p->profile);
	r = sg_probe_profile(p->probe, &now, &p->profile);
	if (r > 0)
		r = sg_link_tx_push_profile(p->tx, now.seq, p->profile.data, p->profile.len);
	if (r != 0)
		sg_probe_dropped(p->probe, "profile_queue_full", r < 0 ? 1 : r);
}

static void on_tick(struct sg_source *s, uint64_t n, void *ctx)
{
	struct probe_proc *p = ctx;
	struct sg_tick_out out;
	struct sg_clocks now;
	int r;

	sg_clocks_read(&now);
	r = sg_tick_at(&p->tick, &now, &out);
	count_tick(p, &out);
	if (r <= 0)
		return;
	r = send_frame(p, &out);
	sg_probe_sent(p->probe); /* or lost and counted as that */
	if (r < 0) {
		sg_probe_dropped(p->probe, "frame_failed", 1);
		if (!p->error_said)
			sg_log_err(r, "cannot send the frame of this second");
	}
	send_profile(p, out.t_ms);
	p->error_said = r < 0;
	if (p->seq == 1)
		sg_child_ready(&p->child);
}

static void change_named(uint64_t id, bool on, double rate, void *ctx)
{
	struct probe_proc *p = ctx;
	const struct sg_ctl_msg m = {.type = on ? SG_CTL_NAMED_ON : SG_CTL_NAMED_OFF,
				     .named = {.id = id, .rate = (uint64_t)rate}};

	sg_ctl_send(p->child.ctl, &m, -1);
}

static void on_msg(const struct sg_ctl_msg *m, int fd, void *ctx)
{
	struct probe_proc *p = ctx;

	if (m->type == SG_CTL_PEER) {
		int r = sg_link_tx_attach(p->tx, fd);

		if (r < 0)
			sg_log_err(r, "cannot reach the server process");
		return;
	}
	if (m->type == SG_CTL_NAMED) {
		int r = sg_probe_named(p->probe, fd, change_named, p);

		if (r < 0)
			sg_log_err(r, "cannot read the named probes");
		return;
	}
	if (fd >= 0)
		close(fd);
	if (m->type == SG_CTL_STATS)
		sg_probe_stats_window(p->probe, m->arg != 0);
}

static void on_stop(void *ctx)
{
	struct probe_proc *p = ctx;

	sg_link_tx_drain(p->tx, DRAIN_MS);
	sg_loop_stop(p->child.loop, 0);
}

static void confine(struct probe_proc *p)
{
	struct sg_error err = {0};
	int r = sg_probe_drop_privileges(p->probe, &err);

	if (r < 0)
		sg_warn("the probe process keeps its privileges: %s", err.msg);
	r = sg_confine_probe_calls();
	if (r < 0)
		sg_warn("the probe process runs without seccomp: %s", strerror(-r));
	/* A change of credentials forgets this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static int keep_set(size_t set, const struct sg_kept *k, void *ctx)
{
	struct probe_proc *p = ctx;
	struct pollfd ready = {p->child.ctl, POLLOUT, 0};
	int r = sg_ctl_send_kept(p->child.ctl, (uint32_t)set, k);

	while (r == -EAGAIN && poll(&ready, 1, KEEP_MS) > 0)
		r = sg_ctl_send_kept(p->child.ctl, (uint32_t)set, k);
	return r;
}

/* The supervisor holds what the next probe process goes on with, should this one die. */
static void hand_over(struct probe_proc *p)
{
	int r = sg_probe_keep(p->probe, keep_set, p);

	if (r < 0)
		sg_warn("a restart of the probe process will have to load everything again: %s",
			strerror(-r));
}

static int move_hooks(size_t set, bool on, void *ctx)
{
	struct probe_proc *p = ctx;
	const struct sg_ctl_msg m = {.type = on ? SG_CTL_ATTACH : SG_CTL_DETACH,
				     .arg = (uint32_t)set};

	return sg_ctl_send(p->child.ctl, &m, -1);
}

/*
 * On the wall clock's seconds. After a process that died the first one may be due:
 * it is made at once then, not a second late.
 */
static int start_ticks(struct probe_proc *p)
{
	struct sg_loop *l = p->child.loop;
	struct sg_clocks now;
	uint64_t since;
	int64_t last;
	int r = 0;

	sg_tick_init(&p->tick, TICK_NS);
	if (sg_probe_resumed(p->probe, &last, &since)) {
		sg_clocks_read(&now);
		sg_tick_resume(&p->tick, &now, last, since);
		if (p->tick.emitted)
			r = sg_loop_after(l, 0, on_tick, p, NULL);
	}
	return r < 0 ? r : sg_loop_aligned(l, TICK_NS, on_tick, p, NULL);
}

/*
 * A host that is slow because its CPUs are busy is the one that is looked at: the little that the
 * probe does in a second must not wait for its turn. Under systemd the unit's CPUWeight says so.
 */
static void take_priority(const struct sg_config *cfg)
{
	if (cfg->priority && setpriority(PRIO_PROCESS, 0, -(int)cfg->priority) < 0)
		sg_debug("the probe process has no priority over others: %s", strerror(errno));
}

static int start(struct probe_proc *p, const struct sg_child_env *env, struct sg_error *err)
{
	struct sg_kept_sets none = {0};
	int r = sg_link_tx_new(p->child.loop, p->session, env->cfg->queue_bytes, &p->tx);

	if (r == 0)
		r = sg_probe_resume(env->cfg, env->kept ? env->kept : &none, &p->probe, err);
	if (r < 0)
		return r;
	take_priority(env->cfg);
	hand_over(p);
	sg_probe_attached_by(p->probe, move_hooks, p);
	confine(p);
	p->frame = sg_frame_new();
	return p->frame ? start_ticks(p) : -ENOMEM;
}

static void probe_proc_free(struct probe_proc *p)
{
	sg_probe_free(p->probe);
	sg_link_tx_free(p->tx);
	sg_frame_free(p->frame);
	sg_buf_free(&p->bytes);
	sg_buf_free(&p->profile);
	sg_loop_free(p->child.loop);
}

int sg_probe_main(const struct sg_child_env *env)
{
	struct probe_proc p = {.child = {.on_msg = on_msg, .on_stop = on_stop}};
	struct sg_error err = {0};
	int r = sg_child_init(&p.child, env->ctl);

	p.child.ctx = &p;
	if (r == 0 && getrandom(&p.session, sizeof(p.session), 0) != sizeof(p.session))
		r = -errno;
	if (r == 0)
		r = start(&p, env, &err);
	if (r < 0)
		sg_log(SG_LOG_ERROR, "the probe process cannot work: %s",
		       err.msg[0] ? err.msg : strerror(-r));
	else
		r = sg_loop_run(p.child.loop);
	probe_proc_free(&p);
	return r == -EPERM || r == -E2BIG ? SG_EXIT_HOPELESS : r < 0 ? 1 : r;
}
