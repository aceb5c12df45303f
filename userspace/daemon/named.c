// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sgprobe/named_attach.h>

#include "ctl.h"
#include "inherit.h"
#include "named.h"
#include "named_file.h"

#define WORK_SECONDS 10 /* for one probe; then the process that attaches it is killed */

struct entry {
	struct sg_named_info info; /* no name: the place is free */
	uint64_t id; /* of this life of it; 0: never attached */
	int links[SG_NAMED_LINKS];
	uint32_t n_links;
	int answer; /* who waits for it to be attached; -1: nobody */
};

struct sg_named_set {
	struct sg_loop *loop;
	const struct sg_config *cfg;
	int folder;
	sg_named_changed_cb changed;
	sg_named_reload_cb reload;
	void *ctx;
	struct entry entries[SG_NAMED_MAX];
	uint32_t max;
	int base[SG_NAMED_BASES];
	uint64_t lives; /* so far: what numbers are made of */
	uint32_t last_index;
	/* The process that attaches now. */
	pid_t worker;
	struct entry *work;
	int channel;
	struct sg_source *on_channel, *on_late;
};

/* What the process sends, with what it loaded (all or nothing) and the links. */
struct report {
	struct sg_named_result res;
	uint32_t n_base;
};

static void work_next(struct sg_named_set *s);

/* ---- entries --------------------------------------------------------------------------------- */

static struct entry *find(struct sg_named_set *s, const char *name)
{
	for (uint32_t i = 0; i < s->max; i++)
		if (s->entries[i].info.probe.name[0] &&
		    strcmp(s->entries[i].info.probe.name, name) == 0)
			return &s->entries[i];
	return NULL;
}

static struct entry *find_free(struct sg_named_set *s)
{
	for (uint32_t i = 0; i < s->max; i++)
		if (!s->entries[i].info.probe.name[0])
			return &s->entries[i];
	return NULL;
}

static struct entry *make(struct sg_named_set *s, const struct sg_named *probe, bool fixed)
{
	struct entry *e = find_free(s);

	if (e)
		*e = (struct entry){
			.info = {.probe = *probe, .state = SG_NAMED_WAITING, .fixed = fixed},
			.answer = -1};
	return e;
}

static void set_state(struct entry *e, enum sg_named_state state, const char *reason)
{
	e->info.state = state;
	snprintf(e->info.reason, sizeof(e->info.reason), "%s", reason);
}

static void detach(struct sg_named_set *s, struct entry *e)
{
	for (uint32_t i = 0; i < e->n_links; i++)
		close(e->links[i]);
	e->n_links = 0;
	e->info.sites = 0;
}

/* Also from what counts: nothing of it is reported any more. */
static void forget(struct sg_named_set *s, struct entry *e)
{
	detach(s, e);
	if (e->id && s->base[0] >= 0)
		sg_named_forget(s->base, e->id);
	e->id = 0;
}

static bool any_left(const struct sg_named_set *s)
{
	for (uint32_t i = 0; i < s->max; i++)
		if (s->entries[i].n_links || (s->entries[i].info.probe.name[0] &&
					      s->entries[i].info.state == SG_NAMED_WAITING))
			return true;
	return false;
}

/* Without a probe nothing of this is left in the kernel. */
static void drop_unused(struct sg_named_set *s)
{
	if (s->base[0] < 0 || s->worker || any_left(s))
		return;
	for (int i = 0; i < SG_NAMED_BASES; i++)
		close(sg_take_fd(s->base[i]));
	for (uint32_t i = 0; i < s->max; i++)
		s->entries[i].id = 0;
	s->changed(-1, s->ctx);
}

static void save(struct sg_named_set *s)
{
	const struct sg_named *list[SG_NAMED_MAX];
	size_t n = 0;
	int r;

	for (uint32_t i = 0; i < s->max; i++) {
		const struct sg_named_info *info = &s->entries[i].info;

		if (info->probe.name[0] && !info->fixed)
			list[n++] = &info->probe;
	}
	r = sg_named_file_write(s->folder, list, n);
	if (r < 0)
		sg_log_err(r, "cannot write " SG_NAMED_FILE
			      ": named probes will not be there after a restart");
}

