// SPDX-License-Identifier: GPL-2.0
#include <time.h>

#include <sgprobe/time.h>

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t sg_mono_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t sg_boot_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

int64_t sg_real_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

int64_t sg_real_ms(void)
{
	return now_ns(CLOCK_REALTIME) / 1000000;
}
