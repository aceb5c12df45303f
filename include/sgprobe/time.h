/* SPDX-License-Identifier: GPL-2.0 */
/* Clocks. Units are in the names; wall-clock milliseconds are Unix time in UTC. */
#ifndef SGPROBE_TIME_H
#define SGPROBE_TIME_H

#include <stdint.h>

uint64_t sg_mono_ns(void); /* CLOCK_MONOTONIC: stops while the machine is suspended */
uint64_t sg_boot_ns(void); /* CLOCK_BOOTTIME: goes on while suspended */
int64_t sg_real_ms(void); /* CLOCK_REALTIME */
int64_t sg_real_ns(void);

#endif
