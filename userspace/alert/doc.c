// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>

#include "doc.h"

unsigned int al_doc_line(const yaml_node_t *n)
{
	return (unsigned int)n->start_mark.line + 1;
}

void al_doc_problem(struct al_doc *d, unsigned int line, const char *fmt, ...)
{
	struct sg_rule_problems *ps = d->problems;
	va_list ap;

	if (ps->n < SG_RULE_PROBLEMS_MAX) {
		struct sg_rule_problem *p = &ps->list[ps->n];

		p->line = line;
		va_start(ap, fmt);
		vsnprintf(p->text, sizeof(p->text), fmt, ap);
		va_end(ap);
	}
	ps->n++;
}

int al_doc_read(const char *path, struct sg_buf *b, struct sg_rule_problems *problems)
{
	int r = sg_read_file(path, AL_DOC_MAX, b);

	problems->n = r < 0;
	if (r < 0) {
		problems->list[0].line = 0;
		snprintf(problems->list[0].text, sizeof(problems->list[0].text),
			 "cannot read the file: %s", strerror(-r));
	}
	return r < 0 ? r : 0;
}

int al_doc_open(struct al_doc *d, const char *path, const char *text, size_t n,
		struct sg_arena *arena, struct sg_rule_problems *problems)
{
	yaml_parser_t parser;

	*d = (struct al_doc){.path = path, .arena = arena, .problems = problems};
	if (n > AL_DOC_MAX) {
		al_doc_problem(d, 1, "the file is longer than %u bytes", AL_DOC_MAX);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	d->loaded = yaml_parser_load(&parser, &d->yaml);
	if (!d->loaded)
		al_doc_problem(d, (unsigned int)parser.problem_mark.line + 1,
			       "this is not YAML: %s%s%s",
			       parser.problem ? parser.problem : "unreadable",
			       parser.context ? ", " : "", parser.context ? parser.context : "");
	yaml_parser_delete(&parser);
	return d->loaded ? 0 : -EINVAL;
}

void al_doc_close(struct al_doc *d)
{
	if (d->loaded)
		yaml_document_delete(&d->yaml);
	d->loaded = false;
}

const yaml_node_t *al_doc_root(struct al_doc *d)
{
	return yaml_document_get_root_node(&d->yaml);
}

bool al_doc_is_null(const yaml_node_t *n)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		if (!strcmp((const char *)n->data.scalar.value, nulls[i]))
			return true;
	return false;
}

const char *al_doc_guess(struct al_doc *d, const char *name, const char *const *names, size_t n)
{
	const char *best = NULL, *text;
	unsigned int least = 3;

	for (size_t i = 0; strlen(name) < 60 && i < n; i++) {
		unsigned int far = sg_distance(name, names[i]);

		if (far < least && far < strlen(name)) {
			least = far;
			best = names[i];
		}
	}
	text = best ? sg_arena_printf(d->arena, "; did you mean %s?", best) : NULL;
	return text ? text : "";
}

const char *al_doc_text(struct al_doc *d, const yaml_node_t *n)
{
	const char *s;

	if (n->type != YAML_SCALAR_NODE) {
		al_doc_problem(d, al_doc_line(n), "a single value is expected here, not a %s",
			       n->type == YAML_SEQUENCE_NODE ? "list" : "map");
		return NULL;
	}
	if (strlen((const char *)n->data.scalar.value) != n->data.scalar.length) {
		al_doc_problem(d, al_doc_line(n), "the value contains a NUL character");
		return NULL;
	}
	s = sg_arena_strdup(d->arena, al_doc_is_null(n) ? "" : (char *)n->data.scalar.value);
	if (!s)
		d->r = -ENOMEM;
	return s;
}

/* ---- maps and lists ---------------------------------------------------------------- */

/* Aliases make a small file large: what is visited is counted. */
static bool may_visit(struct al_doc *d, const yaml_node_t *n)
{
	if (++d->items == AL_DOC_ITEMS_MAX)
		al_doc_problem(d, al_doc_line(n), "more than %d values", AL_DOC_ITEMS_MAX);
	return d->items < AL_DOC_ITEMS_MAX && !d->r;
}

static const yaml_node_t *node(struct al_doc *d, int index)
{
	return yaml_document_get_node(&d->yaml, index);
}

static bool came_before(struct al_doc *d, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = node(d, pair->key);

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *k = node(d, p->key);

		if (k->type == YAML_SCALAR_NODE &&
		    k->data.scalar.length == key->data.scalar.length &&
		    !memcmp(k->data.scalar.value, key->data.scalar.value, k->data.scalar.length))
			return true;
	}
	return false;
}

#define MAP_PAIRS_MAX 1000 /* came_before compares each with each */