/* ---- answers --------------------------------------------------------------------------------- */

static void answer(struct sg_named_set *s, int fd, int r, const char *message, bool list)
{
	struct sg_named_answer *a = calloc(1, sizeof(*a));

	if (a) {
		a->r = r;
		snprintf(a->message, sizeof(a->message), "%s", message);
		for (uint32_t i = 0; list && i < s->max; i++)
			if (s->entries[i].info.probe.name[0])
				a->list[a->n++] = s->entries[i].info;
		sg_ctl_send_bytes(
			fd, a, offsetof(struct sg_named_answer, list) + a->n * sizeof(a->list[0]),
			NULL, 0);
	}
	free(a);
	close(fd);
}

static void answer_entry(struct sg_named_set *s, struct entry *e, int r, const char *message)
{
	if (e->answer >= 0)
		answer(s, sg_take_fd(e->answer), r, message, false);
}

/* ---- the process that attaches ---------------------------------------------------------------- */

static void send_report(int channel, struct report *rep, const int *base)
{
	int fds[SG_NAMED_BASES + SG_NAMED_LINKS];
	size_t n = 0;

	for (uint32_t i = 0; i < rep->n_base; i++)
		fds[n++] = base[i];
	for (uint32_t i = 0; i < rep->res.n_links; i++)
		fds[n++] = rep->res.links[i];
	sg_ctl_send_bytes(channel, rep, sizeof(*rep), fds, n);
}

static _Noreturn void worker_run(struct sg_named_set *s, const struct sg_named_job *job,
				 int channel, pid_t parent)
{
	bool fresh = s->base[0] < 0;
	int keep[1 + SG_NAMED_BASES] = {channel};
	struct report rep = {0};
	sigset_t none;
	size_t n = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(0);
	for (int i = 0; !fresh && i < SG_NAMED_BASES; i++)
		keep[n++] = s->base[i];
	sg_close_all_but(keep, n);
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(WORK_SECONDS);
	prctl(PR_SET_NAME, "sgprobe-attach", 0, 0, 0);
	sg_named_attach(job, s->base, &rep.res);
	if (fresh && s->base[0] >= 0 && rep.res.r == 0)
		rep.n_base = SG_NAMED_BASES;
	send_report(channel, &rep, s->base);
	_exit(0);
}

/* A number that no other probe has had; of its index, the one that was not used for longest. */
static uint64_t new_id(struct sg_named_set *s)
{
	for (uint32_t k = 1; k <= s->max; k++) {
		uint32_t index = (s->last_index + k) % s->max;
		bool used = false;

		for (uint32_t i = 0; i < s->max; i++)
			used |= s->entries[i].id && s->entries[i].id % SG_NAMED_MAX == index;
		if (used)
			continue;
		s->last_index = index;
		return ++s->lives * SG_NAMED_MAX + index;
	}
	return 0;
}

static void finish(struct sg_named_set *s, struct entry *e, const struct sg_named_result *res)
{
	bool is_new = e->answer >= 0;
	char message[sizeof(res->message)];

	snprintf(message, sizeof(message), "%.*s", (int)sizeof(message) - 1, res->message);
	if (res->r == 0) {
		set_state(e, SG_NAMED_ON, message);
		e->info.sites = res->sites;
	} else {
		e->id = 0;
		set_state(e, res->r == -EBUSY ? SG_NAMED_HOT : SG_NAMED_REFUSED, message);
		sg_warn("named probe %s is off: %s", e->info.probe.name, message);
	}
	answer_entry(s, e, res->r, message);
	if (is_new && res->r < 0 && res->r != -EBUSY)
		memset(&e->info, 0, sizeof(e->info));
	else if (is_new)
		save(s);
}

