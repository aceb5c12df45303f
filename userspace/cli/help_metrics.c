// SPDX-License-Identifier: GPL-2.0
/* 'sgprobe help metrics': the catalogue as Markdown; docs/METRICS.md is its output. */
#include <string.h>

#include <sgprobe/metric.h>

#include "opts.h"
#include "probe/domain.h"

struct page {
	struct sg_buf *b;
	const char *group; /* whose table is being written */
	unsigned int metrics, histograms, dims;
	int pass; /* 0 counts, 1 writes */
};

static const struct sg_domain *domain_of(const char *group)
{
	for (size_t i = 0; i < sg_n_domains; i++)
		if (strcmp(sg_domains[i]->name, group) == 0)
			return sg_domains[i];
	return NULL;
}

static void put_hooks(struct sg_buf *b, const struct sg_domain *d)
{
	static const char *const rates[] = {
		[SG_RARE] = "rare", [SG_BUSY] = "per request", [SG_HOT] = "hot"};

	sg_buf_str(b, "\n| hook | variants | kernels | runs |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < d->n_programs; i++) {
		const struct sg_program *p = &d->programs[i];

		sg_buf_printf(b, "| `%s` | tp_btf, raw_tp | %s%s | %s |\n", p->hook,
			      p->since ? p->since : "5.10", p->optional ? ", optional" : "",
			      rates[p->rate]);
	}
}

static void begin_group(struct page *p, const struct sg_metric_info *m)
{
	const struct sg_domain *d = domain_of(m->group);

	p->group = m->group;
	sg_buf_printf(p->b, "\n## %s\n", d ? d->title : m->group);
	if (d)
		put_hooks(p->b, d);
	sg_buf_str(p->b, "\n| metric | type | unit | labels | what it is |\n"
			 "| --- | --- | --- | --- | --- |\n");
}

/* A dimension metric is a column of the host's: it is told by the name of its label. */
static int put_metric(const struct sg_metric_info *m, void *ctx)
{
	struct page *p = ctx;

	if (p->pass == 0) {
		p->dims += m->of != NULL;
		p->metrics += !m->of;
		p->histograms += !m->of && m->type == SG_HISTOGRAM;
		return 0;
	}
	if (m->of)
		return 0;
	if (!p->group || strcmp(p->group, m->group) != 0)
		begin_group(p, m);
	sg_buf_printf(p->b, "| `%s` | %s | %s | %s | %s |\n", m->name, sg_type_name(m->type),
		      m->unit, m->label ? m->label : "", m->help);
	return 0;
}

int sg_help_metrics(struct sg_cli *cli)
{
	sg_auto_buf b = {0};
	struct page p = {.b = &b};

	sg_metrics_each(put_metric, &p);
	sg_buf_printf(
		&b,
		"# Metrics\n\n"
		"<!-- Written by 'sgprobe help metrics'; 'make docs' writes it anew. -->\n\n"
		"%u metrics, %u of them distributions (native histograms, schema 3), and %u more that "
		"show some of them by cgroup and by comm: `sgprobe_NAME` is also "
		"`sgprobe_cgroup_NAME{cgroup}` and `sgprobe_comm_NAME{comm}`, whose sums equal it.\n\n"
		"A hook is attached by the first variant that the kernel takes. An optional one leaves "
		"the domain working where it is missing. *Runs*: rare is less than a thousand a second, per "
		"request is with the load, hot is up to a million a second.\n",
		p.metrics, p.histograms, p.dims);
	p.pass = 1;
	sg_metrics_each(put_metric, &p);
	return sg_cli_put(&b);
}
