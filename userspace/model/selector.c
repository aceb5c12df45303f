// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <sgprobe/series.h>

#include "regex.h"

static bool is_pattern(const struct sg_matcher *m)
{
	return m->op == SG_MATCH_RE || m->op == SG_MATCH_NRE;
}

int sg_selector_compile(struct sg_selector *sel, struct sg_error *err)
{
	for (size_t i = 0; i < sel->n; i++) {
		struct sg_matcher *m = &sel->matchers[i];
		struct sg_regex *re = NULL;
		int r;

		if (!is_pattern(m) || m->regex)
			continue;
		r = sg_regex_new(m->value, &re, err);
		if (r < 0) {
			sg_selector_release(sel);
			return r;
		}
		m->regex = re;
	}
	return 0;
}

void sg_selector_release(struct sg_selector *sel)
{
	if (!sel)
		return;
	for (size_t i = 0; i < sel->n; i++) {
		if (!is_pattern(&sel->matchers[i]))
			continue;
		sg_regex_free(sel->matchers[i].regex);
		sel->matchers[i].regex = NULL;
	}
}

static bool matches(const struct sg_matcher *m, const char *value)
{
	switch (m->op) {
	case SG_MATCH_EQ: return !strcmp(value, m->value);
	case SG_MATCH_NE: return strcmp(value, m->value) != 0;
	case SG_MATCH_RE: return sg_regex_match(m->regex, value);
	case SG_MATCH_NRE: return !sg_regex_match(m->regex, value);
	}
	return false;
}

bool sg_selector_match(const struct sg_selector *sel, const struct sg_series *s)
{
	for (size_t i = 0; i < sel->n; i++)
		if (!matches(&sel->matchers[i], sg_series_label(s, sel->matchers[i].name)))
			return false;
	return true;
}

const char *sg_selector_name(const struct sg_selector *sel)
{
	for (size_t i = 0; i < sel->n; i++)
		if (sel->matchers[i].op == SG_MATCH_EQ &&
		    !strcmp(sel->matchers[i].name, "__name__"))
			return sel->matchers[i].value;
	return NULL;
}
