// SPDX-License-Identifier: GPL-2.0
// Any bytes as a rule file and as an alert configuration; what is accepted is evaluated once.
#include <stddef.h>
#include <string.h>

#include <sgprobe/alert_router.h>

static int nothing(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena,
		   struct sg_value *ret, struct sg_error *err)
{
	*ret = (struct sg_value){.kind = SG_SCALAR, .scalar = {.t_ms = t_ms, .value = 1}};
	return 0;
}

static void evaluate(const struct sg_rule_group *g)
{
	const struct sg_rule_query q = {nothing, NULL};
	sg_auto(sg_rules_eval) e = NULL;

	if (sg_rules_eval_new(g, NULL, &e) == 0)
		for (int64_t t = 0; t < 3; t++)
			sg_rules_eval_run(e, t * 60000, &q, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sg_rule_problems ps;
	sg_auto(sg_rule_file) f = NULL;
	sg_auto(sg_alert_config) c = NULL;

	if (sg_rules_parse("f", (const char *)data, size, &f, &ps) == 0)
		for (size_t i = 0; i < f->n_groups && i < 8; i++)
			evaluate(&f->groups[i]);
	if (sg_alert_config_parse("f", (const char *)data, size, &c, &ps) == 0)
		for (size_t i = 0; i < c->n_intervals; i++)
			for (int64_t t = -5; t < 5; t++)
				sg_time_interval_holds(&c->intervals[i], t * 86400000 * 365);
	return 0;
}
