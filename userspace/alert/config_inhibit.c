// SPDX-License-Identifier: GPL-2.0
// Inhibition rules.
#include <errno.h>
#include <string.h>

#include "config.h"

struct raw_inhibit {
	struct sg_matcher *source, *target;
	size_t n_source, n_target;
	struct al_texts equal;
};

static void set_source(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw_inhibit *r = to;

	al_set_matchers(d, v, &r->source, &r->n_source);
}

static void set_target(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct raw_inhibit *r = to;

	al_set_matchers(d, v, &r->target, &r->n_target);
}

/* SIDE(source, match, SG_MATCH_EQ): set_source_match, the older way of writing it. */
#define SIDE(side, name, op)                                                                       \
	static void set_##side##_##name(struct al_doc *d, const yaml_node_t *v, void *to)          \
	{                                                                                          \
		struct raw_inhibit *r = to;                                                        \
                                                                                                   \
		al_set_match(d, v, op, &r->side, &r->n_##side);                                    \
	}
SIDE(source, match, SG_MATCH_EQ)
SIDE(source, match_re, SG_MATCH_RE)
SIDE(target, match, SG_MATCH_EQ)
SIDE(target, match_re, SG_MATCH_RE)

static const struct al_key inhibit_keys[] = {
	{"source_matchers", set_source, 0},
	{"target_matchers", set_target, 0},
	{"source_match", set_source_match, 0},
	{"source_match_re", set_source_match_re, 0},
	{"target_match", set_target_match, 0},
	{"target_match_re", set_target_match_re, 0},
	{"equal", al_set_texts, offsetof(struct raw_inhibit, equal)},
};

static void add_inhibit(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_alert_config *c = ctx;
	struct raw_inhibit raw = {0};
	struct sg_inhibit_rule *to;
	struct sg_error err = {""};

	al_doc_map(d, v, "inhibit rule", inhibit_keys, ARRAY_SIZE(inhibit_keys), &raw);
	to = AL_DOC_ADD(d, c->inhibit, c->n_inhibit);
	if (!to)
		return;
	*to = (struct sg_inhibit_rule){.source = {raw.n_source, raw.source},
				       .target = {raw.n_target, raw.target},
				       .equal = raw.equal.v,
				       .n_equal = raw.equal.n};
	if (sg_selector_compile(&to->source, &err) < 0 ||
	    sg_selector_compile(&to->target, &err) < 0)
		al_doc_problem(d, al_doc_line(v), "%s", err.msg);
}

void al_set_inhibit(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "inhibit_rules", add_inhibit, to);
}
