/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_CLI_METRICS_H
#define SG_CLI_METRICS_H

#include <sgprobe/metric.h>
#include <sgprobe/str.h>

/*
 * What a user means by PROBE: the histogram of this name, with or without "sgprobe_"
 * and its unit; else the only histogram of the host that has the text in its name.
 * Labels in braces may follow. Appends the selector to out, or fills err: -ENOENT with
 * some of the names, -EINVAL when several match.
 */
int sg_metric_resolve(const char *text, struct sg_buf *out, struct sg_error *err);

#endif