static void end_work(struct sg_named_set *s)
{
	sg_loop_remove(sg_take(s->on_channel));
	sg_loop_remove(sg_take(s->on_late));
	if (s->channel >= 0)
		close(sg_take_fd(s->channel));
	s->work = NULL;
}

static void take_fds(struct sg_named_set *s, struct entry *e, const struct report *rep,
		     const int *fds, size_t n)
{
	bool fits = rep->n_base + rep->res.n_links == n &&
		    (rep->n_base == 0 || (rep->n_base == SG_NAMED_BASES && s->base[0] < 0)) &&
		    rep->res.n_links <= SG_NAMED_LINKS;

	for (size_t i = 0; i < n; i++) {
		if (!fits)
			close(fds[i]);
		else if (i < rep->n_base)
			s->base[i] = fds[i];
		else
			e->links[e->n_links++] = fds[i];
	}
	if (fits && rep->n_base)
		s->changed(s->base[SG_NAMED_MAP_CELLS], s->ctx);
}

static void failed(struct sg_named_set *s, struct entry *e, int r, const char *why)
{
	struct sg_named_result res = {.r = r};

	snprintf(res.message, sizeof(res.message), "%s", why);
	finish(s, e, &res);
}

static void on_report(struct sg_source *src, int fd, uint32_t events, void *ctx)
{
	struct sg_named_set *s = ctx;
	int fds[SG_KEPT_PARTS], r;
	struct entry *e = s->work;
	struct report rep = {0};
	size_t n;

	r = sg_ctl_recv_bytes(fd, &rep, sizeof(rep), fds, SG_KEPT_PARTS, &n);
	if (r == 0)
		return;
	end_work(s);
	if (r < 0) {
		failed(s, e, -EIO, "the process that attaches it died; try again");
	} else {
		take_fds(s, e, &rep, fds, n);
		finish(s, e, &rep.res);
	}
	if (!s->worker)
		work_next(s);
}

static void on_late(struct sg_source *src, uint64_t n, void *ctx)
{
	struct sg_named_set *s = ctx;

	s->on_late = NULL;
	if (s->worker)
		kill(s->worker, SIGKILL); /* its end of the channel closes */
}

static int start_work(struct sg_named_set *s, struct entry *e)
{
	struct sg_named_job job = {
		.probe = e->info.probe, .max_rate = s->cfg->named_rate, .max_probes = s->max};
	pid_t parent = getpid();
	int ends[2], r;

	job.id = e->id = new_id(s);
	if (!job.id)
		return -ENOSPC;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	fflush(NULL);
	s->worker = fork();
	if (s->worker == 0)
		worker_run(s, &job, ends[1], parent);
	close(ends[1]);
	s->channel = ends[0];
	if (s->worker < 0) {
		s->worker = 0;
		return -errno;
	}
	s->work = e;
	r = sg_loop_fd(s->loop, s->channel, EPOLLIN, on_report, s, &s->on_channel);
	if (r == 0)
		r = sg_loop_after(s->loop, (WORK_SECONDS + 1) * 1000000000ULL, on_late, s,
				  &s->on_late);
	return r;
}

static void work_next(struct sg_named_set *s)
{
	for (uint32_t i = 0; i < s->max && !s->work && !s->worker; i++) {
		struct entry *e = &s->entries[i];
		int r;

		if (!e->info.probe.name[0] || e->info.state != SG_NAMED_WAITING || e->n_links)
			continue;
		r = start_work(s, e);
		if (r < 0) {
			end_work(s);
			failed(s, e, r, strerror(-r));
		}
	}
	drop_unused(s);
}

bool sg_named_set_reap(struct sg_named_set *s, pid_t pid)
{
	if (!s || !s->worker || pid != s->worker)
		return false;
	s->worker = 0;
	if (s->work) /* what it sent last, or that it ended without */
		on_report(NULL, s->channel, 0, s);
	else
		work_next(s);
	return true;
}

/* ---- commands --------------------------------------------------------------------------------- */

