/* SPDX-License-Identifier: GPL-2.0 */
/* The document of GET /api/sg/v1/status, from what the server process knows. */
#ifndef SG_DAEMON_STATUS_H
#define SG_DAEMON_STATUS_H

#include <sgprobe/config.h>
#include <sgprobe/frame.h>
#include <sgprobe/ingest.h>
#include <sgprobe/store.h>

#include "ctl.h"

#define SG_STATUS_DOMAINS 64

struct sg_domain_state { /* as sgprobe_domain_up{domain,variant,reason} says it */
	char domain[32], variant[64], reason[256];
	bool up;
	unsigned int
		step; /* of detail that is left, as sgprobe_governor_step{domain,reason} says it */
	char step_reason[176];
};

struct sg_status {
	const struct sg_config *cfg;
	uint64_t boot_id;
	bool ready;
	struct sg_ctl_info info;
	struct sg_store_health store;
	int64_t t_ms; /* of the newest frame of the probe; 0: none */
	uint32_t flags; /* of it */
	double lag_seconds; /* from t_ms to its arrival here */
	struct sg_ingest *ingest; /* NULL: off */
	size_t n_domains;
	struct sg_domain_state domains[SG_STATUS_DOMAINS];
};
void sg_status_json(struct sg_buf *b, const struct sg_status *s, int64_t now_ms);
/* Takes the domains' states from a decoded frame; true when one changed. */
bool sg_status_domains(struct sg_status *s, const struct sg_frame *f);

#endif
