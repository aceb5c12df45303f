// SPDX-License-Identifier: GPL-2.0
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/file.h>
#include <sgprobe/matrix.h>
#include <sgprobe/probe.h>
#include <sgprobe/time.h>

#include "config/setting.h"
#include "domain.h"

#define FACTS_MAX 1024
#define FEW 16 /* slots of a probe that is only asked whether it runs */

struct fact {
	char of[96]; /* a domain, or domain/hook */
	char variant[16], reason[200];
	bool on;
};

struct sg_matrix {
	const struct sg_config *cfg;
	struct btf *types; /* NULL: the kernel tells none */
	struct fact *facts;
	size_t n, cap;
	bool all; /* domains were tried, those too that are off */
	bool locked; /* lockdown forbids programs to read the kernel */
};

const char *sg_hook_state_name(enum sg_hook_state s)
{
	static const char *const names[] = {[SG_HOOK_TAKEN] = "taken",
					    [SG_HOOK_SPARE] = "spare",
					    [SG_HOOK_OFF] = "off",
					    [SG_HOOK_MISSING] = "missing",
					    [SG_HOOK_UNKNOWN] = "unknown"};

	return names[s];
}

static bool is_locked(void)
{
	sg_auto_buf b = {0};

	return sg_read_file("/sys/kernel/security/lockdown", 256, &b) == 0 && b.data &&
	       strstr(b.data, "[confidentiality]");
}

int sg_matrix_new(const struct sg_config *cfg, struct sg_matrix **ret)
{
	struct sg_matrix *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->cfg = cfg;
	m->types = btf__load_vmlinux_btf();
	m->locked = is_locked();
	*ret = m;
	return 0;
}

void sg_matrix_free(struct sg_matrix *m)
{
	if (!m)
		return;
	btf__free(m->types);
	free(m->facts);
	free(m);
}

int sg_matrix_fact(struct sg_matrix *m, const char *metric, const char *domain, const char *program,
		   const char *variant, const char *reason, double value)
{
	bool of_domain = strcmp(metric, "sgprobe_domain_up") == 0;
	struct fact *f;

	if (!of_domain && strcmp(metric, "sgprobe_bpf_program_attached") != 0)
		return 0;
	if (m->n == FACTS_MAX)
		return -ENOSPC;
	if (SG_GROW(m->facts, m->cap, m->n) < 0)
		return -ENOMEM;
	f = &m->facts[m->n++];
	snprintf(f->of, sizeof(f->of), "%s", of_domain ? domain : program);
	snprintf(f->variant, sizeof(f->variant), "%s", variant);
	snprintf(f->reason, sizeof(f->reason), "%s", reason);
	f->on = value > 0;
	return 0;
}

static int take_facts(struct sg_matrix *m, const struct sg_frame *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->n; i++) {
		const struct sg_series *s = &f->samples[i].series;

		r = sg_matrix_fact(m, s->name, sg_series_label(s, "domain"),
				   sg_series_label(s, "program"), sg_series_label(s, "variant"),
				   sg_series_label(s, "reason"), f->samples[i].value);
	}
	return r;
}

/* All domains, each with as little memory as it works with. */
static void ask_for_all(struct sg_config *cfg)
{
	cfg->slots = FEW;
	cfg->pool_rows = cfg->pool_cells = 256;
	cfg->thread_time = false;
	for (size_t i = 0; i < sg_n_domains; i++)
		if (sg_domains[i]->enabled != SG_ALWAYS)
			*(bool *)((char *)cfg + sg_domains[i]->enabled) = true;
}

int sg_matrix_ask(struct sg_matrix *m, struct sg_error *err)
{
	struct sg_config cfg = *m->cfg;
	sg_auto(sg_probe) probe = NULL;
	sg_auto(sg_frame) frame = sg_frame_new();
	int r;

	if (!frame)
		return -ENOMEM;
	ask_for_all(&cfg);
	m->all = true;
	r = sg_probe_new(&cfg, &probe, err);
	if (r == 0)
		r = sg_probe_tick(probe, sg_real_ms(), frame);
	return r == 0 ? take_facts(m, frame) : r;
}

static const struct fact *find(const struct sg_matrix *m, const char *domain, const char *hook)
{
	char of[sizeof(m->facts[0].of)];

	snprintf(of, sizeof(of), "%s%s%s", domain, hook ? "/" : "", hook ? hook : "");
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->facts[i].of, of) == 0)
			return &m->facts[i];
	return NULL;
}

static void say(struct sg_hook *h, enum sg_hook_state state, const char *reason, const char *cure)
{
	h->state = state;
	h->variant[0] = 0;
	snprintf(h->reason, sizeof(h->reason), "%s", reason);
	snprintf(h->cure, sizeof(h->cure), "%s", cure);
}

static const char *key_of(size_t offset)
{
	for (const struct sg_setting *s = sg_settings; s->key; s++)
		if (s->offset == offset)
			return s->key;
	return "probe";
}

