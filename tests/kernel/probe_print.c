// SPDX-License-Identifier: GPL-2.0
/*
 * The probe alone, without store and server: ticks until SIGTERM, then prints what
 * every series added up to, one per line: NAME{LABELS} VALUE, and of a histogram
 * NAME{LABELS} COUNT SUM P50 P99 MAX. Prints "ready" when the programs run, and each event
 * as it comes: EVENT KIND JSON.
 *
 *   probe_print [-i MILLISECONDS] [-d (drop privileges)] [-s (kernel statistics)] [-W (the same, of the second tick alone)] [-T FILE (off and on with each tick after that: a number in the file, see take_turns)] [-t (time per tick)]
 *               [-w (slowest events too, as WORST MILLISECONDS SECONDS TGID TID CPU<tab>COMM<tab>CGROUP<tab>SERIES<tab>FRAME;FRAME_[k]...)]
 *               [-p (stacks too, as STACK KIND MICROSECONDS COUNT CGROUP;COMM;FRAME...)]
 *               [-k (functions of the kernel by kprobe alone)] [-v (say what the kernel refuses)] [-n "NAME ARG WHAT" (a named probe; ARG: as --by-arg, or -; or c: not timed)]...
 *               [KEY=VALUE of the configuration]...
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sgprobe/named_attach.h>
#include <sgprobe/probe.h>
#include <sgprobe/time.h>

#define TURN_ASIDE UINT32_MAX /* as in tools/work-cost.c */

struct total {
	struct sg_series *series;
	double value;
	struct sg_hist hist;
};

struct named {
	struct sg_named probe;
	uint64_t id;
	struct sg_named_result res;
};

struct run {
	struct named named[8];
	unsigned int n_named;
	int base[SG_NAMED_BASES];
	struct sg_config cfg;
	struct sg_probe *probe;
	struct sg_frame *frame;
	struct sg_map *by_series;
	struct total **totals;
	size_t n, cap;
	int interval_ms;
	bool drop, stats, window, timing, stacks, worst;
	uint32_t *turn; /* shared with who measures the work */
	int measuring; /* descriptor that has the kernel measure in this turn, or -1 */
	struct sg_profile *profile;
	struct sg_buf record;
	unsigned int ticks;
};

static int total_eq(const void *entry, const void *key)
{
	return sg_series_equal(((const struct total *)entry)->series, key);
}

static struct total *total_of(struct run *r, const struct sg_series *s)
{
	struct total *t = sg_map_get(r->by_series, s->hash, s);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || SG_GROW(r->totals, r->cap, r->n) < 0)
		exit(1);
	t->series = sg_series_dup(s);
	if (!t->series || sg_map_put(r->by_series, s->hash, t) < 0)
		exit(1);
	return r->totals[r->n++] = t;
}

static int keep_stack(const struct sg_stack *s, void *ctx)
{
	return sg_profile_add(ctx, s);
}

/* last: what is not due yet too. */
static int add_stacks(struct run *r, bool last)
{
	const struct sg_profile_head now = {
		.session = 1, .seq = r->ticks, .to_ms = sg_real_ms() + (last ? 1000000 : 0)};
	int e;

	sg_buf_reset(&r->record);
	e = sg_probe_profile(r->probe, &now, &r->record);
	if (e > 0)
		e = sg_profile_decode(r->record.data, r->record.len, keep_stack, r->profile);
	return e;
}

static int print_stack(const struct sg_stack *s, void *ctx)
{
	printf("STACK %s %llu %llu %s;%s", s->kind == SG_PROFILE_CPU ? "cpu" : "offcpu",
	       (unsigned long long)s->us, (unsigned long long)s->count, s->cgroup, s->comm);
	for (size_t i = 0; i < s->n; i++)
		printf(";%s%s", s->frames[i], i >= s->n - s->n_kernel ? "_[k]" : "");
	putchar('\n');
	return 0;
}

static void print_events(const struct sg_frame *f)
{
	for (size_t i = 0; i < f->n_events; i++) {
		sg_auto_buf b = {0};

		sg_event_json(&b, &f->events[i]);
		printf("EVENT %s %s\n", f->events[i].kind, b.data);
		fflush(stdout);
	}
}

/* They survive being encoded: what is printed went over the wire. */
static void print_worst(const struct run *r)
{
	sg_auto_buf bytes = {0};
	struct sg_frame *f;

	if (sg_frame_encode(r->frame, &bytes) < 0 ||
	    sg_frame_decode(bytes.data, bytes.len, &f) < 0) {
		puts("WORST broken");
		return;
	}
	for (size_t i = 0; i < f->n_exemplars; i++) {
		const struct sg_exemplar *e = &f->exemplars[i];

		for (uint32_t j = 0; j < e->n_of; j++) {
			sg_auto_buf b = {0};

			sg_series_format(&b, &f->samples[e->of[j]].series);
			printf("WORST %lld %.9f %u %u %u\t%s\t%s\t%s\t", (long long)e->t_ms,
			       e->value, e->tgid, e->tid, e->cpu, e->comm, e->cgroup, b.data);
			for (uint32_t k = 0; k < e->n_frames; k++)
				printf("%s%s%s", k ? ";" : "", e->frames[k],
				       k >= e->n_frames - e->n_kernel ? "_[k]" : "");
			putchar('\n');
		}
	}
	sg_frame_free(f);
}

