// SPDX-License-Identifier: GPL-2.0
/*
 * Settings from YAML: maps, one inside another, of plain values. What else YAML
 * can do (lists, anchors, aliases, tags, several documents) is refused, as are
 * keys that are unknown or come twice.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include <sgprobe/file.h>

#include "load.h"
#include "setting.h"

#define FILE_MAX_BYTES (256U << 10)
#define SECTIONS_MAX 16
#define KEY_MAX SG_SETTING_KEY_MAX

struct loader {
	yaml_parser_t *parser;
	const char *path;
	struct sg_config *c;
	struct sg_error *err;
	struct sg_config_trace *trace; /* NULL: the first mistake ends it */
	unsigned int *lines; /* by setting: where it was seen, 0: not yet */
	char sections[SECTIONS_MAX][KEY_MAX];
	size_t n_sections;
	bool list; /* one may stand here */
	bool listed; /* probes came already */
};

static int fail_at(const struct loader *l, const yaml_mark_t *mark, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail_at(const struct loader *l, const yaml_mark_t *mark, const char *fmt, ...)
{
	char msg[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return sg_fail(l->err, -EINVAL, "%s:%zu: %s", l->path, mark->line + 1, msg);
}

/* With a trace a mistake is noted, and reading goes on behind it. */
static int note(struct loader *l, int r)
{
	struct sg_config_trace *t = l->trace;

	if (r != -EINVAL || !t || t->n_errors == SG_CONFIG_ERRORS_MAX)
		return r;
	t->errors[t->n_errors++] = *l->err;
	return 0;
}

static int refuse_extras(const struct loader *l, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT && l->list) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		return fail_at(l, &e->start_mark, "a list stands here; settings take one value");
	}
	if (e->type == YAML_ALIAS_EVENT || anchor)
		return fail_at(l, &e->start_mark,
			       "anchors and aliases (& and *) are not supported; write the value "
			       "itself, in quotes if it starts like this");
	if (tag)
		return fail_at(l, &e->start_mark,
			       "tags (!) are not supported; write the value without, in quotes if "
			       "it starts like this");
	return 0;
}

/* The next event, to be deleted by the caller when 0 is returned. */
static int next_event(const struct loader *l, yaml_event_t *e)
{
	int r;

	if (!yaml_parser_parse(l->parser, e)) {
		if (l->parser->error == YAML_MEMORY_ERROR)
			return -ENOMEM;
		return fail_at(l, &l->parser->problem_mark, "this is not YAML: %s",
			       l->parser->problem ? l->parser->problem : "unreadable");
	}
	r = refuse_extras(l, e);
	if (r < 0)
		yaml_event_delete(e);
	return r;
}

static int unknown_key(const struct loader *l, const yaml_mark_t *mark, const char *key)
{
	char guess[KEY_MAX];

	if (sg_setting_guess(key, guess))
		return fail_at(l, mark, "%s: there is no such setting; did you mean %s?", key,
			       guess);
	return fail_at(l, mark, "%s: there is no such setting; 'sgprobe help config' lists all",
		       key);
}

static int set_value(struct loader *l, const char *key, const yaml_event_t *e)
{
	const struct sg_setting *s = sg_setting_find(key);
	const char *value = (const char *)e->data.scalar.value;
	struct sg_error why = {""};

	if (!s && sg_setting_is_section(key))
		return fail_at(l, &e->start_mark,
			       "%s: is a section; its settings go below it, "
			       "indented",
			       key);
	if (!s)
		return unknown_key(l, &e->start_mark, key);
	if (l->lines[s - sg_settings])
		return fail_at(l, &e->start_mark,
			       "%s: is set a second time; the first is in line %u", key,
			       l->lines[s - sg_settings]);
	l->lines[s - sg_settings] = (unsigned int)e->start_mark.line + 1;
	if (strlen(value) != e->data.scalar.length)
		return fail_at(l, &e->start_mark, "%s: contains a control character", key);
	if (sg_setting_parse(s, l->c, value, &why) < 0)
		return fail_at(l, &e->start_mark, "%s: %s", key, why.msg);
	return 0;
}

