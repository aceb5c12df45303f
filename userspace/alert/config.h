/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the configuration's reader share. */
#ifndef ALERT_CONFIG_H
#define ALERT_CONFIG_H

#include <sgprobe/alert_config.h>

#include "doc.h"

/* config_interval.c */
void al_set_intervals(struct al_doc *d, const yaml_node_t *v,
		      void *to); /* struct sg_alert_config * */
/* config_route.c: routes as written, until the names in them are known. */
struct al_raw_route {
	const char *receiver, *escalation;
	struct sg_matcher *matchers;
	size_t n_matchers;
	struct al_texts group_by, mute, active;
	bool has_group_by, cont;
	int64_t group_wait_ms, group_interval_ms, repeat_interval_ms; /* -1: not said */
	size_t n_routes;
	struct al_raw_route *routes;
	unsigned int line, depth;
};
void al_set_route(struct al_doc *d, const yaml_node_t *v, void *to); /* struct al_raw_route * */
void al_set_matchers(struct al_doc *d, const yaml_node_t *v, struct sg_matcher **m, size_t *n);
/* A map of names to values or patterns. */
void al_set_match(struct al_doc *d, const yaml_node_t *v, enum sg_match_op op,
		  struct sg_matcher **m, size_t *n);
void al_finish_routes(struct al_doc *d, struct sg_alert_config *c, const struct al_raw_route *raw);
/* config_receiver.c, config_escalation.c, config_inhibit.c: of struct sg_alert_config * */
void al_set_receivers(struct al_doc *d, const yaml_node_t *v, void *to);
void al_set_policies(struct al_doc *d, const yaml_node_t *v, void *to);
void al_check_policies(struct al_doc *d, const struct sg_alert_config *c);
void al_set_inhibit(struct al_doc *d, const yaml_node_t *v, void *to);
bool al_known_receiver(const struct sg_alert_config *c, const char *name);
void al_check_receiver(struct al_doc *d, const struct sg_alert_config *c, unsigned int line,
		       const char *name);

#endif