static int add(struct run *r)
{
	uint64_t start = sg_mono_ns();
	int e;

	sg_frame_reset(r->frame);
	e = sg_probe_tick(r->probe, sg_real_ms(), r->frame);
	if (r->timing)
		fprintf(stderr, "tick %.3f ms, %zu samples\n",
			(double)(sg_mono_ns() - start) * 1e-6, r->frame->n);
	for (size_t i = 0; e == 0 && r->measuring < 0 && i < r->frame->n; i++) {
		const struct sg_sample *s = &r->frame->samples[i];
		struct total *t = total_of(r, &s->series);

		if (s->series.type == SG_HISTOGRAM)
			sg_hist_add(&t->hist, &s->hist);
		else if (s->series.type == SG_COUNTER)
			t->value += s->value;
		else
			t->value = s->value;
	}
	print_events(r->frame);
	r->ticks++;
	if (e == 0 && r->worst)
		print_worst(r);
	return e == 0 && (r->stacks || r->worst) ? add_stacks(r, false) : e;
}

static void print(const struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct total *t = r->totals[i];
		sg_auto_buf b = {0};

		sg_series_format(&b, t->series);
		if (t->series->type == SG_HISTOGRAM)
			printf("%s %.0f %.9f %.9g %.9g %.9g\n", b.data, t->hist.count, t->hist.sum,
			       sg_hist_quantile(&t->hist, 0.5), sg_hist_quantile(&t->hist, 0.99),
			       sg_hist_max(&t->hist));
		else
			printf("%s %.17g\n", b.data, t->value);
	}
}

static void hot(uint64_t id, bool on, double rate, void *ctx)
{
	struct run *r = ctx;

	for (unsigned int i = 0; i < r->n_named; i++) {
		struct named *n = &r->named[i];

		if (n->id != id)
			continue;
		while (n->res.n_links)
			close(n->res.links[--n->res.n_links]);
		printf("hot %s\n", n->probe.name);
		fflush(stdout);
	}
}

static int parse_named(struct run *r, const char *text)
{
	struct sg_named *p = &r->named[r->n_named].probe;
	struct sg_error err = {0};
	char arg[16];

	if (r->n_named == 8 || sscanf(text, "%31s %15s %319s", p->name, arg, p->spec) != 3)
		return -EINVAL;
	r->n_named++;
	p->untimed = *arg == 'c';
	return *arg == 'c' || *arg == '-' ? 0 : sg_named_parse_arg(arg, p, &err);
}

static void attach_named(struct run *r)
{
	for (unsigned int i = 0; i < r->n_named; i++) {
		struct named *n = &r->named[i];
		struct sg_named_job job = {.probe = n->probe,
					   .id = (uint64_t)(i + 1) * SG_NAMED_MAX + i,
					   .max_rate = r->cfg.named_rate,
					   .max_probes = (uint32_t)r->cfg.named_max};

		n->id = job.id;
		sg_named_attach(&job, r->base, &n->res);
		printf("%s %s %d %s\n", n->res.r < 0 ? "refused" : "attached", n->probe.name,
		       n->res.r, n->res.message);
	}
	if (r->base[0] >= 0)
		sg_probe_named(r->probe, dup(r->base[SG_NAMED_MAP_CELLS]), hot, r);
}

/* What is left of calls that never returned. */
static void print_calls(const struct run *r)
{
	uint64_t key[2], next[2];
	unsigned int n = 0;
	bool more = bpf_map_get_next_key(r->base[SG_NAMED_MAP_CALLS], NULL, next) == 0;

	for (; more; n++) {
		memcpy(key, next, sizeof(key));
		more = bpf_map_get_next_key(r->base[SG_NAMED_MAP_CALLS], key, next) == 0;
	}
	printf("calls under way %u\n", n);
}

