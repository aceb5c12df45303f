// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor: starts both halves, starts either again, ends both. It holds
 * what the probe process made in the kernel, so that it outlives that process.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sgprobe/daemon.h>
#include <sgprobe/file.h>
#include <sgprobe/time.h>

#include "child.h"
#include "hooks.h"
#include "inherit.h"
#include "named.h"
#include "notify.h"
#include "reload.h"
#include "restart.h"
#include "setup.h"
#include "title.h"

#define SECOND_NS 1000000000ULL
#define STATS_EVERY 30 /* seconds between two windows of kernel BPF statistics */
#define STATS_FIRST 3 /* seconds after the start: the first figures come soon */

enum role { PROBE, SERVER, N_ROLES };
static const struct role_info {
	const char *name, *comm, *title;
	int (*main)(const struct sg_child_env *env);
} roles[N_ROLES] = {
	[PROBE] = {"probe", "sgprobe-probe", "sgprobe: probe", sg_probe_main},
	[SERVER] = {"server", "sgprobe-server", "sgprobe: server", sg_server_main},
};

struct supervisor;
struct child {
	struct supervisor *sup;
	enum role role;
	pid_t pid; /* 0: not running */
	int ctl;
	struct sg_source *on_ctl, *on_restart;
	uint64_t started_ns;
	bool worked; /* it has said so since it was started */
	bool renew; /* it ends because settings changed: the next one has them */
	struct sg_restart restart;
	struct sg_watch watch;
};

struct supervisor {
	struct sg_config cfg;
	struct sg_config before; /* a reload: of the processes that have worked */
	bool unproven; /* with cfg none has worked yet */
	const struct sg_config_origin *origin;
	struct sg_setup setup;
	struct sg_title title;
	struct sg_loop *loop;
	struct child children[N_ROLES];
	struct sg_kept_sets kept; /* the probe process', for the next one */
	struct sg_trust trust;
	struct sg_named_set *named;
	bool given; /* the running one has been given what was kept */
	pid_t pid;
	int64_t start_ms;
	bool link_due; /* the children have no socket to each other */
	bool info_due; /* the server does not know the latest pids */
	bool named_due; /* the probe process does not know the latest map of named probes */
	bool ready, stopping;
	unsigned int seconds; /* of on_second */
	int stats_fd;
	int status;
};

static void child_start(struct child *c);

/* ---- wiring the children ---------------------------------------------------------- */

static int send_info(struct supervisor *s)
{
	struct child *probe = &s->children[PROBE], *server = &s->children[SERVER];
	struct sg_ctl_msg m = {.type = SG_CTL_INFO,
			       .info = {.start_ms = s->start_ms,
					.supervisor_pid = s->pid,
					.probe_pid = probe->pid,
					.server_pid = server->pid,
					.probe_restarts = probe->restart.count,
					.server_restarts = server->restart.count}};

	return server->pid ? sg_ctl_send(server->ctl, &m, -1) : -ENOTCONN;
}

/* A new stream socket between them: the one that died had the other end of the old one. */
static int link_children(struct supervisor *s)
{
	struct sg_ctl_msg m = {.type = SG_CTL_PEER};
	int fds[2], r;

	if (!s->children[PROBE].pid || !s->children[SERVER].pid)
		return -ENOTCONN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	r = sg_ctl_send(s->children[SERVER].ctl, &m, fds[SERVER]);
	if (r == 0)
		r = sg_ctl_send(s->children[PROBE].ctl, &m, fds[PROBE]);
	close(fds[0]);
	close(fds[1]);
	return r;
}

/* The map in which named probes count, or that there is none. */
static int send_named(struct supervisor *s)
{
	struct child *probe = &s->children[PROBE];
	const struct sg_ctl_msg m = {.type = SG_CTL_NAMED};

	return probe->pid ? sg_ctl_send(probe->ctl, &m, sg_named_set_cells(s->named)) : -ENOTCONN;
}

static void on_named_changed(int cells, void *ctx)
{
	struct supervisor *s = ctx;

	s->named_due = s->named ? send_named(s) < 0 : true;
}

/* What could not be sent (a stopped child reads nothing) is tried again every second. */
static void wire(struct supervisor *s)
{
	if (s->link_due)
		s->link_due = link_children(s) < 0;
	if (s->info_due)
		s->info_due = send_info(s) < 0;
	if (s->named_due && s->named)
		s->named_due = send_named(s) < 0;
}

