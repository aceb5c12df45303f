// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes of an event: varint length of what follows; then the kind as a string (varint
 * length and bytes), in varints severity, time and number of fields; and for each field
 * its name, then 0 and a number, or 1 and a string. docs/EVENTS.md.
 */
#include <errno.h>
#include <string.h>

#include <sgprobe/event.h>

#include "wire.h"

enum { FIELD_NUMBER, FIELD_TEXT };

static void put_varint(struct sg_buf *b, uint64_t v)
{
	uint8_t p[WIRE_VARINT_MAX];

	sg_buf_add(b, p, wire_put_varint(p, v) - p);
}

static void put_string(struct sg_buf *b, const char *s)
{
	size_t n = strlen(s);

	put_varint(b, n);
	sg_buf_add(b, s, n);
}

static void put_field(struct sg_buf *b, const struct sg_event_field *f)
{
	uint8_t p[WIRE_NUMBER_MAX];

	put_string(b, f->name);
	put_varint(b, f->text ? FIELD_TEXT : FIELD_NUMBER);
	if (f->text)
		put_string(b, f->text);
	else
		sg_buf_add(b, p, wire_put_number(p, f->number) - p);
}

int sg_event_encode(const struct sg_event *e, struct sg_buf *b)
{
	sg_auto_buf body = {0};

	if (!sg_event_valid(e))
		return -EINVAL;
	put_string(&body, e->kind);
	put_varint(&body, e->severity);
	put_varint(&body, (uint64_t)e->t_ms);
	put_varint(&body, e->n);
	for (size_t i = 0; i < e->n; i++)
		put_field(&body, &e->fields[i]);
	put_varint(b, body.len);
	sg_buf_add(b, body.data, body.len);
	return body.err ? body.err : b->err;
}

/* NULL and in->bad, or NULL for lack of memory. */
static const char *get_string(struct wire_reader *in, size_t max, struct sg_arena *a)
{
	size_t n = wire_get_upto(in, max);
	const char *s;

	if (in->bad || !n || n > wire_left(in) || memchr(in->p, 0, n)) {
		wire_bad(in);
		return NULL;
	}
	s = sg_arena_strndup(a, (const char *)in->p, n);
	in->p += n;
	return s;
}

static bool get_field(struct wire_reader *in, struct sg_arena *a, struct sg_event_field *f)
{
	*f = (struct sg_event_field){.name = get_string(in, SG_EVENT_NAME_MAX, a)};
	if (wire_get_upto(in, FIELD_TEXT) == FIELD_TEXT) {
		f->text = get_string(in, SG_EVENT_TEXT_MAX, a);
		return f->name && f->text;
	}
	f->number = wire_get_number(in);
	return f->name;
}

static int get_event(struct wire_reader *in, struct sg_arena *a, struct sg_event *e)
{
	bool memory;

	*e = (struct sg_event){.kind = get_string(in, SG_EVENT_NAME_MAX, a)};
	memory = e->kind;
	e->severity = wire_get_upto(in, SG_SEVERITIES - 1);
	e->t_ms = (int64_t)wire_get_upto(in, WIRE_T_MAX_MS);
	e->n = wire_get_upto(in, SG_EVENT_FIELDS_MAX);
	for (size_t i = 0; i < e->n && memory && !in->bad; i++)
		memory = get_field(in, a, &e->fields[i]);
	if (in->bad || wire_left(in))
		return -EBADMSG;
	if (!memory)
		return -ENOMEM;
	return sg_event_valid(e) ? 0 : -EBADMSG;
}

int64_t sg_event_decode(const void *p, size_t n, struct sg_arena *a, struct sg_event *e)
{
	struct wire_reader in = {p, (const uint8_t *)p + n, false};
	size_t len = wire_get_upto(&in, SG_EVENT_MAX_BYTES);
	struct wire_reader body = {in.p, in.p + len, false};
	int r;

	if (in.bad || len > wire_left(&in))
		return -EBADMSG;
	r = get_event(&body, a, e);
	return r < 0 ? r : body.end - (const uint8_t *)p;
}
