// SPDX-License-Identifier: GPL-2.0
// Files kept open, readings turned into samples. What is in the files: procfs_<topic>.c.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "label.h"
#include "procfs.h"
#include "procfs_source.h"

#define REOPEN_TICKS 60 /* how often a source that is absent is looked for */
#define SERIES_MAX 4096 /* of all sources together */
#define SOURCES_MAX 32

const struct sg_proc_source *const sg_proc_sources[] = {
	&sg_proc_stat,
	&sg_proc_softirqs,
	&sg_proc_loadavg,
	&sg_proc_psi_cpu,
	&sg_proc_psi_memory,
	&sg_proc_psi_io,
	&sg_proc_psi_irq,
	&sg_proc_meminfo,
	&sg_proc_vmstat,
	&sg_proc_file_nr,
	&sg_proc_pid_max,
	&sg_proc_threads_max,
	&sg_proc_diskstats,
	&sg_proc_net_dev,
	&sg_proc_snmp,
	&sg_proc_snmp6,
	&sg_proc_netstat,
	&sg_proc_sockstat,
	NULL,
};

/* One series and what it was before. */
struct reading {
	const struct sg_proc_metric *metric;
	struct sg_series *series; /* one block, owned */
	uint64_t now, before;
	uint64_t members; /* of "other": which devices it was made of, and ... */
	uint64_t members_before;
	uint64_t tick; /* when it was put last */
	bool based; /* before is a reading */
};

struct reading_key {
	const struct sg_proc_metric *metric;
	struct sg_label labels[2];
	size_t n;
};

struct device {
	char name[SG_LABEL_VALUE_MAX + 1];
	uint64_t tick; /* 0: free */
};

struct source {
	const struct sg_proc_source *src;
	int fd;
	uint64_t retry_at; /* tick in which an absent file is looked for again */
	struct device devices[SG_PROCFS_DEVICES_MAX];
};

struct sg_procfs {
	struct sg_proc_sink sink; /* first: parse functions get its address */
	int root;
	uint64_t tick;
	unsigned int failed;
	struct source *sources;
	size_t n_sources;
	struct source *current; /* whose parse function runs */
	struct sg_map *readings;
	struct sg_buf text;
	int error;
};

/* ---- readings ----------------------------------------------------------------------- */

static uint64_t key_hash(const struct reading_key *k)
{
	uint64_t h = sg_hash_str(k->metric->name, k->n);

	for (size_t i = 0; i < k->n; i++)
		h = sg_hash_str(k->labels[i].value, h);
	return h;
}

static int reading_is(const void *entry, const void *key)
{
	const struct reading *r = entry;
	const struct reading_key *k = key;

	if (r->metric != k->metric || r->series->n_labels != k->n)
		return 0;
	for (size_t i = 0; i < k->n; i++) {
		if (strcmp(r->series->labels[i].value, k->labels[i].value) != 0)
			return 0;
	}
	return 1;
}

static void reading_free(struct reading *r)
{
	if (!r)
		return;
	free(r->series);
	free(r);
}
SG_DEFINE_AUTO(reading, reading_free)

static struct reading *reading_new(struct sg_procfs *p, struct reading_key *k, uint64_t hash)
{
	sg_auto(reading) r = calloc(1, sizeof(*r));
	struct sg_series s;

	if (!r || sg_map_len(p->readings) >= SERIES_MAX)
		return NULL;
	if (sg_series_init(&s, k->metric->type, k->metric->name, k->labels, k->n) < 0)
		return NULL;
	r->metric = k->metric;
	r->series = sg_series_dup(&s);
	if (!r->series || sg_map_put(p->readings, hash, r) < 0)
		return NULL;
	return sg_take(r);
}

static struct reading *reading_get(struct sg_procfs *p, struct reading_key *k)
{
	uint64_t hash = key_hash(k);
	struct reading *r = sg_map_get(p->readings, hash, k);

	return r ? r : reading_new(p, k, hash);
}

/* ---- devices ------------------------------------------------------------------------ */