/* ---- a child ---------------------------------------------------------------------- */

static void say_ready(struct supervisor *s)
{
	s->ready = true;
	if (s->setup.listen_fd >= 0)
		printf("sgprobe %s: http://%s/%s\n", SG_VERSION, s->cfg.listen,
		       sg_notify_wanted() ? "" : "  (Ctrl-C ends it)");
	else
		printf("sgprobe %s: on %s\n", SG_VERSION, s->cfg.socket);
	fflush(stdout);
	sg_notify("READY=1");
}

/* The server passes on what clients ask for. */
static int receive_command(struct child *c, struct sg_ctl_msg *m)
{
	struct sg_named_command command = {0};
	int fds[2], r = sg_ctl_recv_command(c->ctl, m, &command, fds);

	if (r <= 0 || m->type != SG_CTL_COMMAND)
		return r;
	if (c->sup->named && !c->sup->stopping) {
		sg_named_set_command(c->sup->named, &command, fds[0], fds[1]);
		return r;
	}
	close(fds[0]);
	close(fds[1]);
	return r;
}

/* Children pass nothing, but that the probe process hands over what is to outlive it. */
static int receive(struct child *c, struct sg_ctl_msg *m)
{
	struct sg_kept k = {0};
	int r;

	if (c->role == PROBE) {
		r = sg_ctl_recv_kept(c->ctl, m, &k);
		if (r > 0 && m->type == SG_CTL_KEEP && sg_kept_put(&c->sup->kept, m->arg, &k) < 0)
			sg_warn("a part of the probe process cannot be kept for a restart");
		return r;
	}
	return receive_command(c, m);
}

/* What its budget says. A set that cannot be attached is loaded anew by the next probe process. */
static void move_hooks(struct supervisor *s, const struct sg_ctl_msg *m)
{
	struct sg_kept *k = m->arg < SG_KEPT_SETS ? s->kept.sets[m->arg] : NULL;
	int r = 0;

	if (!k)
		return;
	if (m->type == SG_CTL_DETACH)
		sg_hooks_detach(k);
	else
		r = sg_hooks_attach(k, m->arg);
	if (r < 0)
		sg_log_err(r, "cannot attach programs of the probe process again");
}

static void move_named(struct supervisor *s, const struct sg_ctl_msg *m)
{
	if (!s->named)
		return;
	if (m->type == SG_CTL_NAMED_OFF)
		sg_named_set_off(s->named, m->named.id, m->named.rate);
	else
		sg_named_set_on(s->named);
}

static int read_msgs(struct child *c)
{
	struct sg_ctl_msg m = {0};
	int r;

	while ((r = receive(c, &m)) > 0) {
		c->watch.beat_ns = sg_mono_ns();
		c->worked |= m.type == SG_CTL_READY;
		if (m.type == SG_CTL_READY && c->role == PROBE && !c->renew)
			c->sup->unproven = false;
		if (c->role == PROBE && (m.type == SG_CTL_DETACH || m.type == SG_CTL_ATTACH))
			move_hooks(c->sup, &m);
		if (c->role == PROBE && (m.type == SG_CTL_NAMED_OFF || m.type == SG_CTL_NAMED_ON))
			move_named(c->sup, &m);
		if (m.type == SG_CTL_READY && c->role == SERVER && !c->sup->ready)
			say_ready(c->sup);
	}
	return r;
}

static void on_child_msg(struct sg_source *src, int fd, uint32_t events, void *ctx)
{
	struct child *c = ctx;

	if (read_msgs(c) < 0) { /* it ended or speaks nonsense; SIGCHLD tells */
		sg_loop_remove(src);
		c->on_ctl = NULL;
	}
}

