// SPDX-License-Identifier: GPL-2.0
// Disks: /proc/diskstats.
#include <ctype.h>
#include <string.h>

#include "procfs_source.h"

#define DISK(what, title, help, unit, scale)                                                       \
	{                                                                                          \
		NULL, "sgprobe_disk_" what "_total", title, help, unit, {"device"}, scale,         \
			SG_COUNTER, SG_PROC_DEVICE                                                 \
	}
#define NUMBERS 10 /* that follow the name, as far as we need them */
#define SECTOR 512 /* the unit of diskstats, whatever the disk's own sectors are */

static const struct sg_proc_metric disk_metrics[] = {
	DISK("reads", "Disk reads", "Reads completed; whole disks, not their partitions", "", 1),
	DISK("read_bytes", "Bytes read", "Bytes read from the disk", "bytes", SECTOR),
	DISK("read_seconds", "Time of reads", "Time that reads took, queueing included", "seconds",
	     1e-3),
	DISK("writes", "Disk writes", "Writes completed; whole disks, not their partitions", "", 1),
	DISK("written_bytes", "Bytes written", "Bytes written to the disk", "bytes", SECTOR),
	DISK("write_seconds", "Time of writes", "Time that writes took, queueing included",
	     "seconds", 1e-3),
	DISK("io_seconds", "Disk busy time", "Time in which the disk had something to do",
	     "seconds", 1e-3),
};
/* Which number of the line each metric is. */
static const unsigned char column[ARRAY_SIZE(disk_metrics)] = {0, 2, 3, 4, 6, 7, 9};

static bool all_digits(struct sg_text t)
{
	for (size_t i = 0; i < t.n; i++) {
		if (!isdigit((unsigned char)t.p[i]))
			return false;
	}
	return t.n > 0;
}

/* The kernel lists partitions after their disk: sda, sda1; nvme0n1, nvme0n1p1. */
static bool is_partition_of(struct sg_text name, struct sg_text disk)
{
	struct sg_text rest;

	if (!disk.n || name.n <= disk.n || memcmp(name.p, disk.p, disk.n) != 0)
		return false;
	rest = (struct sg_text){name.p + disk.n, name.n - disk.n};
	if (isdigit((unsigned char)disk.p[disk.n - 1])) {
		if (*rest.p != 'p')
			return false;
		rest.p++;
		rest.n--;
	}
	return all_digits(rest);
}

static bool starts_with(struct sg_text t, const char *s)
{
	size_t n = strlen(s);

	return t.n > n && !memcmp(t.p, s, n);
}

/* loop7, ram3: made in advance by the dozen; they count once they are used. */
static bool is_unused(struct sg_text name, const uint64_t v[NUMBERS])
{
	return (starts_with(name, "loop") || starts_with(name, "ram")) && !v[0] && !v[4];
}

static bool parse_line(struct sg_text line, struct sg_text *name, uint64_t v[NUMBERS])
{
	if (!sg_text_skip(&line, 2) || !sg_text_word(&line, name))
		return false;
	for (int i = 0; i < NUMBERS; i++) {
		if (!sg_text_u64(&line, &v[i]))
			return false;
	}
	return true;
}

static void parse_diskstats(const struct sg_proc_source *src, struct sg_text text,
			    struct sg_proc_sink *out)
{
	struct sg_text line, name, disk = {0};
	uint64_t v[NUMBERS];

	while (sg_text_line(&text, &line)) {
		if (!parse_line(line, &name, v) || is_partition_of(name, disk))
			continue;
		disk = name;
		if (is_unused(name, v))
			continue;
		for (size_t i = 0; i < src->n_metrics; i++)
			out->put(out, &src->metrics[i], name, (struct sg_text){0}, v[column[i]]);
	}
}

const struct sg_proc_source sg_proc_diskstats = {
	"diskstats", 1 << 20, parse_diskstats, NULL, disk_metrics, ARRAY_SIZE(disk_metrics),
};