/*
 * The server process only passes the client's socket on: the kernel tells who is at its
 * other end. It must be one that was accepted on the daemon's own socket, or the
 * server could show one that it has to a process of root's, such as this one.
 */
static bool is_root(const struct sg_named_set *s, int client)
{
	struct sockaddr_un a = {0};
	socklen_t n = sizeof(a) - 1, m;
	struct ucred peer = {.uid = (uid_t)-1};

	m = sizeof(peer);
	if (getsockname(client, (struct sockaddr *)&a, &n) < 0 || a.sun_family != AF_UNIX ||
	    strcmp(a.sun_path, s->cfg->socket) != 0)
		return false;
	return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &m) == 0 && peer.uid == 0;
}

static int check_new(struct sg_named_set *s, const struct sg_named *probe, struct sg_error *err)
{
	int r = sg_named_check(probe, err);

	if (r < 0)
		return r;
	if (find(s, probe->name))
		return sg_fail(err, -EEXIST,
			       "there is a probe %s already; remove it first, or take another name",
			       probe->name);
	if (!find_free(s))
		return sg_fail(err, -ENOSPC,
			       "there are %u probes, and no more are allowed (probe.named_max); "
			       "remove one",
			       s->max);
	return 0;
}

static void add(struct sg_named_set *s, const struct sg_named *probe, int fd)
{
	struct sg_error err = {""};
	int r = check_new(s, probe, &err);
	struct entry *e = r == 0 ? make(s, probe, false) : NULL;

	if (!e) {
		answer(s, fd, r, err.msg, false);
		return;
	}
	e->answer = fd;
	work_next(s);
}

static int check_removal(struct sg_named_set *s, const struct entry *e, const char *name,
			 struct sg_error *err)
{
	if (!e)
		return sg_fail(err, -ENOENT,
			       "there is no named probe %s; 'sgprobe probes' lists them", name);
	if (e->info.fixed)
		return sg_fail(err, -EINVAL,
			       "the probe %s is in the configuration file; remove it there and "
			       "restart the daemon",
			       name);
	if (e == s->work)
		return sg_fail(err, -EAGAIN, "the probe %s is being attached; try again", name);
	return 0;
}

static void remove_probe(struct sg_named_set *s, const char *name, int fd)
{
	struct entry *e = find(s, name);
	struct sg_error err = {""};
	int r = check_removal(s, e, name, &err);

	if (r == 0) {
		forget(s, e);
		answer_entry(s, e, -ECANCELED, "it was removed");
		memset(&e->info, 0, sizeof(e->info));
		save(s);
		drop_unused(s);
	}
	answer(s, fd, r, err.msg, false);
}

static void reload(struct sg_named_set *s, int fd)
{
	char text[512] = "this daemon has no file of settings";
	int r = s->reload ? s->reload(text, sizeof(text), s->ctx) : -EOPNOTSUPP;

	answer(s, fd, r, text, false);
}

void sg_named_set_on_reload(struct sg_named_set *s, sg_named_reload_cb cb)
{
	s->reload = cb;
}

void sg_named_set_command(struct sg_named_set *s, const struct sg_named_command *c, int client,
			  int fd)
{
	bool allowed = c->verb == SG_NAMED_LIST || is_root(s, client);

	close(client);
	if (!allowed)
		answer(s, fd, -EACCES,
		       c->verb == SG_NAMED_RELOAD
			       ? "only root may make the daemon read its settings again, over its "
				 "socket; type: sudo sgprobe config reload"
			       : "only root may add and remove probes, over the daemon's socket; "
				 "type: sudo sgprobe probes ...",
		       false);
	else if (c->verb == SG_NAMED_RELOAD)
		reload(s, fd);
	else if (c->verb == SG_NAMED_ADD)
		add(s, &c->probe, fd);
	else if (c->verb == SG_NAMED_REMOVE)
		remove_probe(s, c->probe.name, fd);
	else
		answer(s, fd, 0, "", true);
}

/* ---- what the probe process sees ---------------------------------------------------------------- */

