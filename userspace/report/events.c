// SPDX-License-Identifier: GPL-2.0
// What happened: how many events of each kind, and the gravest of them one by one.
#include <string.h>

#include "document.h"
#include "text.h"

#define LISTED 40

static void put_kinds(struct sg_buf *b, const struct report_data *d)
{
	bool first = true;

	sg_buf_str(b, "\"kinds\":[");
	for (size_t k = 0; k < SG_EVENT_KINDS; k++) {
		size_t n = 0;

		for (size_t i = 0; i < d->n_events; i++)
			n += strcmp(d->events[i].kind, sg_event_kinds[k].name) == 0;
		if (!n)
			continue;
		sg_buf_str(b, first ? "{" : ",{");
		first = false;
		report_str(b, "kind", sg_event_kinds[k].name);
		sg_buf_char(b, ',');
		report_str(b, "title", sg_event_kinds[k].title);
		sg_buf_char(b, ',');
		report_num(b, "count", (double)n);
		sg_buf_char(b, '}');
	}
	sg_buf_char(b, ']');
}

/* Those of one severity, newest first. */
static size_t put_severity(struct sg_buf *b, const struct report_data *d, enum sg_severity s,
			   size_t listed)
{
	for (size_t i = 0; i < d->n_events && listed < LISTED; i++) {
		if (d->events[i].severity != s)
			continue;
		if (listed++)
			sg_buf_char(b, ',');
		sg_event_json(b, &d->events[i]);
	}
	return listed;
}

void report_put_events(struct sg_buf *b, const struct report_data *d)
{
	size_t listed = 0;

	sg_buf_str(b, "\"events\":{");
	report_num(b, "count", (double)d->n_events);
	sg_buf_printf(b, ",\"limited\":%s,", d->n_events == REPORT_MAX_EVENTS ? "true" : "false");
	put_kinds(b, d);
	sg_buf_str(b, ",\"list\":[");
	for (int s = SG_SEVERITIES - 1; s >= 0; s--)
		listed = put_severity(b, d, s, listed);
	sg_buf_str(b, "]}");
}

/* ---- as text ----------------------------------------------------------------------------- */

static void put_line(struct report_text *t, const json_t *e)
{
	sg_auto_buf line = {0};
	char time[32];

	sg_buf_printf(&line, "%s %s: ", report_time(report_get_num(e, "t_ms"), time, sizeof(time)),
		      report_get_str(e, "title"));
	sg_buf_str(&line, report_get_str(e, "text"));
	report_wrap(t, line.data ? line.data : "", 0);
}

void report_text_events(struct report_text *t, const json_t *doc)
{
	const json_t *events = report_get_object(doc, "events");
	const json_t *kinds = report_get_list(events, "kinds");
	const json_t *list = report_get_list(events, "list");
	sg_auto_buf line = {0};

	if (!json_array_size(list))
		return;
	report_heading(t, "What happened");
	for (size_t i = 0; i < json_array_size(kinds); i++) {
		const json_t *k = json_array_get(kinds, i);

		sg_buf_printf(&line, "%s%s %.0f", i ? ", " : "", report_get_str(k, "title"),
			      report_get_num(k, "count"));
	}
	sg_buf_char(&line, '.');
	report_wrap(t, line.data, 0);
	for (size_t i = 0; i < json_array_size(list); i++)
		put_line(t, json_array_get(list, i));
}