static int map_turn(struct run *r, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int e = fd < 0 ? -errno : ftruncate(fd, sizeof(*r->turn)) < 0 ? -errno : 0;

	if (e == 0) {
		void *m = mmap(NULL, sizeof(*r->turn), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		r->turn = m == MAP_FAILED ? NULL : m;
	}
	return r->turn ? 0 : -EINVAL;
}

static int options(struct run *r, int argc, char **argv)
{
	struct sg_error err = {0};
	int c;

	r->interval_ms = 1000;
	while ((c = getopt(argc, argv, "i:dpstwWvkn:T:")) != -1) {
		if (c == 'i')
			r->interval_ms = atoi(optarg);
		r->drop |= c == 'd';
		r->cfg.no_fentry |= c == 'k';
		r->stacks |= c == 'p';
		r->stats |= c == 's';
		r->worst |= c == 'w';
		r->window |= c == 'W';
		if (c == 'T' && map_turn(r, optarg) < 0)
			return -EINVAL;
		r->timing |= c == 't';
		if (c == 'n' && parse_named(r, optarg) < 0)
			return -EINVAL;
		if (c == 'v')
			sg_log_setup("probe_print", SG_LOG_DEBUG);
		if (c == '?')
			return -EINVAL;
	}
	for (; optind < argc; optind++) {
		char *eq = strchr(argv[optind], '=');

		if (!eq)
			return -EINVAL;
		*eq = 0;
		if (sg_config_set(&r->cfg, argv[optind], eq + 1, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			return -EINVAL;
		}
	}
	return 0;
}

/* What was counted so far. */
static void forget(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		sg_map_del(r->by_series, r->totals[i]->series->hash, r->totals[i]->series);
		sg_hist_free(&r->totals[i]->hist);
		free(r->totals[i]->series);
		free(r->totals[i]);
	}
	r->n = 0;
}

#define TURNS_AFTER 3
#define TURNS 4 /* off, on, off, on, */
#define CYCLE 5 /* and one in which the kernel measures, which does not count */

/* What others see of it: 0 while it changes, 2 n - 1 when nothing is on its hook, 2 n when all is, or TURN_ASIDE. */
static void tell_turn(struct run *r, uint32_t turn)
{
	__atomic_store_n(r->turn, turn, __ATOMIC_SEQ_CST);
}

static uint32_t turn_of(uint32_t tick)
{
	uint32_t at = tick % CYCLE;

	return at < TURNS ? tick / CYCLE * TURNS + at + 1 : TURN_ASIDE;
}

/* Off and on with each tick, once the programs are measured. Totals begin with it. */
static int take_turns(struct run *r)
{
	uint32_t turn = turn_of(r->ticks - TURNS_AFTER - 1);
	int e;

	if (!r->turn || r->ticks <= TURNS_AFTER)
		return 0;
	if (turn == 1)
		forget(r);
	tell_turn(r, 0);
	e = sg_probe_shed_all(r->probe, turn != TURN_ASIDE && turn & 1);
	if (e < 0)
		fprintf(stderr, "turn %u: %s\n", turn, strerror(-e));
	if (turn == TURN_ASIDE) {
		r->measuring = bpf_enable_stats(BPF_STATS_RUN_TIME);
		sg_probe_stats_window(r->probe, true);
	}
	tell_turn(r, turn);
	return e;
}

/* What was paid for measuring goes with the frame of that tick, which nobody counts. */
static int end_tick(struct run *r)
{
	int e;

	if (r->measuring >= 0)
		sg_probe_stats_window(r->probe, false);
	e = add(r);
	if (r->measuring >= 0)
		close(r->measuring);
	r->measuring = -1;
	return e;
}

/* As the daemon does: in the second tick alone. Totals begin after it. */
static void measure_one_tick(struct run *r)
{
	static int fd = -1;

	if (r->ticks == 1) {
		fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		sg_probe_stats_window(r->probe, true);
	} else if (r->ticks == 2) {
		sg_probe_stats_window(r->probe, false);
		close(fd);
	} else if (r->ticks == 3) {
		forget(r);
		puts("measured");
		fflush(stdout);
	}
}

static int run(struct run *r, int stop_fd)
{
	struct pollfd p = {stop_fd, POLLIN, 0};
	int e = 0;

	while (e == 0 && poll(&p, 1, r->interval_ms) == 0) {
		if (r->stats && r->ticks == 1)
			sg_probe_stats_window(r->probe, true);
		if (r->window)
			measure_one_tick(r);
		e = end_tick(r);
		if (e == 0)
			e = take_turns(r);
	}
	if (r->stats)
		sg_probe_stats_window(r->probe, false);
	/* Twice: what was in flight is in the other bank. */
	for (int i = 0; e == 0 && i < 2; i++)
		e = add(r);
	return e == 0 && r->stacks ? add_stacks(r, true) : e;
}

int main(int argc, char **argv)
{
	struct run r = {.measuring = -1};
	struct sg_error err = {0};
	sigset_t set;
	int e, stop_fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
	sg_config_defaults(&r.cfg);
	if (options(&r, argc, argv) < 0)
		return 2;
	r.by_series = sg_map_new(total_eq);
	r.frame = sg_frame_new();
	r.profile = sg_profile_new(64 << 20);
	if (r.stats)
		bpf_enable_stats(BPF_STATS_RUN_TIME);
	for (int i = 0; i < SG_NAMED_BASES; i++)
		r.base[i] = -1;
	e = sg_probe_new(&r.cfg, &r.probe, &err);
	if (e == 0)
		attach_named(&r);
	if (e == 0 && r.drop)
		e = sg_probe_drop_privileges(r.probe, &err);
	if (e < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	e = run(&r, stop_fd);
	if (r.base[0] >= 0)
		print_calls(&r);
	sg_probe_free(r.probe);
	print(&r);
	sg_profile_each(r.profile, print_stack, NULL);
	return e < 0;
}