static void too_hot(struct sg_named_set *s, struct entry *e, uint64_t rate)
{
	char why[300];

	detach(s, e);
	snprintf(why, sizeof(why),
		 "taken off: it ran %llu times a second, and %llu are allowed (probe.named_rate); "
		 "remove it, or name something that runs less often",
		 (unsigned long long)rate, (unsigned long long)s->cfg->named_rate);
	set_state(e, SG_NAMED_HOT, why);
	sg_warn("named probe %s is off: %s", e->info.probe.name, why);
}

void sg_named_set_off(struct sg_named_set *s, uint64_t id, uint64_t rate)
{
	for (uint32_t i = 0; i < s->max; i++) {
		struct entry *e = &s->entries[i];

		if (!e->n_links || (id && e->id != id))
			continue;
		if (id) {
			too_hot(s, e, rate);
			continue;
		}
		detach(s, e);
		set_state(e, SG_NAMED_SHED,
			  "off for now: named probes and the rest took more than probe.budget; it "
			  "comes back when the host is calmer");
	}
	if (!id)
		sg_info("named probes are off for now (probe.budget)");
	drop_unused(s);
}

void sg_named_set_on(struct sg_named_set *s)
{
	for (uint32_t i = 0; i < s->max; i++)
		if (s->entries[i].info.state == SG_NAMED_SHED) {
			forget(s, &s->entries[i]);
			set_state(&s->entries[i], SG_NAMED_WAITING, "");
		}
	work_next(s);
}

int sg_named_set_cells(const struct sg_named_set *s)
{
	return s->base[SG_NAMED_MAP_CELLS];
}

/* ---- life ----------------------------------------------------------------------------------------- */

static void take_list(struct sg_named_set *s, const struct sg_config *c, bool fixed)
{
	for (uint64_t i = 0; i < c->n_probes; i++) {
		if (find(s, c->probes[i].name))
			sg_warn("named probe %s is in the configuration too; that one is taken",
				c->probes[i].name);
		else if (!make(s, &c->probes[i], fixed))
			sg_warn("named probe %s is left out: more than probe.named_max",
				c->probes[i].name);
	}
}

int sg_named_set_new(struct sg_loop *loop, const struct sg_config *cfg, int folder,
		     sg_named_changed_cb changed, void *ctx, struct sg_named_set **ret)
{
	struct sg_named_set *s = calloc(1, sizeof(*s));
	sg_auto_free struct sg_config *saved = calloc(1, sizeof(*saved));
	struct sg_error err = {""};
	int r;

	if (!s || !saved) {
		free(s);
		return -ENOMEM;
	}
	*s = (struct sg_named_set){.loop = loop,
				   .cfg = cfg,
				   .folder = folder,
				   .changed = changed,
				   .ctx = ctx,
				   .max = (uint32_t)SG_MIN(cfg->named_max, SG_NAMED_MAX),
				   .channel = -1};
	for (int i = 0; i < SG_NAMED_BASES; i++)
		s->base[i] = -1;
	take_list(s, cfg, true);
	sg_config_defaults(saved);
	r = sg_named_file_read(folder, saved, &err);
	if (r < 0)
		sg_warn("named probes of before are not there: %s",
			err.msg[0] ? err.msg : strerror(-r));
	else
		take_list(s, saved, false);
	*ret = s;
	work_next(s);
	return 0;
}

void sg_named_set_free(struct sg_named_set *s)
{
	if (!s)
		return;
	if (s->worker) {
		kill(s->worker, SIGKILL);
		waitpid(s->worker, NULL, 0);
	}
	end_work(s);
	for (uint32_t i = 0; i < s->max; i++) {
		detach(s, &s->entries[i]);
		answer_entry(s, &s->entries[i], -ECANCELED, "the daemon is stopping");
	}
	for (int i = 0; i < SG_NAMED_BASES; i++)
		if (s->base[i] >= 0)
			close(s->base[i]);
	free(s);
}