/* What a kernel must be built with, or load, for hooks whose names begin so. */
static const struct {
	const char *begin, *what, *cure;
} needs[] = {
	{"ext4_", "module ext4 is not loaded",
	 "none is needed unless you use ext4: restart sgprobe once it is mounted"},
	{"jbd2_", "module jbd2 is not loaded",
	 "none is needed unless you use ext4: restart sgprobe once it is mounted"},
	{"xfs_", "module xfs is not loaded",
	 "none is needed unless you use XFS: restart sgprobe once it is mounted"},
	{"btrfs_", "module btrfs is not loaded",
	 "none is needed unless you use btrfs: restart sgprobe once it is mounted"},
	{"f2fs_", "module f2fs is not loaded",
	 "none is needed unless you use f2fs: restart sgprobe once it is mounted"},
	{"nfs_", "module nfs is not loaded",
	 "none is needed unless you use NFS: restart sgprobe once it is mounted"},
	{"mm_compaction_", "the kernel has no compaction", "a kernel with CONFIG_COMPACTION"},
	{"mm_migrate_", "the kernel does not migrate pages", "a kernel with CONFIG_MIGRATION"},
	{"mm_vmscan_memcg_", "the kernel has no memory controller", "a kernel with CONFIG_MEMCG"},
	{"mm_vmscan_node_", "the kernel has no NUMA", "none is needed on a machine of one node"},
	{"qdisc_", "the kernel has no packet queues, or is older than 5.15",
	 "a kernel with CONFIG_NET_SCHED"},
	{"io_uring_", "the kernel has no io_uring", "a kernel with CONFIG_IO_URING"},
	{"block_", "the kernel has no such event of block devices",
	 "a newer kernel, with CONFIG_BLOCK"},
	{"cgroup_", "the kernel has no control groups", "a kernel with CONFIG_CGROUPS"},
	{"sched_process_hang", "the kernel does not look for hung tasks",
	 "a kernel with CONFIG_DETECT_HUNG_TASK"},
	{"tlb_", "the kernel does not tell of TLB flushes", "none; an architecture that does"},
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* The object's programs, to be looked at only; NULL: they cannot be. */
static struct bpf_object *open_object(const struct sg_domain *d)
{
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	struct bpf_object *o = bpf_object__open_mem(
		d->object, (size_t)((const char *)d->object_end - (const char *)d->object), NULL);

	libbpf_set_print(before);
	return o;
}

/*
 * The trace point of a row, which one of its programs says in its section, "raw_tp/NAME"; NULL: it is another kind of
 * hook, of which the kernel's types do not tell.
 */
static const char *trace_point(struct bpf_object *o, const struct sg_program *row)
{
	static const char *const suffixes[] = {"", "_raw"};
	static const char prefix[] = "raw_tp/";
	char name[96];

	for (size_t i = 0; o && i < ARRAY_SIZE(suffixes); i++) {
		const struct bpf_program *p;

		snprintf(name, sizeof(name), "%s%s", row->hook, suffixes[i]);
		p = bpf_object__find_program_by_name(o, name);
		if (p && strncmp(bpf_program__section_name(p), prefix, sizeof(prefix) - 1) == 0)
			return bpf_program__section_name(p) + sizeof(prefix) - 1;
	}
	return NULL;
}

static bool has_hook(const struct sg_matrix *m, const char *hook)
{
	char name[128];

	snprintf(name, sizeof(name), "btf_trace_%s", hook);
	return m->types && btf__find_by_name_kind(m->types, name, BTF_KIND_TYPEDEF) >= 0;
}

/* Whether the kernel has no such trace point, as far as its types tell. */
static bool lacks(const struct sg_matrix *m, struct bpf_object *o, const struct sg_program *row)
{
	const char *name = trace_point(o, row);

	return m->types && name && !row->asked && !has_hook(m, name);
}

static void say_lacking(struct sg_hook *h, const struct sg_program *row)
{
	char reason[sizeof(h->reason)], cure[sizeof(h->cure)];

	for (size_t i = 0; !row->since && i < ARRAY_SIZE(needs); i++)
		if (strncmp(row->hook, needs[i].begin, strlen(needs[i].begin)) == 0) {
			say(h, SG_HOOK_MISSING, needs[i].what, needs[i].cure);
			return;
		}
	if (row->since) {
		snprintf(reason, sizeof(reason), "this kernel is too old: it came with Linux %s",
			 row->since);
		snprintf(cure, sizeof(cure), "Linux %s or newer", row->since);
		say(h, SG_HOOK_MISSING, reason, cure);
	} else {
		say(h, SG_HOOK_MISSING, "this kernel lacks it",
		    row->optional ? "none; the domain works without it" : "another kernel");
	}
}

/* Of "raw_tp: Operation not permitted: run as root ...": what went wrong, and the cure behind it. */
static void say_refused(const struct sg_matrix *m, struct sg_hook *h, const char *text)
{
	const char *colon = strchr(text, ':'), *cure = colon ? strchr(colon + 1, ':') : NULL;
	char reason[sizeof(h->reason)];

	if (!cure && colon)
		cure = colon;
	snprintf(reason, sizeof(reason), "%.*s", (int)(cure ? cure - text : (long)strlen(text)),
		 text);
	say(h, SG_HOOK_MISSING, reason,
	    m->locked ? "boot with lockdown=integrity, or without Secure Boot"
	    : cure    ? cure + 1 + strspn(cure + 1, " ")
		      : "see 'sgprobe doctor' above");
}

/* Another hook of the domain that raises the same counter and is taken: an older or newer name of this one. */
static const char *stands_in(const struct sg_matrix *m, const struct sg_domain *d,
			     const struct sg_program *row)
{
	for (size_t i = 0; row->optional && i < d->n_programs; i++) {
		const struct sg_program *other = &d->programs[i];
		const struct fact *f = find(m, d->name, other->hook);

		if (other != row && other->runs == row->runs &&
		    (m->n ? f && f->on : has_hook(m, other->hook)))
			return other->hook;
	}
	return NULL;
}

static bool is_wished(const struct sg_matrix *m, size_t offset)
{
	return offset == SG_ALWAYS || *(const bool *)((const char *)m->cfg + offset);
}

/* value: that turns it on; NULL: there are many. */
static void say_off(struct sg_hook *h, size_t setting, const char *value)
{
	char reason[sizeof(h->reason)], cure[sizeof(h->cure)];

	snprintf(reason, sizeof(reason), "%s is off", key_of(setting));
	if (value)
		snprintf(cure, sizeof(cure), "%s: %s in the configuration", key_of(setting), value);
	else
		snprintf(cure, sizeof(cure), "set %s in the configuration", key_of(setting));
	say(h, SG_HOOK_OFF, reason, cure);
}

/* A hook of a domain that is up. */
static void tell_missing(const struct sg_matrix *m, struct sg_hook *h, const struct sg_domain *d,
			 struct bpf_object *o, const struct sg_program *row, const struct fact *f)
{
	const char *instead =
		row->unless && has_hook(m, row->unless) ? row->unless : stands_in(m, d, row);
	char reason[sizeof(h->reason)];

	if (f) {
		say_refused(m, h, f->reason);
	} else if (row->setting && !((const char *)m->cfg)[row->setting]) {
		say_off(h, row->setting, NULL);
	} else if (instead) {
		snprintf(reason, sizeof(reason), "%s tells it here", instead);
		say(h, SG_HOOK_SPARE, reason, "");
	} else if (lacks(m, o, row)) {
		say_lacking(h, row);
	} else {
		say(h, SG_HOOK_MISSING, "the kernel refuses to attach it",
		    "please report the kernel's version");
	}
}

/* A program that serves every variant says itself how it is attached: by its section, "raw_tp/HOOK". */
static void correct_variant(struct bpf_object *o, const struct sg_program *row, struct sg_hook *h)
{
	const struct bpf_program *p = o ? bpf_object__find_program_by_name(o, row->hook) : NULL;
	const char *section = p ? bpf_program__section_name(p) : NULL;

	if (section && h->variant[0])
		snprintf(h->variant, sizeof(h->variant), "%.*s", (int)strcspn(section, "/"),
			 section);
}

static void tell(const struct sg_matrix *m, const struct sg_domain *d, struct bpf_object *o,
		 const struct sg_program *row, struct sg_hook *h)
{
	const struct fact *domain = find(m, d->name, NULL), *f = find(m, d->name, row->hook);

	if (!m->n && lacks(m, o, row))
		tell_missing(m, h, d, o, row, NULL);
	else if (!m->n)
		say(h, SG_HOOK_UNKNOWN, "not root: it was not tried", "sudo sgprobe doctor");
	else if (!is_wished(m, d->enabled) && (m->all || !(f && f->on)))
		say_off(h, d->enabled, "true");
	else if (f && f->on)
		h->state = SG_HOOK_TAKEN;
	else if (domain && domain->on)
		tell_missing(m, h, d, o, row, f);
	else if (domain && domain->variant[0])
		say(h, SG_HOOK_OFF, "taken off: watching took more than probe.budget",
		    "wait until the load falls, or raise probe.budget");
	else
		say_refused(m, h, domain ? domain->reason : "the daemon says nothing of it");
	if (f && f->on)
		snprintf(h->variant, sizeof(h->variant), "%s", f->variant);
}

void sg_matrix_each(struct sg_matrix *m, sg_hook_cb cb, void *ctx)
{
	for (size_t i = 0; i < sg_n_domains; i++) {
		const struct sg_domain *d = sg_domains[i];
		struct bpf_object *o = open_object(d);

		for (size_t j = 0; j < d->n_programs; j++) {
			struct sg_hook h = {.domain = d->name, .hook = d->programs[j].hook};

			tell(m, d, o, &d->programs[j], &h);
			correct_variant(o, &d->programs[j], &h);
			cb(&h, ctx);
		}
		bpf_object__close(o);
	}
}
