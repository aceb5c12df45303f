// SPDX-License-Identifier: GPL-2.0
// The list of domains, and the catalogue of all metrics of the probe.
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "procfs.h"
#include "self.h"
#include "truth.h"

const struct sg_domain *const sg_domains[] = {
#define SG_DOMAIN(n) &sg_domain_##n,
#include "domains.def"
#undef SG_DOMAIN
};
const size_t sg_n_domains = ARRAY_SIZE(sg_domains);

static void full_name(char out[SG_NAME_MAX + 1], const char *dim, const struct sg_domain *d,
		      const struct sg_metric_row *m)
{
	snprintf(out, SG_NAME_MAX + 1, "sgprobe_%s%s%s_%s", dim ? dim : "", dim ? "_" : "", d->name,
		 m->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Series carry their labels in ascending order; so does this. */
static const char *labels_of(const struct sg_metric_row *m, char *out, size_t n)
{
	const char *labels[] = {m->label, m->label2, m->label3};
	size_t k = m->label3 ? 3 : m->label2 ? 2 : 1, at = 0;

	if (!m->label || k == 1)
		return m->label;
	qsort(labels, k, sizeof(labels[0]), by_name);
	for (size_t i = 0; i < k; i++)
		at += (size_t)snprintf(out + at, n - at, "%s%s", i ? "," : "", labels[i]);
	return out;
}

static int each_of_row(const struct sg_domain *d, const struct sg_metric_row *m, sg_metric_cb cb,
		       void *ctx)
{
	static const char *const dims[] = {"cgroup", "comm"};
	char host[SG_NAME_MAX + 1], name[SG_NAME_MAX + 1], label[128];
	struct sg_metric_info info = {.name = host,
				      .title = m->title,
				      .help = m->help,
				      .unit = sg_metric_unit(m->name),
				      .label = labels_of(m, label, sizeof(label)),
				      .group = d->name,
				      .type = m->type};
	int r;

	full_name(host, NULL, d, m);
	r = cb(&info, ctx);
	info.name = name;
	info.of = host;
	if (m->from == SG_FROM_BLOCKS || m->from == SG_FROM_KEYS || m->from == SG_FROM_CELLS)
		info.label = NULL;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dims); i++) {
		if (!(m->dims & (1u << i)))
			continue;
		full_name(name, dims[i], d, m);
		info.dim = dims[i];
		r = cb(&info, ctx);
	}
	return r;
}

int sg_metrics_each(sg_metric_cb cb, void *ctx)
{
	static const struct sg_metric_table *const tables[] = {
		&sg_named_metrics,    &sg_event_metrics, &sg_self_metrics,
		&sg_governor_metrics, &sg_cost_metrics,	 &sg_truth_metrics,
	};
	int r = 0;

	for (size_t i = 0; i < sg_n_domains; i++)
		for (size_t j = 0; r == 0 && j < sg_domains[i]->n_metrics; j++)
			r = each_of_row(sg_domains[i], &sg_domains[i]->metrics[j], cb, ctx);
	if (r == 0)
		r = sg_procfs_metrics_each(cb, ctx);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (size_t j = 0; r == 0 && j < tables[i]->n; j++)
			r = cb(&tables[i]->rows[j], ctx);
	return r;
}

const char *sg_group_title(const char *group)
{
	for (size_t i = 0; i < sg_n_domains; i++)
		if (strcmp(sg_domains[i]->name, group) == 0)
			return sg_domains[i]->title;
	if (strcmp(group, "named") == 0)
		return "Named probes";
	if (strcmp(group, "proc") == 0)
		return "Resources";
	return strcmp(group, "self") == 0 ? "sgprobe itself" : NULL;
}
