/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_CLI_STATUS_INGEST_H
#define SG_CLI_STATUS_INGEST_H

#include <jansson.h>

#include <sgprobe/str.h>

/* What programs say of themselves, of the status document: nothing while it is off. */
void sg_status_ingest(struct sg_buf *b, const json_t *status);

#endif
