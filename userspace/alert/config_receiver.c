// SPDX-License-Identifier: GPL-2.0
// Receivers: their names, and whether they want to hear of ends.
#include <errno.h>
#include <string.h>

#include "config.h"

struct receiver {
	const char *name;
	bool any, wants_resolved;
};

struct integration {
	bool set, value;
};

static void integration_key(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	struct integration *i = ctx;

	if (strcmp(key, "send_resolved") != 0 || al_doc_is_null(v))
		return;
	i->set = true;
	al_set_bool(d, v, &i->value);
}

struct integrations {
	struct receiver *r;
	bool by_default;
};

static void add_integration(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct integrations *list = ctx;
	struct integration i = {0};

	al_doc_pairs(d, v, "receiver", integration_key, &i);
	list->r->any = true;
	list->r->wants_resolved |= i.set ? i.value : list->by_default;
}

/* Alertmanager's own: these do not send ends when nothing is said. */
static bool resolved_by_default(const char *key)
{
	return strcmp(key, "slack_configs") != 0 && strcmp(key, "email_configs") != 0;
}

static void receiver_key(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	struct receiver *r = ctx;
	struct integrations list = {r, resolved_by_default(key)};
	size_t n = strlen(key);

	if (!strcmp(key, "name"))
		al_set_text(d, v, &r->name);
	else if (n > 8 && !strcmp(key + n - 8, "_configs"))
		al_doc_list(d, v, key, add_integration, &list);
	else
		al_doc_problem(d, d->key_line, "receiver: there is no field %.100s", key);
}

static void add_receiver(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_alert_config *c = ctx;
	struct receiver r = {0};
	struct sg_receiver *to;

	al_doc_pairs(d, v, "receiver", receiver_key, &r);
	if (!r.name || !*r.name) {
		al_doc_problem(d, al_doc_line(v), "a receiver needs a name");
		return;
	}
	if (al_known_receiver(c, r.name))
		al_doc_problem(d, al_doc_line(v), "receiver name \"%.60s\" is not unique", r.name);
	to = AL_DOC_ADD(d, c->receivers, c->n_receivers);
	if (to)
		*to = (struct sg_receiver){r.name, r.wants_resolved || !r.any};
}

void al_set_receivers(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "receivers", add_receiver, to);
}
