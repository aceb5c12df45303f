// SPDX-License-Identifier: GPL-2.0
// Time intervals as they are written.
#include <errno.h>
#include <string.h>

#include "config.h"

static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
				       "thursday", "friday", "saturday"};
static const char *const months[] = {"january",	  "february", "march",	  "april",
				     "may",	  "june",     "july",	  "august",
				     "september", "october",  "november", "december"};

static bool number(const char *s, int *ret)
{
	bool minus = *s == '-';
	uint64_t n;

	if (sg_parse_u64(s + minus, 0, 9999, &n) < 0)
		return false;
	*ret = minus ? -(int)n : (int)n;
	return true;
}

static bool from_list(const char *s, const char *const *names, int n, int first, int *ret)
{
	for (int i = 0; i < n; i++)
		if (!strcasecmp(s, names[i])) {
			*ret = first + i;
			return true;
		}
	return false;
}

static bool weekday(const char *s, int *ret)
{
	return from_list(s, weekdays, 7, 0, ret);
}

static bool day(const char *s, int *ret)
{
	return number(s, ret) && *ret >= -31 && *ret <= 31 && *ret != 0;
}

static bool month(const char *s, int *ret)
{
	return from_list(s, months, 12, 1, ret) || (number(s, ret) && *ret >= 1 && *ret <= 12);
}

static bool year(const char *s, int *ret)
{
	return number(s, ret) && *ret >= 1;
}

/* "a:b", or "a" alone. */
static bool range(const char *s, bool (*one)(const char *s, int *ret), struct sg_time_range *r)
{
	char part[2][32] = {""};
	const char *colon = strchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : strlen(s);

	if (n >= sizeof(part[0]) || (colon && strlen(colon + 1) >= sizeof(part[1])))
		return false;
	memcpy(part[0], s, n);
	strcpy(part[1], colon ? colon + 1 : part[0]);
	if (!one(part[0], &r->from) || !one(part[1], &r->to))
		return false;
	/* 5:-1 is from the fifth to the last. */
	return r->from <= r->to || (r->from > 0 && r->to < 0);
}

struct ranges {
	struct sg_time_range **list;
	size_t *n;
	bool (*one)(const char *s, int *ret);
	const char *what;
};

static void add_range(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	const struct ranges *rs = ctx;
	const char *s = al_doc_text(d, v);
	struct sg_time_range r, *to;

	if (!s)
		return;
	if (!range(s, rs->one, &r) || (r.from < 0 && r.to > 0)) {
		al_doc_problem(d, al_doc_line(v), "\"%.40s\" is no range of %s", s, rs->what);
		return;
	}
	to = al_doc_add(d, rs->list, rs->n, sizeof(**rs->list));
	if (to)
		*to = r;
}

/* The setters of one kind of range each. */
#define RANGE(field, parse, text)                                                                  \
	static void set_##field(struct al_doc *d, const yaml_node_t *v, void *to)                  \
	{                                                                                          \
		struct sg_time_span *s = to;                                                       \
		struct ranges rs = {&s->field, &s->n_##field, parse, text};                        \
                                                                                                   \
		al_doc_list(d, v, #field, add_range, &rs);                                         \
	}
RANGE(weekdays, weekday, "weekdays: write monday:friday or saturday")
RANGE(days, day, "days of a month: write 1:5, 15 or -3:-1")
RANGE(months, month, "months: write january:march, 5 or december")
RANGE(years, year, "years: write 2026:2028 or 2026")

struct raw_times {
	const char *start, *end;
};

/* "09:30" in minutes, up to "24:00". */
static bool clock_time(const char *s, int *ret)
{
	int h, m;
	char hour[3] = {0};

	if (!s || strlen(s) != 5 || s[2] != ':')
		return false;
	memcpy(hour, s, 2);
	if (!number(hour, &h) || !number(s + 3, &m) || h < 0 || m < 0 || m > 59)
		return false;
	*ret = h * 60 + m;
	return *ret <= 24 * 60;
}

static const struct al_key time_keys[] = {
	{"start_time", al_set_text, offsetof(struct raw_times, start)},
	{"end_time", al_set_text, offsetof(struct raw_times, end)},
};

static void add_time(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_time_span *s = ctx;
	struct raw_times raw = {0};
	struct sg_time_range r, *to;

	al_doc_map(d, v, "times", time_keys, ARRAY_SIZE(time_keys), &raw);
	if (!clock_time(raw.start, &r.from) || !clock_time(raw.end, &r.to) || r.from >= r.to) {
		al_doc_problem(
			d, al_doc_line(v),
			"times: start_time and end_time are HH:MM in quotes, up to 24:00, "
			"and the start is before the end; one over midnight is written as two");
		return;
	}
	to = AL_DOC_ADD(d, s->times, s->n_times);
	if (to)
		*to = r;
}

static void set_times(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "times", add_time, to);
}

static void set_location(struct al_doc *d, const yaml_node_t *v, void *to)
{
	struct sg_time_span *s = to;
	int r;

	s->location = al_doc_text(d, v);
	if (!s->location)
		return;
	r = sg_zone_load(s->location, &s->zone);
	if (r < 0)
		al_doc_problem(d, al_doc_line(v),
			       "there is no time zone \"%.60s\" (%s); write it as Europe/Berlin",
			       s->location, strerror(-r));
}

static const struct al_key span_keys[] = {
	{"times", set_times, 0},   {"weekdays", set_weekdays, 0}, {"days_of_month", set_days, 0},
	{"months", set_months, 0}, {"years", set_years, 0},	  {"location", set_location, 0},
};

static void add_span(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_time_interval *i = ctx;
	struct sg_time_span *s = AL_DOC_ADD(d, i->spans, i->n);

	if (!s)
		return;
	*s = (struct sg_time_span){0};
	al_doc_map(d, v, "time interval", span_keys, ARRAY_SIZE(span_keys), s);
}

static void set_spans(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "time_intervals", add_span, to);
}

static const struct al_key interval_keys[] = {
	{"name", al_set_text, offsetof(struct sg_time_interval, name)},
	{"time_intervals", set_spans, 0},
};

static void add_interval(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct sg_alert_config *c = ctx;
	struct sg_time_interval i = {0}, *to = AL_DOC_ADD(d, c->intervals, c->n_intervals);

	if (!to)
		return;
	al_doc_map(d, v, "time interval", interval_keys, ARRAY_SIZE(interval_keys), &i);
	if (!i.name || !*i.name) {
		al_doc_problem(d, al_doc_line(v), "a time interval needs a name");
		i.name = "";
	}
	for (size_t k = 0; k + 1 < c->n_intervals; k++)
		if (!strcmp(c->intervals[k].name, i.name))
			al_doc_problem(d, al_doc_line(v), "time interval \"%.60s\" is not unique",
				       i.name);
	*to = i;
}

void al_set_intervals(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "time_intervals", add_interval, to);
}
