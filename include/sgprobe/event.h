/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what happens rarely and is worth telling as a whole. A kind is a row of
 * <sgprobe/events.def>. An event has a kind, a time and fields that are numbers or
 * texts; the same bytes serve frames and the store. Kinds and fields are names, so that
 * a reader takes those that it has never heard of, too.
 */
#ifndef SGPROBE_EVENT_H
#define SGPROBE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/bpf/event.h>
#include <sgprobe/series.h>

#define SG_EVENT_NAME_MAX 48 /* bytes of the name of a kind or field: [a-z_][a-z0-9_]* */
#define SG_EVENT_FIELDS_MAX 16
#define SG_EVENT_TEXT_MAX SG_LABEL_VALUE_MAX /* bytes of a text: UTF-8, not empty */
#define SG_EVENTS_MAX 256 /* of a frame */
#define SG_EVENT_MAX_BYTES 8192 /* of one that is encoded */

enum sg_severity { SG_INFO, SG_WARNING, SG_CRITICAL, SG_SEVERITIES };
const char *sg_severity_name(enum sg_severity s); /* "info", "warning", "critical" */

struct sg_event_kind {
	const char *name, *title, *help;
	enum sg_severity severity;
	const char *fields; /* names, separated by blanks */
	const char *sentence; /* see events.def */
};
extern const struct sg_event_kind sg_event_kinds[SG_EVENT_KINDS];
const struct sg_event_kind *sg_event_kind_find(const char *name); /* NULL: there is none */

struct sg_event_field {
	const char *name;
	const char *text; /* NULL: a number */
	double number; /* finite */
};
struct sg_event {
	const char *kind;
	enum sg_severity severity;
	int64_t t_ms; /* Unix, 1970 to 9999 */
	size_t n;
	struct sg_event_field fields[SG_EVENT_FIELDS_MAX]; /* each name once */
};

/*
 * Building. Texts are borrowed; one that is NULL or empty is left out, and so is what
 * finds no place or is not finite.
 */
void sg_event_init(struct sg_event *e, enum sg_event_id id, int64_t t_ms);
void sg_event_number(struct sg_event *e, const char *name, double v);
void sg_event_text(struct sg_event *e, const char *name, const char *v);
const struct sg_event_field *sg_event_get(const struct sg_event *e, const char *name); /* or NULL */
bool sg_event_valid(const struct sg_event *e);

/* A deep copy whose strings are in the arena; false: no memory. */
bool sg_event_copy(struct sg_event *to, const struct sg_event *e, struct sg_arena *a);

/* Appends the bytes of one event. -EINVAL for what is not valid, -ENOMEM. */
int sg_event_encode(const struct sg_event *e, struct sg_buf *b);
/*
 * Reads one event from the beginning of n bytes; strings are copied into the arena.
 * Returns how many bytes it took; -EBADMSG, -ENOMEM. Every input is hostile.
 */
int64_t sg_event_decode(const void *p, size_t n, struct sg_arena *a, struct sg_event *e);

/* {"t_ms","kind","severity","title","text","fields":{...}} */
void sg_event_json(struct sg_buf *b, const struct sg_event *e);
/* What happened, as one sentence without its time. What is in it is untrusted: escape it where it is shown. */
void sg_event_sentence(struct sg_buf *b, const struct sg_event *e);

#endif