/* In the new process: nothing of the supervisor's but what env names stays open. */
static void close_others(const struct sg_child_env *env)
{
	int keep[5 + SG_KEPT_SETS * SG_KEPT_PARTS] = {env->ctl, env->listen_fd, env->unix_fd,
						      env->ingest.udp, env->ingest.unix_dgram};
	size_t n = 5;

	for (size_t i = 0; env->kept && i < SG_KEPT_SETS; i++) {
		const struct sg_kept *k = env->kept->sets[i];

		for (uint32_t j = 0; k && j < k->n; j++)
			keep[n++] = k->fds[j];
	}
	sg_close_all_but(keep, n);
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_run(struct child *c, int ctl)
{
	struct supervisor *s = c->sup;
	const struct role_info *role = &roles[c->role];
	struct sg_child_env env = {
		.cfg = &s->cfg, .ctl = ctl, .listen_fd = -1, .unix_fd = -1, .ingest = {-1, -1}};

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != s->pid)
		_exit(0); /* the supervisor died in between */
	if (c->role == SERVER) {
		env.uid = s->setup.uid;
		env.gid = s->setup.gid;
		env.listen_fd = s->setup.listen_fd;
		env.unix_fd = s->setup.unix_fd;
		env.ingest = s->setup.ingest;
	} else {
		env.kept = &s->kept;
	}
	close_others(&env);
	signal(SIGINT, SIG_IGN); /* before the mask opens: Ctrl-C is the supervisor's */
	reset_signals();
	sg_title_set(&s->title, role->comm, role->title);
	sg_log_setup(role->name, s->cfg.log_level[0] == 'd' ? SG_LOG_DEBUG : SG_LOG_INFO);
	_exit(role->main(&env));
}

static void on_restart(struct sg_source *src, uint64_t n, void *ctx)
{
	struct child *c = ctx;

	c->on_restart = NULL; /* a source of sg_loop_after removes itself */
	child_start(c);
}

static void schedule(struct child *c, uint64_t delay_ns)
{
	int r = sg_loop_after(c->sup->loop, delay_ns, on_restart, c, &c->on_restart);

	if (r < 0) {
		sg_log_err(r, "cannot start the %s process again", roles[c->role].name);
		sg_loop_stop(c->sup->loop, 1);
	}
}

static void child_start(struct child *c)
{
	struct supervisor *s = c->sup;
	int ctl[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ctl) < 0) {
		sg_log_err(-errno, "cannot start the %s process", roles[c->role].name);
		schedule(c, sg_restart_after(&c->restart, 0));
		return;
	}
	fflush(NULL);
	c->started_ns = sg_mono_ns();
	c->worked = false;
	if (c->role == PROBE)
		s->given = sg_kept_any(&s->kept);
	c->watch = (struct sg_watch){.beat_ns = c->started_ns};
	c->pid = fork();
	if (c->pid == 0)
		child_run(c, ctl[1]);
	close(ctl[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(ctl[0]);
		sg_log_err(-errno, "cannot start the %s process", roles[c->role].name);
		schedule(c, sg_restart_after(&c->restart, 0));
		return;
	}
	c->ctl = ctl[0];
	sg_loop_fd(s->loop, c->ctl, EPOLLIN, on_child_msg, c, &c->on_ctl);
	if (c->role == PROBE && s->named) {
		s->named_due = true;
		sg_named_set_on(s->named); /* a new one has shed nothing yet */
	}
	s->link_due = s->info_due = true;
	wire(s);
}

