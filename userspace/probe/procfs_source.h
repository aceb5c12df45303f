/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A source is one file below /proc: its metrics and a pure function from its text
 * to readings. procfs.c lists the sources; one file a topic holds them. A metric
 * of a "key value" file is one row of its source's table.
 */
#ifndef SG_PROBE_PROCFS_SOURCE_H
#define SG_PROBE_PROCFS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sgprobe/metric.h>

/* A piece of text that is not NUL terminated. */
struct sg_text {
	const char *p;
	size_t n;
};

/* Each takes one piece off the front of *t and returns false when there is none. */
bool sg_text_line(struct sg_text *t, struct sg_text *line); /* without the newline */
bool sg_text_word(struct sg_text *t, struct sg_text *word); /* between blanks and tabs */
bool sg_text_until(struct sg_text *t, char c, struct sg_text *part); /* and drops c */
bool sg_text_u64(struct sg_text *t, uint64_t *v); /* a word of decimal digits that fits */
bool sg_text_skip(struct sg_text *t, unsigned int words);
bool sg_text_is(struct sg_text t, const char *s);

enum sg_proc_flags {
	/* label 1 is a device: at most SG_PROCFS_DEVICES_MAX, then "other" */
	SG_PROC_DEVICE = 1 << 0,
	/* the kernel may let it dip for a moment: hold, do not start anew */
	SG_PROC_NO_DIP = 1 << 1,
	/* readings are pages, the metric is in bytes */
	SG_PROC_PAGES = 1 << 2,
};

struct sg_proc_metric {
	const char *key; /* in the file, for sources that look metrics up by key */
	const char *name, *title, *help, *unit;
	const char *labels[2]; /* names, in ascending order */
	double scale; /* value = reading * scale */
	enum sg_type type;
	unsigned int flags;
};

/* Where readings go. label values are of hostile origin; a missing one is {0}. */
struct sg_proc_sink {
	void (*put)(struct sg_proc_sink *s, const struct sg_proc_metric *m, struct sg_text label1,
		    struct sg_text label2, uint64_t v);
};

struct sg_proc_source {
	const char *file; /* below the root */
	size_t max; /* bytes; a longer file is an error */
	void (*parse)(const struct sg_proc_source *src, struct sg_text text,
		      struct sg_proc_sink *out);
	const char *prefix; /* parse's own: a constant first label, or what keys start with */
	const struct sg_proc_metric *metrics;
	size_t n_metrics;
};

extern const struct sg_proc_source sg_proc_stat, sg_proc_softirqs, sg_proc_loadavg, sg_proc_psi_cpu,
	sg_proc_psi_memory, sg_proc_psi_io, sg_proc_psi_irq;
extern const struct sg_proc_source sg_proc_meminfo, sg_proc_vmstat, sg_proc_file_nr,
	sg_proc_pid_max, sg_proc_threads_max;
extern const struct sg_proc_source sg_proc_diskstats;
extern const struct sg_proc_source sg_proc_net_dev, sg_proc_snmp, sg_proc_snmp6, sg_proc_netstat,
	sg_proc_sockstat;

/* All sources, ended by NULL. */
extern const struct sg_proc_source *const sg_proc_sources[];

/* The metric of src with this key, or NULL. */
const struct sg_proc_metric *sg_proc_by_key(const struct sg_proc_source *src, struct sg_text key);
/* A parse function: lines of "key value" or "key: value". */
void sg_proc_parse_keys(const struct sg_proc_source *src, struct sg_text text,
			struct sg_proc_sink *out);

static inline void sg_proc_put(struct sg_proc_sink *out, const struct sg_proc_metric *m, uint64_t v)
{
	out->put(out, m, (struct sg_text){0}, (struct sg_text){0}, v);
}

#endif