/* A place for the device, kept while it is there; NULL when all are taken: it is one of the others. */
static struct device *device_get(struct sg_procfs *p, const char *name)
{
	struct device *d, *spare = NULL;

	for (d = p->current->devices; d < p->current->devices + SG_PROCFS_DEVICES_MAX; d++) {
		if (d->tick && !strcmp(d->name, name))
			goto found;
		if (!spare && (!d->tick || d->tick + 1 < p->tick)) /* free, or gone for a tick */
			spare = d;
	}
	d = spare;
	if (!d)
		return NULL;
	memcpy(d->name, name, strlen(name) + 1);
found:
	d->tick = p->tick;
	return d;
}

/* ---- the sink ----------------------------------------------------------------------- */

static void accumulate(struct sg_procfs *p, struct reading *r, uint64_t v, uint64_t member)
{
	if (r->tick != p->tick) {
		r->now = 0;
		r->members = 0;
	}
	r->tick = p->tick;
	if (member) {
		r->now += v;
		r->members += member;
	} else {
		r->now = v;
	}
}

static void put(struct sg_proc_sink *sink, const struct sg_proc_metric *m, struct sg_text label1,
		struct sg_text label2, uint64_t v)
{
	struct sg_procfs *p = (struct sg_procfs *)sink;
	const struct sg_text texts[2] = {label1, label2};
	char values[2][SG_LABEL_VALUE_MAX + 1];
	struct reading_key k = {.metric = m};
	struct reading *r;
	uint64_t member = 0;

	for (; k.n < ARRAY_SIZE(texts) && m->labels[k.n]; k.n++) {
		sg_label_clean(values[k.n], sizeof(values[0]), texts[k.n].p, texts[k.n].n);
		k.labels[k.n] = (struct sg_label){m->labels[k.n], values[k.n]};
	}
	if ((m->flags & SG_PROC_DEVICE) && !device_get(p, values[0])) {
		member = sg_hash_str(values[0], 0) | 1;
		k.labels[0].value = "other";
	}
	r = reading_get(p, &k);
	if (r)
		accumulate(p, r, v, member);
	else
		p->error = -ENOMEM;
}

/* ---- files -------------------------------------------------------------------------- */