static int load_map(struct loader *l, const char *section);
static int full_key(const struct loader *l, const char *section, const yaml_event_t *e,
		    char out[KEY_MAX]);

/* Up to the end of a map, whose start was read. */
static int skip_map(const struct loader *l)
{
	for (unsigned int depth = 1; depth;) {
		yaml_event_t e;
		int r = next_event(l, &e);

		if (r < 0)
			return r;
		depth += e.type == YAML_MAPPING_START_EVENT;
		depth -= e.type == YAML_MAPPING_END_EVENT;
		yaml_event_delete(&e);
	}
	return 0;
}

static int check_section(const struct loader *l, const char *key, const yaml_event_t *e)
{
	if (sg_setting_find(key))
		return fail_at(l, &e->start_mark, "%s: takes one value, not a map", key);
	if (!sg_setting_is_section(key))
		return unknown_key(l, &e->start_mark, key);
	for (size_t i = 0; i < l->n_sections; i++)
		if (!strcmp(l->sections[i], key))
			return fail_at(l, &e->start_mark, "%s: this section comes a second time",
				       key);
	if (l->n_sections == SECTIONS_MAX)
		return fail_at(l, &e->start_mark, "%s: too many sections", key);
	return 0;
}

static int enter_section(struct loader *l, const char *key, const yaml_event_t *e)
{
	int r = check_section(l, key, e);

	if (r < 0) {
		r = note(l, r);
		return r < 0 ? r : skip_map(l);
	}
	strcpy(l->sections[l->n_sections++], key);
	return load_map(l, key);
}

/* ---- the list of probes ---- */

static int set_latency(struct sg_named *n, const char *value, struct sg_error *err)
{
	n->untimed = !strcmp(value, "false");
	return n->untimed || !strcmp(value, "true")
		       ? 0
		       : sg_fail(err, -EINVAL, "'%.40s' is neither true nor false", value);
}

static int set_text(char *to, size_t size, const char *value, struct sg_error *err)
{
	if (strlen(value) >= size)
		return sg_fail(err, -EINVAL, "is longer than %zu bytes", size - 1);
	memset(to, 0, size);
	strcpy(to, value);
	return 0;
}

static int set_field(struct sg_named *n, const char *key, const char *value, struct sg_error *err)
{
	if (!strcmp(key, "name"))
		return set_text(n->name, sizeof(n->name), value, err);
	if (!strcmp(key, "probe"))
		return set_text(n->spec, sizeof(n->spec), value, err);
	if (!strcmp(key, "by_arg"))
		return sg_named_parse_arg(value, n, err);
	if (!strcmp(key, "latency"))
		return set_latency(n, value, err);
	return sg_fail(err, -EINVAL,
		       "there is no such setting of a probe; there are name, probe, by_arg and "
		       "latency");
}

/* One value of one probe; its key has been read. */
static int load_field(struct loader *l, struct sg_named *n, const char *key)
{
	struct sg_error why = {""};
	yaml_event_t e;
	int r = next_event(l, &e);

	if (r < 0)
		return r;
	if (e.type != YAML_SCALAR_EVENT)
		r = fail_at(l, &e.start_mark, "probes: %s: takes one value", key);
	else if (strlen((const char *)e.data.scalar.value) != e.data.scalar.length)
		r = fail_at(l, &e.start_mark, "probes: %s: contains a control character", key);
	else if (set_field(n, key, (const char *)e.data.scalar.value, &why) < 0)
		r = fail_at(l, &e.start_mark, "probes: %s: %s", key, why.msg);
	yaml_event_delete(&e);
	return r;
}

static int finish_probe(struct loader *l, const yaml_mark_t *mark, const struct sg_named *n)
{
	struct sg_error why = {""};

	if (!n->name[0] || !n->spec[0])
		return fail_at(l, mark,
			       "probes: a probe needs a name and what it watches: name, "
			       "probe");
	if (sg_named_check(n, &why) < 0)
		return fail_at(l, mark, "probes: %s", why.msg);
	for (uint64_t i = 0; i < l->c->n_probes; i++)
		if (!strcmp(l->c->probes[i].name, n->name))
			return fail_at(l, mark, "probes: %s: there are two of this name", n->name);
	if (l->c->n_probes == SG_NAMED_MAX)
		return fail_at(l, mark, "probes: at most %d are possible", SG_NAMED_MAX);
	l->c->probes[l->c->n_probes++] = *n;
	return 0;
}