static const char *how_it_ended(int status, char *out, size_t n)
{
	if (WIFSIGNALED(status))
		snprintf(out, n, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(out, n, "ended with status %d", WEXITSTATUS(status));
	return out;
}

static bool all_gone(const struct supervisor *s)
{
	return !s->children[PROBE].pid && !s->children[SERVER].pid;
}

static void begin_stop(struct supervisor *s, int status);

/* ---- settings that change ---------------------------------------------------------- */

/* It ends in order, and is started again as soon as it has. */
static void renew(struct child *c)
{
	c->renew = c->pid != 0;
	if (c->pid && sg_ctl_send(c->ctl, &(struct sg_ctl_msg){.type = SG_CTL_STOP}, -1) < 0)
		kill(c->pid, SIGTERM);
}

static int reload(char *text, size_t n, void *ctx)
{
	struct supervisor *s = ctx;
	struct sg_error err = {0};
	struct sg_config before = s->cfg;
	struct sg_reload done;
	int r = sg_reload(s->origin, &s->cfg, &done, &err);

	snprintf(text, n, "%s", r < 0 ? err.msg : done.text);
	if (r < 0)
		return r;
	if (done.probe && !s->unproven) {
		s->before = before;
		s->unproven = true;
	}
	if (done.probe) /* what it made in the kernel is of the old settings */
		renew(&s->children[PROBE]);
	if (done.server)
		renew(&s->children[SERVER]);
	return 0;
}

static void on_hangup(struct supervisor *s)
{
	char text[512];

	if (reload(text, sizeof(text), s) < 0)
		sg_log(SG_LOG_ERROR, "the settings stay as they are: %s", text);
	else
		sg_info("settings read again: %s", text);
}

/* New settings with which the probe process cannot work are taken back. */
static bool take_back(struct child *c)
{
	struct supervisor *s = c->sup;

	if (c->role != PROBE || !s->unproven)
		return false;
	sg_log(SG_LOG_ERROR,
	       "the probe process cannot work with the new settings; those before are "
	       "in force again");
	s->cfg = s->before;
	s->unproven = false;
	renew(&s->children[SERVER]);
	return true;
}

static void start_renewed(struct child *c)
{
	c->renew = false;
	if (c->role == PROBE)
		sg_kept_drop(&c->sup->kept);
	child_start(c);
}

/* What was kept may be what the probe process dies of. */
static void judge_kept(struct child *c, uint64_t ran_ns)
{
	struct supervisor *s = c->sup;

	if (c->role != PROBE || !sg_trust_lost(&s->trust, s->given, c->worked, ran_ns))
		return;
	sg_warn("the probe process ended twice right after it took over from the one before; "
		"the next one loads everything anew");
	sg_kept_drop(&s->kept);
}

static void child_died(struct child *c, int status)
{
	struct supervisor *s = c->sup;
	uint64_t ran = sg_mono_ns() - c->started_ns, delay;
	char how[96];

	c->pid = 0;
	read_msgs(c); /* what it sent last */
	sg_loop_remove(sg_take(c->on_ctl));
	close(sg_take_fd(c->ctl));
	if (s->stopping) {
		if (all_gone(s))
			sg_loop_stop(s->loop, s->status);
		return;
	}
	if (c->renew) {
		start_renewed(c);
		return;
	}
	how_it_ended(status, how, sizeof(how));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SG_EXIT_HOPELESS) {
		if (take_back(c)) {
			start_renewed(c);
			return;
		}
		begin_stop(s, SG_EXIT_HOPELESS);
		return;
	}
	judge_kept(c, ran);
	delay = sg_restart_after(&c->restart, ran);
	sg_warn("the %s process %s; starting it again (restart %u)", roles[c->role].name, how,
		c->restart.count);
	s->info_due = true;
	schedule(c, delay);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (sg_named_set_reap(s->named, pid))
			continue;
		for (int i = 0; i < N_ROLES; i++)
			if (s->children[i].pid == pid)
				child_died(&s->children[i], status);
	}
}

/* ---- the end ---------------------------------------------------------------------- */

static void kill_all(struct supervisor *s)
{
	for (int i = 0; i < N_ROLES; i++)
		if (s->children[i].pid)
			kill(s->children[i].pid, SIGKILL); /* ends stopped ones too */
}

static void on_patience(struct sg_source *src, uint64_t n, void *ctx)
{
	struct supervisor *s = ctx;

	sg_warn("a process did not end in %d ms; killing it", SG_STOP_MS);
	kill_all(s);
}

static void begin_stop(struct supervisor *s, int status)
{
	if (s->stopping) {
		kill_all(s); /* asked twice */
		return;
	}
	s->stopping = true;
	s->status = status;
	sg_notify("STOPPING=1");
	for (int i = 0; i < N_ROLES; i++) {
		struct child *c = &s->children[i];

		sg_loop_remove(sg_take(c->on_restart));
		if (c->pid &&
		    sg_ctl_send(c->ctl, &(struct sg_ctl_msg){.type = SG_CTL_STOP}, -1) < 0)
			kill(c->pid, SIGTERM);
	}
	if (all_gone(s))
		sg_loop_stop(s->loop, status);
	else
		sg_loop_after(s->loop, SG_STOP_MS * 1000000ULL, on_patience, s, NULL);
}

static void on_signal(struct sg_source *src, const struct signalfd_siginfo *si, void *ctx)
{
	struct supervisor *s = ctx;

	switch (si->ssi_signo) {
	case SIGCHLD: reap(s); break;
	case SIGHUP: on_hangup(s); break;
	default: begin_stop(s, 0);
	}
}

