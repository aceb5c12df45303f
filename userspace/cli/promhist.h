/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_CLI_PROMHIST_H
#define SG_CLI_PROMHIST_H

#include <jansson.h>

#include <sgprobe/hist.h>

/* A native histogram as Prometheus' API writes it {"count","sum","buckets":[[boundary,lower,upper,count],...]} back into h. 0, -EBADMSG, -ENOMEM. */
int sg_promhist_parse(struct sg_hist *h, const json_t *o);

#endif