/* One probe, whose start was read. */
static int load_probe(struct loader *l)
{
	struct sg_named n = {""};
	unsigned int seen = 0;

	for (;;) {
		char key[KEY_MAX];
		yaml_event_t e;
		int r = next_event(l, &e);
		bool end;

		if (r < 0)
			return r;
		end = e.type == YAML_MAPPING_END_EVENT;
		r = end ? finish_probe(l, &e.start_mark, &n) : full_key(l, "", &e, key);
		if (r == 0 && !end && ++seen > 8)
			r = fail_at(l, &e.start_mark, "probes: too many settings of a probe");
		yaml_event_delete(&e);
		if (r == 0 && !end)
			r = load_field(l, &n, key);
		if (end || r < 0)
			return r;
	}
}

/* Entries of a list whose start was read, up to its end. */
static int load_entries(struct loader *l)
{
	for (;;) {
		yaml_event_t e;
		int r = next_event(l, &e);
		bool end, map;

		if (r < 0)
			return r;
		end = e.type == YAML_SEQUENCE_END_EVENT;
		map = e.type == YAML_MAPPING_START_EVENT;
		if (!end && !map)
			r = fail_at(l, &e.start_mark,
				    "probes: write each one as - name: NAME, and below that probe: "
				    "WHAT");
		yaml_event_delete(&e);
		if (r == 0 && map)
			r = load_probe(l);
		if (end || r < 0)
			return r;
	}
}

static int load_probes(struct loader *l)
{
	yaml_event_t e;
	bool list;
	int r;

	l->list = true;
	r = next_event(l, &e);
	l->list = false;
	if (r < 0)
		return r;
	list = e.type == YAML_SEQUENCE_START_EVENT;
	if (l->listed)
		r = fail_at(l, &e.start_mark, "probes: this list comes a second time");
	else if (!list && !(e.type == YAML_SCALAR_EVENT && !e.data.scalar.length))
		r = fail_at(l, &e.start_mark, "probes: a list of probes is expected");
	l->listed = true;
	yaml_event_delete(&e);
	if (r < 0 || !list)
		return r;
	l->c->n_probes = 0;
	memset(l->c->probes, 0, sizeof(l->c->probes));
	return load_entries(l);
}

/* A key has been read: its value. */
static int load_value(struct loader *l, const char *key)
{
	yaml_event_t e;
	int r;

	if (!strcmp(key, "probes"))
		return load_probes(l);
	r = next_event(l, &e);

	if (r < 0)
		return r;
	if (e.type == YAML_MAPPING_START_EVENT)
		r = enter_section(l, key, &e);
	else
		r = note(l, set_value(l, key, &e));
	yaml_event_delete(&e);
	return r;
}

static int full_key(const struct loader *l, const char *section, const yaml_event_t *e,
		    char out[KEY_MAX])
{
	const char *name = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;

	if (e->type != YAML_SCALAR_EVENT)
		return fail_at(l, &e->start_mark, "a map stands where a key is expected");
	if (!n || strspn(name, "abcdefghijklmnopqrstuvwxyz_.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789-") != n)
		return fail_at(l, &e->start_mark, "this is not the name of a setting");
	if (snprintf(out, KEY_MAX, "%s%s%s", section, *section ? "." : "", name) >= KEY_MAX)
		return fail_at(l, &e->start_mark, "%.40s...: there is no such setting", name);
	return 0;
}

/* Up to the map's end; its start has been read. Sections do not nest: neither does this. */
static int load_map(struct loader *l, const char *section)
{
	for (;;) {
		char key[KEY_MAX];
		yaml_event_t e;
		int r = next_event(l, &e);
		bool end;

		if (r < 0)
			return r;
		end = e.type == YAML_MAPPING_END_EVENT;
		if (!end)
			r = full_key(l, section, &e, key);
		yaml_event_delete(&e);
		if (end || r < 0)
			return r;
		r = load_value(l, key);
		if (r < 0)
			return r;
	}
}

