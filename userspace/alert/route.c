// SPDX-License-Identifier: GPL-2.0
// Which routes an alert takes.
#include <string.h>

#include <sgprobe/alert_config.h>

static bool match(const struct sg_route *r, const struct sg_series *labels,
		  const struct sg_route **ret, size_t max, size_t *n)
{
	size_t before = *n;

	if (!sg_selector_match(&r->matchers, labels))
		return false;
	for (size_t i = 0; i < r->n_routes; i++)
		if (match(&r->routes[i], labels, ret, max, n) && !r->routes[i].cont)
			break;
	if (*n == before && *n < max)
		ret[(*n)++] = r;
	return true;
}

size_t sg_routes_of(const struct sg_alert_config *c, const struct sg_series *labels,
		    const struct sg_route **ret, size_t max)
{
	size_t n = 0;

	match(&c->root, labels, ret, max, &n);
	return n;
}

int sg_severity_rank(const struct sg_series *labels)
{
	static const struct {
		const char *name;
		int rank;
	} ranks[] = {{"info", 1},  {"warning", 2},  {"ticket", 2},
		     {"error", 3}, {"critical", 4}, {"page", 4}};
	const char *s = sg_series_label(labels, "severity");

	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++)
		if (!strcmp(s, ranks[i].name))
			return ranks[i].rank;
	return 0;
}
