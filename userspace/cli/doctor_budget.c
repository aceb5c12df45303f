// SPDX-License-Identifier: GPL-2.0
#include <jansson.h>
#include <string.h>

#include <sgprobe/str.h>

#include "client.h"
#include "doctor.h"

/* The domains that the running daemon's budget leaves less than everything of. */
static size_t shed(const json_t *status, struct sg_buf *names, const char **reason)
{
	json_t *all = json_object_get(status, "probes"), *p;
	size_t i, n = 0;

	json_array_foreach(all, i, p)
	{
		const char *name = json_string_value(json_object_get(p, "name"));
		const char *why = json_string_value(json_object_get(p, "step_reason"));

		if (!name || json_integer_value(json_object_get(p, "step")) < 1)
			continue;
		sg_buf_printf(names, "%s%.32s", n++ ? ", " : "", name);
		*reason = why ? why : "";
	}
	return n;
}

void sg_check_budget(const struct sg_config *cfg, struct sg_finding *f)
{
	sg_auto_buf body = {0}, names = {0};
	const char *reason = "";
	json_t *status;

	if (sg_client_get(cfg->socket, "/api/sg/v1/status", &body, NULL) != 200) {
		sg_found(f, SG_PASS, "no daemon runs");
		return;
	}
	status = json_loadb(body.data, body.len, 0, NULL);
	if (!shed(status, &names, &reason)) {
		sg_found(f, SG_PASS, "nothing is shed to keep probe.budget");
	} else {
		sg_found(f, SG_WARN, "%.80s: %.110s", names.data, reason);
		sg_cure(f, "wait for a calmer host, raise probe.budget, or switch domains off");
	}
	json_decref(status);
}