/* ---- once a second ---------------------------------------------------------------- */

static bool is_stopped(pid_t pid)
{
	sg_auto_buf b = {0};
	char path[64];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (sg_read_file(path, 4096, &b) < 0 || !b.data)
		return false;
	state = strrchr(b.data, ')');
	return state && state[1] == ' ' && (state[2] == 'T' || state[2] == 't');
}

static void watch(struct child *c, uint64_t now)
{
	/* /proc is only asked when beats are missing */
	bool quiet = now - c->watch.beat_ns > SG_HUNG_NS / 6;

	if (!c->pid || !sg_watch_hung(&c->watch, now, quiet && is_stopped(c->pid)))
		return;
	sg_warn("the %s process gave no sign of life for %d s; killing it", roles[c->role].name,
		(int)(SG_HUNG_NS / SECOND_NS));
	kill(c->pid, SIGKILL);
}

static void stats_window(struct supervisor *s, bool open)
{
	struct sg_ctl_msg m = {.type = SG_CTL_STATS, .arg = open};
	union bpf_attr attr = {.enable_stats = {.type = BPF_STATS_RUN_TIME}};

	if (open && s->stats_fd < 0)
		s->stats_fd = syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr));
	if (s->stats_fd >= 0 && s->children[PROBE].pid)
		sg_ctl_send(s->children[PROBE].ctl, &m, -1);
	if (!open && s->stats_fd >= 0)
		close(sg_take_fd(s->stats_fd));
}

static void on_second(struct sg_source *src, uint64_t n, void *ctx)
{
	struct supervisor *s = ctx;
	unsigned int phase = s->seconds++ % STATS_EVERY;
	uint64_t now = sg_mono_ns();

	if (s->stopping)
		return;
	sg_notify("WATCHDOG=1");
	wire(s);
	for (int i = 0; i < N_ROLES; i++)
		watch(&s->children[i], now);
	if (s->cfg.bpf_stats && (phase == STATS_FIRST || phase == STATS_FIRST + 1))
		stats_window(s, phase == STATS_FIRST);
}

/* ---- life ------------------------------------------------------------------------- */

static int prepare(struct supervisor *s)
{
	sigset_t set;
	int r = sg_loop_new(&s->loop);

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = sg_loop_signals(s->loop, &set, on_signal, s, NULL);
	if (r == 0)
		r = sg_loop_every(s->loop, SECOND_NS, on_second, s, NULL);
	return r < 0 ? sg_log_err(r, "cannot start") : 0;
}

static int supervise(struct supervisor *s)
{
	int r = prepare(s);

	if (r < 0)
		return 1;
	for (int i = 0; i < N_ROLES; i++) {
		s->children[i] = (struct child){.sup = s, .role = i, .ctl = -1};
		child_start(&s->children[i]);
	}
	r = sg_named_set_new(s->loop, &s->cfg, s->setup.lock_fd, on_named_changed, s, &s->named);
	if (r < 0)
		sg_log_err(r, "there are no named probes");
	else
		sg_named_set_on_reload(s->named, reload);
	r = sg_loop_run(s->loop);
	kill_all(s);
	if (s->stats_fd >= 0)
		close(s->stats_fd);
	return r < 0 ? 1 : r;
}

int sg_daemon_run(const struct sg_config *cfg, const struct sg_config_origin *origin, int argc,
		  char **argv)
{
	struct supervisor s = {.cfg = *cfg,
			       .origin = origin,
			       .title = sg_title_find(argc, argv),
			       .pid = getpid(),
			       .start_ms = sg_real_ms(),
			       .stats_fd = -1};
	struct sg_error err = {0};
	int r = sg_setup_open(&s.cfg, &s.setup, &err);

	if (r < 0) {
		sg_log(SG_LOG_ERROR, "%s", err.msg);
		return r == -EPERM ? SG_EXIT_HOPELESS : 1;
	}
	prctl(PR_SET_NAME, "sgprobe", 0, 0, 0);
	umask(0077);
	sg_raise_open_files();
	r = supervise(&s);
	sg_named_set_free(s.named);
	sg_kept_drop(&s.kept);
	sg_loop_free(s.loop);
	sg_setup_close(&s.cfg, &s.setup);
	return r;
}