void al_doc_pairs(struct al_doc *d, const yaml_node_t *n, const char *what,
		  void (*one)(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx),
		  void *ctx)
{
	const yaml_node_pair_t *p;

	if (al_doc_is_null(n))
		return;
	if (n->type != YAML_MAPPING_NODE) {
		al_doc_problem(d, al_doc_line(n), "%s: a map of keys and values is expected", what);
		return;
	}
	p = n->data.mapping.pairs.start;
	if (n->data.mapping.pairs.top - p > MAP_PAIRS_MAX) {
		al_doc_problem(d, al_doc_line(n), "%s: more than %d keys", what, MAP_PAIRS_MAX);
		return;
	}
	for (; p < n->data.mapping.pairs.top && may_visit(d, n); p++) {
		const char *key = al_doc_text(d, node(d, p->key));

		d->key_line = al_doc_line(node(d, p->key));
		if (key && came_before(d, n, p))
			al_doc_problem(d, al_doc_line(node(d, p->key)),
				       "%s: %.100s is set a second time", what, key);
		else if (key)
			one(d, key, node(d, p->value), ctx);
	}
}

struct map {
	const char *what;
	const struct al_key *keys;
	size_t n;
	void *obj;
};

static void unknown_key(struct al_doc *d, const char *key, const struct map *m)
{
	const char *names[64];
	size_t n = 0;

	for (; n < m->n && n < ARRAY_SIZE(names); n++)
		names[n] = m->keys[n].name;
	al_doc_problem(d, d->key_line, "%s: there is no field %.100s%s", m->what, key,
		       al_doc_guess(d, key, names, n));
}

static void set_key(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx)
{
	const struct map *m = ctx;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->keys[i].name, key) != 0)
			continue;
		if (!al_doc_is_null(v))
			m->keys[i].set(d, v, (char *)m->obj + m->keys[i].offset);
		return;
	}
	unknown_key(d, key, m);
}

void al_doc_map(struct al_doc *d, const yaml_node_t *n, const char *what, const struct al_key *keys,
		size_t n_keys, void *obj)
{
	struct map m = {what, keys, n_keys, obj};

	al_doc_pairs(d, n, what, set_key, &m);
}

void al_doc_list(struct al_doc *d, const yaml_node_t *n, const char *what,
		 void (*one)(struct al_doc *d, const yaml_node_t *item, void *ctx), void *ctx)
{
	if (al_doc_is_null(n))
		return;
	if (n->type != YAML_SEQUENCE_NODE) {
		al_doc_problem(d, al_doc_line(n), "%s: a list is expected", what);
		return;
	}
	for (const yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && may_visit(d, n); i++)
		one(d, node(d, *i), ctx);
}

void *al_doc_add(struct al_doc *d, void *array, size_t *n, size_t size)
{
	void **arr = array;

	/* A power of two is full: the next room is twice as large. */
	if ((*n & (*n - 1)) == 0) {
		void *larger = sg_arena_zalloc(d->arena, (*n ? *n * 2 : 1) * size);

		if (!larger) {
			d->r = -ENOMEM;
			return NULL;
		}
		if (*n)
			memcpy(larger, *arr, *n * size);
		*arr = larger;
	}
	return (char *)*arr + (*n)++ * size;
}

/* ---- setters ----------------------------------------------------------------------- */

void al_set_text(struct al_doc *d, const yaml_node_t *v, void *to)
{
	const char *s = al_doc_text(d, v);

	if (s)
		*(const char **)to = s;
}

void al_set_duration(struct al_doc *d, const yaml_node_t *v, void *to)
{
	const char *s = al_doc_text(d, v);

	if (s && sg_prom_duration(s, to) < 0)
		al_doc_problem(d, al_doc_line(v),
			       "not a valid duration: \"%.60s\"; write it as 30s, 5m or 1h30m", s);
}

void al_set_count(struct al_doc *d, const yaml_node_t *v, void *to)
{
	const char *s = al_doc_text(d, v);

	if (s && sg_parse_u64(s, 0, INT32_MAX, to) < 0)
		al_doc_problem(d, al_doc_line(v), "not a number from 0 to %d: \"%.60s\"", INT32_MAX,
			       s);
}

void al_set_uint(struct al_doc *d, const yaml_node_t *v, void *to)
{
	uint64_t n = 0;

	al_set_count(d, v, &n);
	*(unsigned int *)to = (unsigned int)n;
}

void al_set_bool(struct al_doc *d, const yaml_node_t *v, void *to)
{
	const char *s = al_doc_text(d, v);

	if (!s)
		return;
	*(bool *)to = !strcmp(s, "true");
	if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
		al_doc_problem(d, al_doc_line(v), "\"%.60s\" is neither true nor false", s);
}

static void add_text(struct al_doc *d, const yaml_node_t *v, void *ctx)
{
	struct al_texts *list = ctx;
	const char *s = al_doc_text(d, v), **to = NULL;

	if (s)
		to = AL_DOC_ADD(d, list->v, list->n);
	if (to)
		*to = s;
}

void al_set_texts(struct al_doc *d, const yaml_node_t *v, void *to)
{
	al_doc_list(d, v, "list", add_text, to);
}
