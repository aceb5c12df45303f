// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "perf_event.h"

int sg_event_type(const char *pmu)
{
	sg_auto_buf b = {0};
	char path[128];
	unsigned int n;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmu);
	if (sg_read_file(path, 64, &b) < 0 || !b.data)
		return -ENOENT;
	return sscanf(b.data, "%u", &n) == 1 ? (int)n : -EINVAL;
}

int sg_event_open(struct perf_event_attr *attr)
{
	int fd;

	attr->size = sizeof(*attr);
	attr->sample_period = 1;
	attr->wakeup_events = 1;
	fd = (int)syscall(SYS_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