static int source_read(struct sg_procfs *p, struct source *s)
{
	int r;

	if (s->fd < 0) {
		if (p->root < 0 || p->tick < s->retry_at)
			return -ENOENT;
		s->fd = openat(p->root, s->src->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	r = s->fd < 0 ? -errno : sg_reread_fd(s->fd, s->src->max, &p->text);
	if (r >= 0)
		return 0;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->retry_at = p->tick + REOPEN_TICKS;
	return r;
}

static void read_sources(struct sg_procfs *p)
{
	p->failed = 0;
	for (size_t i = 0; i < p->n_sources; i++) {
		struct source *s = &p->sources[i];
		int r = source_read(p, s);

		p->failed += r < 0 && r != -ENOENT; /* absent is normal: no PSI, no network */
		if (r < 0)
			continue;
		p->current = s;
		s->src->parse(s->src, (struct sg_text){p->text.data, p->text.len}, &p->sink);
	}
	p->current = NULL;
}

/* ---- samples ------------------------------------------------------------------------ */

/* The increase since the reading before; 0 where there is none to compare with. */
static uint64_t increase(struct reading *r)
{
	bool comparable = r->based && r->members == r->members_before;
	uint64_t d = comparable && r->now > r->before ? r->now - r->before : 0;

	if (!comparable || r->now > r->before || !(r->metric->flags & SG_PROC_NO_DIP))
		r->before = r->now;
	r->members_before = r->members;
	r->based = true;
	return d;
}

static double in_units(const struct sg_proc_metric *m, uint64_t v)
{
	double pages = m->flags & SG_PROC_PAGES ? (double)sysconf(_SC_PAGESIZE) : 1;

	return (double)v * m->scale * pages;
}

static int add_samples(struct sg_procfs *p, struct sg_frame *f)
{
	struct reading *r;
	int err;

	for (size_t it = 0; (r = sg_map_next(p->readings, &it));) {
		uint64_t v = r->now;

		if (r->tick != p->tick)
			continue;
		if (r->metric->type == SG_COUNTER)
			v = increase(r);
		err = sg_frame_add_value(f, r->series, in_units(r->metric, v));
		if (err < 0)
			return err;
	}
	return 0;
}

/*
 * Series of the tick before that did not come again have ended. Before new ones
 * are read: the last frame, which borrows their strings, is done with by now.
 */
static void forget_ended(struct sg_procfs *p)
{
	struct reading *ended[64], *r;
	size_t n;

	do {
		n = 0;
		for (size_t it = 0; n < ARRAY_SIZE(ended) && (r = sg_map_next(p->readings, &it));) {
			if (r->tick < p->tick)
				ended[n++] = r;
		}
		for (size_t i = 0; i < n; i++) {
			struct reading_key k = {.metric = ended[i]->metric};

			for (; k.n < ended[i]->series->n_labels; k.n++)
				k.labels[k.n] = ended[i]->series->labels[k.n];
			reading_free(sg_map_del(p->readings, key_hash(&k), &k));
		}
	} while (n == ARRAY_SIZE(ended));
}

int sg_procfs_tick(struct sg_procfs *p, struct sg_frame *f)
{
	int r;

	forget_ended(p);
	p->tick++;
	p->error = 0;
	read_sources(p);
	r = add_samples(p, f);
	return r < 0 ? r : p->error;
}

unsigned int sg_procfs_failed(const struct sg_procfs *p)
{
	return p->failed;
}

/* ---- life and catalogue ------------------------------------------------------------- */

int sg_procfs_new(const char *root, struct sg_procfs **ret)
{
	sg_auto(sg_procfs) p = calloc(1, sizeof(*p));
	size_t n = ARRAY_SIZE(sg_proc_sources) - 1;

	if (!p)
		return -ENOMEM;
	p->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->sink.put = put;
	p->readings = sg_map_new(reading_is);
	p->sources = calloc(n, sizeof(*p->sources));
	if (!p->readings || !p->sources)
		return -ENOMEM;
	p->n_sources = n;
	for (size_t i = 0; i < n; i++) {
		p->sources[i].src = sg_proc_sources[i];
		p->sources[i].fd = p->root < 0 ? -1
					       : openat(p->root, sg_proc_sources[i]->file,
							O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	*ret = sg_take(p);
	return 0;
}

void sg_procfs_free(struct sg_procfs *p)
{
	struct reading *r;

	if (!p)
		return;
	for (size_t i = 0; i < p->n_sources; i++) {
		if (p->sources[i].fd >= 0)
			close(p->sources[i].fd);
	}
	if (p->readings) {
		for (size_t it = 0; (r = sg_map_next(p->readings, &it));)
			reading_free(r);
	}
	sg_map_free(p->readings);
	sg_buf_free(&p->text);
	if (p->root >= 0)
		close(p->root);
	free(p->sources);
	free(p);
}

static bool listed_before(size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (sg_proc_sources[j]->metrics == sg_proc_sources[i]->metrics)
			return true;
	}
	return false;
}

static int metric_info(const struct sg_proc_metric *m, sg_metric_cb cb, void *ctx)
{
	char label[64];
	struct sg_metric_info info = {
		.name = m->name,
		.title = m->title,
		.help = m->help,
		.unit = m->unit,
		.label = m->labels[0],
		.group = "proc",
		.type = m->type,
	};

	if (m->labels[1]) {
		snprintf(label, sizeof(label), "%s,%s", m->labels[0], m->labels[1]);
		info.label = label;
	}
	return cb(&info, ctx);
}

int sg_procfs_metrics_each(sg_metric_cb cb, void *ctx)
{
	int r;

	for (size_t i = 0; sg_proc_sources[i]; i++) {
		if (listed_before(i))
			continue;
		for (size_t j = 0; j < sg_proc_sources[i]->n_metrics; j++) {
			r = metric_info(&sg_proc_sources[i]->metrics[j], cb, ctx);
			if (r)
				return r;
		}
	}
	return 0;
}
