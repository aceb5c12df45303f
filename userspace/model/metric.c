// SPDX-License-Identifier: GPL-2.0
// A metric's entry of the catalogue as JSON, and what its name says.
#include <stdio.h>
#include <string.h>

#include <sgprobe/metric.h>

static void put_field(struct sg_buf *b, const char *key, const char *value)
{
	sg_buf_printf(b, ",\"%s\":", key);
	if (value)
		sg_json_str(b, value);
	else
		sg_buf_str(b, "null");
}

/* "irq,name" as ["irq","name"]. */
static void put_labels(struct sg_buf *b, const char *labels)
{
	char name[SG_NAME_MAX + 1];

	sg_buf_str(b, ",\"labels\":[");
	for (const char *p = labels; p && *p; p += strcspn(p, ","), p += *p == ',') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, ","), p);
		sg_buf_str(b, p == labels ? "" : ",");
		sg_json_str(b, name);
	}
	sg_buf_char(b, ']');
}

void sg_metric_json(struct sg_buf *b, const struct sg_metric_info *m)
{
	sg_buf_str(b, "{\"name\":");
	sg_json_str(b, m->name);
	put_field(b, "title", m->title);
	put_field(b, "help", m->help);
	put_field(b, "unit", m->unit);
	put_field(b, "type", sg_type_name(m->type));
	put_field(b, "group", m->group);
	put_field(b, "label", m->label);
	put_labels(b, m->label);
	put_field(b, "of", m->of);
	put_field(b, "dim", m->dim);
	sg_buf_char(b, '}');
}

const char *sg_metric_unit(const char *name)
{
	static const char *const units[] = {"seconds", "bytes"};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strstr(name, units[i]))
			return units[i];
	return "";
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && strcmp(s + n - k, end) == 0;
}

bool sg_metric_is_latency(const struct sg_metric_info *m)
{
	return m->type == SG_HISTOGRAM &&
	       (ends_with(m->name, "latency_seconds") || ends_with(m->name, "rtt_seconds"));
}
