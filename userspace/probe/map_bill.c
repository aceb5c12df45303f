// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/map_bill.h>

#include "load.h"

struct adding {
	struct sg_map_bill *bill;
	unsigned int cpus;
	uint64_t own; /* of the domain's own maps */
	bool seen[SG_SHARED_MAPS];
};

static int add_map(const char *name, const struct sg_map_shape *m, void *ctx)
{
	struct adding *a = ctx;
	uint64_t bytes = sg_map_bytes(m, a->cpus);
	size_t i = 0;

	while (i < SG_SHARED_MAPS && strcmp(name, sg_shared_names[i]) != 0)
		i++;
	if (i == SG_SHARED_MAPS)
		a->own += bytes;
	else if (!a->seen[i])
		a->bill->shared += bytes;
	if (i < SG_SHARED_MAPS)
		a->seen[i] = true;
	return 0;
}

static bool is_enabled(const struct sg_domain *d, const struct sg_config *cfg)
{
	return d->enabled == SG_ALWAYS || *(const bool *)((const char *)cfg + d->enabled);
}

int sg_map_bill(const struct sg_config *cfg, struct sg_map_bill *b)
{
	struct adding a = {.bill = b};
	struct sg_shared s;
	int r = 0;

	memset(b, 0, sizeof(*b));
	sg_shared_init(&s, cfg);
	a.cpus = (unsigned int)SG_MAX(libbpf_num_possible_cpus(), 1);
	for (size_t i = 0; r == 0 && i < sg_n_domains && b->n < SG_MAP_BILL_MAX; i++) {
		if (!is_enabled(sg_domains[i], cfg))
			continue;
		a.own = 0;
		r = sg_load_shapes(sg_domains[i], &s, add_map, &a);
		b->of[b->n].domain = sg_domains[i]->name;
		b->of[b->n++].bytes = a.own;
		b->total += a.own;
	}
	b->total += b->shared;
	sg_shared_free(&s);
	return r;
}

static int larger(const void *a, const void *b)
{
	const uint64_t *x = *(const uint64_t *const *)a, *y = *(const uint64_t *const *)b;

	return *x < *y ? 1 : -(*x > *y);
}

#define SHOWN 5

void sg_map_bill_print(struct sg_buf *b, const struct sg_map_bill *bill)
{
	const uint64_t *order[SG_MAP_BILL_MAX] = {0};
	uint64_t rest = bill->total - bill->shared;
	char text[32];

	for (size_t i = 0; i < bill->n; i++)
		order[i] = &bill->of[i].bytes;
	qsort(order, bill->n, sizeof(*order), larger);
	sg_buf_printf(b, "%s of kernel memory: shared ",
		      sg_fmt_bytes((double)bill->total, text, sizeof(text)));
	sg_buf_str(b, sg_fmt_bytes((double)bill->shared, text, sizeof(text)));
	for (size_t i = 0; i < bill->n && i < SHOWN; i++) {
		size_t at = 0;

		while (&bill->of[at].bytes != order[i])
			at++;
		sg_buf_printf(b, ", %s %s", bill->of[at].domain,
			      sg_fmt_bytes((double)*order[i], text, sizeof(text)));
		rest -= *order[i];
	}
	if (bill->n > SHOWN)
		sg_buf_printf(b, ", the rest %s", sg_fmt_bytes((double)rest, text, sizeof(text)));
}

int sg_map_bill_check(const struct sg_map_bill *bill, const struct sg_config *cfg,
		      struct sg_error *err)
{
	char want[32], most[32];

	if (bill->total <= cfg->max_map_memory)
		return 0;
	sg_fmt_bytes((double)bill->total, want, sizeof(want));
	sg_fmt_bytes((double)cfg->max_map_memory, most, sizeof(most));
	return sg_fail(
		err, -E2BIG,
		"the kernel programs would take %s of kernel memory, probe.max_map_memory is %s: "
		"lower probe.slots (%u) or probe.rows (%u), or raise probe.max_map_memory",
		want, most, (unsigned int)cfg->slots, (unsigned int)cfg->pool_rows);
}