/* The document's root. An empty file, or one of comments only, changes nothing. */
static int load_root(struct loader *l, const yaml_event_t *e, unsigned *documents)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return (*documents)++ ? fail_at(l, &e->start_mark,
						"a second document starts here; one is read")
				      : 0;
	case YAML_MAPPING_START_EVENT: return load_map(l, "");
	case YAML_SCALAR_EVENT:
		if (!e->data.scalar.length)
			return 0;
		return fail_at(l, &e->start_mark, "a key and a colon are expected here");
	default: return 0;
	}
}

static int load_stream(struct loader *l)
{
	unsigned documents = 0;

	for (;;) {
		yaml_event_t e;
		int r = next_event(l, &e);
		bool end;

		if (r < 0)
			return r;
		end = e.type == YAML_STREAM_END_EVENT;
		r = load_root(l, &e, &documents);
		yaml_event_delete(&e);
		if (end || r < 0)
			return r;
	}
}

static int read_text(struct loader *l, const char *text, size_t n)
{
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	l->parser = &parser;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	r = load_stream(l);
	yaml_parser_delete(&parser);
	l->parser = NULL;
	return r;
}

/* What ended the reading is the last of the mistakes. */
static int finish_trace(struct sg_config_trace *t, int r, struct sg_error *err)
{
	if (r == -EINVAL && t->n_errors < SG_CONFIG_ERRORS_MAX)
		t->errors[t->n_errors++] = *err;
	if (t->n_errors) {
		*err = t->errors[0];
		r = -EINVAL;
	}
	return r;
}

int sg_config_trace_text(struct sg_config *c, const char *text, size_t n, const char *path,
			 struct sg_config_trace *t, struct sg_error *err)
{
	struct sg_config work = *c;
	struct sg_error none = {""};
	struct loader l = {.path = path, .c = &work, .err = err ? err : &none, .trace = t};
	sg_auto_free unsigned int *lines = calloc(sg_n_settings, sizeof(*lines));
	int r;

	if (!lines)
		return -ENOMEM;
	l.lines = lines;
	r = read_text(&l, text, n);
	if (t) {
		r = finish_trace(t, r, l.err);
		free(t->lines);
		t->lines = sg_take(lines);
	}
	if (!r)
		*c = work;
	return r;
}

int sg_config_load_text(struct sg_config *c, const char *text, size_t n, const char *path,
			struct sg_error *err)
{
	return sg_config_trace_text(c, text, n, path, NULL, err);
}

int sg_config_trace(struct sg_config *c, const char *path, struct sg_config_trace *t,
		    struct sg_error *err)
{
	sg_auto_buf text = {0};
	int r = sg_read_file(path, FILE_MAX_BYTES, &text);

	if (r == -EFBIG)
		return sg_fail(err, -EINVAL,
			       "%s: is larger than %u KiB; this is hardly a "
			       "configuration file",
			       path, FILE_MAX_BYTES >> 10);
	if (r < 0)
		return sg_fail(err, r, "cannot read %s: %s", path, strerror(-r));
	return sg_config_trace_text(c, text.len ? text.data : "", text.len, path, t, err);
}

void sg_config_trace_free(struct sg_config_trace *t)
{
	free(t->lines);
	t->lines = NULL;
}

int sg_config_load(struct sg_config *c, const char *path, struct sg_error *err)
{
	return sg_config_trace(c, path, NULL, err);
}

int sg_config_set(struct sg_config *c, const char *key, const char *value, struct sg_error *err)
{
	const struct sg_setting *s = sg_setting_find(key);
	struct sg_error why = {""};
	char guess[KEY_MAX];

	if (!s && sg_setting_guess(key, guess))
		return sg_fail(err, -EINVAL, "%.64s: there is no such setting; did you mean %s?",
			       key, guess);
	if (!s)
		return sg_fail(err, -EINVAL, "%.64s: there is no such setting", key);
	if (sg_setting_parse(s, c, value, &why) < 0)
		return sg_fail(err, -EINVAL, "%s: %s", key, why.msg);
	return 0;
}
