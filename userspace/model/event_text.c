// SPDX-License-Identifier: GPL-2.0
/* Events as JSON and as sentences. */
#include <string.h>

#include <sgprobe/event.h>

#define NESTED_MAX 4

static void put_value(struct sg_buf *b, const struct sg_event_field *f, const char *unit)
{
	char text[32];

	if (f->text)
		sg_buf_str(b, f->text);
	else if (*unit)
		sg_buf_str(b, sg_fmt_unit(unit, f->number, text, sizeof(text)));
	else
		sg_fmt_float(b, f->number);
}

/* p is behind '{'. Returns what follows '}'. */
static const char *put_field(struct sg_buf *b, const struct sg_event *e, const char *p,
			     bool *missing)
{
	size_t n = strcspn(p, "}"), name = strcspn(p, ":}");
	char copy[2][32] = {""};
	const struct sg_event_field *f;

	if (name < sizeof(copy[0]) && n - name <= sizeof(copy[1])) {
		memcpy(copy[0], p, name);
		if (n > name)
			memcpy(copy[1], p + name + 1, n - name - 1);
	}
	f = sg_event_get(e, copy[0]);
	*missing = *missing || !f;
	if (f)
		put_value(b, f, copy[1]);
	else
		sg_buf_char(b, '?');
	return p[n] ? p + n + 1 : p + n;
}

/* Up to the ']' that ends it. What is in brackets is put only when it is whole. */
static const char *put_part(struct sg_buf *b, const struct sg_event *e, const char *p, int depth,
			    bool *missing)
{
	while (*p && *p != ']') {
		if (*p == '{') {
			p = put_field(b, e, p + 1, missing);
		} else if (*p == '[' && depth < NESTED_MAX) {
			sg_auto_buf part = {0};
			bool lacks = false;

			p = put_part(&part, e, p + 1, depth + 1, &lacks);
			p += *p == ']';
			if (!lacks && part.data)
				sg_buf_add(b, part.data, part.len);
		} else {
			sg_buf_char(b, *p++);
		}
	}
	return p;
}

/* Of a kind that this program does not know. */
static void put_all(struct sg_buf *b, const struct sg_event *e)
{
	for (size_t i = 0; i < e->n; i++) {
		sg_buf_printf(b, "%s%s ", i ? ", " : "", e->fields[i].name);
		put_value(b, &e->fields[i], "");
	}
}

void sg_event_sentence(struct sg_buf *b, const struct sg_event *e)
{
	const struct sg_event_kind *k = sg_event_kind_find(e->kind);
	bool missing = false;

	if (k)
		put_part(b, e, k->sentence, 0, &missing);
	else
		put_all(b, e);
}

void sg_event_json(struct sg_buf *b, const struct sg_event *e)
{
	const struct sg_event_kind *k = sg_event_kind_find(e->kind);
	sg_auto_buf text = {0};

	sg_event_sentence(&text, e);
	sg_buf_printf(b, "{\"t_ms\":%lld,\"kind\":\"%s\",\"severity\":\"%s\",\"title\":",
		      (long long)e->t_ms, e->kind, sg_severity_name(e->severity));
	sg_json_str(b, k ? k->title : e->kind);
	sg_buf_str(b, ",\"text\":");
	sg_json_str(b, text.data ? text.data : "");
	sg_buf_str(b, ",\"fields\":{");
	for (size_t i = 0; i < e->n; i++) {
		sg_buf_printf(b, "%s\"%s\":", i ? "," : "", e->fields[i].name);
		if (e->fields[i].text)
			sg_json_str(b, e->fields[i].text);
		else
			sg_json_num(b, e->fields[i].number);
	}
	sg_buf_str(b, "}}");
}
