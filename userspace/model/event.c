// SPDX-License-Identifier: GPL-2.0
/* Kinds of events, and what an event is. */
#include <math.h>
#include <string.h>

#include <sgprobe/event.h>

#include "wire.h"

const struct sg_event_kind sg_event_kinds[SG_EVENT_KINDS] = {
#define SG_EVENT(id, name, severity, title, help, fields, sentence)                                \
	[SG_EVENT_##id] = {name, title, help, SG_##severity, fields, sentence},
#include <sgprobe/events.def>
#undef SG_EVENT
};

const char *sg_severity_name(enum sg_severity s)
{
	static const char *const names[SG_SEVERITIES] = {"info", "warning", "critical"};

	return s < SG_SEVERITIES ? names[s] : "";
}

const struct sg_event_kind *sg_event_kind_find(const char *name)
{
	for (size_t i = 0; i < SG_EVENT_KINDS; i++)
		if (strcmp(sg_event_kinds[i].name, name) == 0)
			return &sg_event_kinds[i];
	return NULL;
}

void sg_event_init(struct sg_event *e, enum sg_event_id id, int64_t t_ms)
{
	*e = (struct sg_event){.kind = sg_event_kinds[id].name,
			       .severity = sg_event_kinds[id].severity,
			       .t_ms = t_ms};
}

void sg_event_number(struct sg_event *e, const char *name, double v)
{
	if (e->n < SG_EVENT_FIELDS_MAX && isfinite(v))
		e->fields[e->n++] = (struct sg_event_field){.name = name, .number = v};
}

void sg_event_text(struct sg_event *e, const char *name, const char *v)
{
	if (e->n < SG_EVENT_FIELDS_MAX && v && *v)
		e->fields[e->n++] = (struct sg_event_field){.name = name, .text = v};
}

const struct sg_event_field *sg_event_get(const struct sg_event *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->fields[i].name, name) == 0)
			return &e->fields[i];
	return NULL;
}

static bool name_valid(const char *s)
{
	size_t n = strlen(s);

	return n && n <= SG_EVENT_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789") == n && !(*s >= '0' && *s <= '9');
}

static bool field_valid(const struct sg_event_field *f)
{
	size_t n = f->text ? strlen(f->text) : 0;

	if (!f->name || !name_valid(f->name))
		return false;
	return f->text ? n && n <= SG_EVENT_TEXT_MAX && sg_utf8_valid(f->text, n)
		       : (bool)isfinite(f->number);
}

bool sg_event_valid(const struct sg_event *e)
{
	if (!e->kind || !name_valid(e->kind) || e->severity >= SG_SEVERITIES || e->t_ms < 0 ||
	    e->t_ms > WIRE_T_MAX_MS || e->n > SG_EVENT_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < e->n; i++) {
		if (!field_valid(&e->fields[i]))
			return false;
		if (sg_event_get(e, e->fields[i].name) != &e->fields[i])
			return false;
	}
	return true;
}

bool sg_event_copy(struct sg_event *to, const struct sg_event *e, struct sg_arena *a)
{
	bool whole;

	*to = *e;
	to->kind = sg_arena_strdup(a, e->kind);
	whole = to->kind;
	for (size_t i = 0; i < e->n; i++) {
		const struct sg_event_field *f = &e->fields[i];

		to->fields[i].name = sg_arena_strdup(a, f->name);
		to->fields[i].text = f->text ? sg_arena_strdup(a, f->text) : NULL;
		whole = whole && to->fields[i].name && (!f->text || to->fields[i].text);
	}
	return whole;
}
