// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <sgprobe/series.h>

#include "names.h"

const char *sg_type_name(enum sg_type t)
{
	static const char *const names[] = {"counter", "gauge", "histogram"};

	return (size_t)t < ARRAY_SIZE(names) ? names[t] : "unknown";
}

uint64_t sg_series_hash(const char *name, const struct sg_label *labels, size_t n)
{
	uint64_t h = sg_hash_str(name, 0);

	for (size_t i = 0; i < n; i++) {
		h = sg_hash_str(labels[i].name, h);
		h = sg_hash_str(labels[i].value, h);
	}
	return h;
}

int sg_series_cmp(const struct sg_series *a, const struct sg_series *b)
{
	int c = strcmp(a->name, b->name);

	for (size_t i = 0; !c && i < a->n_labels && i < b->n_labels; i++) {
		c = strcmp(a->labels[i].name, b->labels[i].name);
		if (!c)
			c = strcmp(a->labels[i].value, b->labels[i].value);
	}
	return c ? c : (int)a->n_labels - (int)b->n_labels;
}

bool sg_series_equal(const struct sg_series *a, const struct sg_series *b)
{
	return a->hash == b->hash && a->n_labels == b->n_labels && !sg_series_cmp(a, b);
}

static size_t copy_size(const struct sg_series *s)
{
	size_t n = sizeof(*s) + s->n_labels * sizeof(*s->labels) + strlen(s->name) + 1;

	for (size_t i = 0; i < s->n_labels; i++)
		n += strlen(s->labels[i].name) + strlen(s->labels[i].value) + 2;
	return n;
}

static const char *put(char **at, const char *s)
{
	char *p = *at;

	*at = stpcpy(p, s) + 1;
	return p;
}

/* Lays the series, its labels and its strings out in one block of copy_size(s). */
static struct sg_series *copy_into(void *mem, const struct sg_series *s)
{
	struct sg_series *c = mem;
	struct sg_label *labels = (struct sg_label *)(c + 1);
	char *at = (char *)(labels + s->n_labels);

	*c = *s;
	c->name = put(&at, s->name);
	for (size_t i = 0; i < s->n_labels; i++) {
		labels[i].name = put(&at, s->labels[i].name);
		labels[i].value = put(&at, s->labels[i].value);
	}
	c->labels = labels;
	return c;
}

struct sg_series *sg_series_copy(struct sg_arena *a, const struct sg_series *s)
{
	void *mem = sg_arena_alloc(a, copy_size(s));

	return mem ? copy_into(mem, s) : NULL;
}

struct sg_series *sg_series_dup(const struct sg_series *s)
{
	void *mem = malloc(copy_size(s));

	return mem ? copy_into(mem, s) : NULL;
}

const char *sg_series_label(const struct sg_series *s, const char *name)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (!strcmp(s->labels[i].name, name))
			return s->labels[i].value;
	return strcmp(name, "__name__") ? "" : s->name;
}

/* PromQL's double-quoted string. */
static void format_value(struct sg_buf *b, const char *s)
{
	sg_buf_char(b, '"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			sg_buf_printf(b, "\\%c", c);
		else if (c == '\n')
			sg_buf_str(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			sg_buf_printf(b, "\\x%02x", c);
		else
			sg_buf_char(b, c);
	}
	sg_buf_char(b, '"');
}

void sg_series_format(struct sg_buf *b, const struct sg_series *s)
{
	sg_buf_str(b, s->name);
	if (!s->n_labels)
		return;
	for (size_t i = 0; i < s->n_labels; i++) {
		sg_buf_char(b, i ? ',' : '{');
		sg_buf_str(b, s->labels[i].name);
		sg_buf_char(b, '=');
		format_value(b, s->labels[i].value);
	}
	sg_buf_char(b, '}');
}

static bool is_name(const char *s, bool colon)
{
	size_t n = 0;

	for (; s[n]; n++) {
		char c = s[n];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			  (colon && c == ':') || (n && c >= '0' && c <= '9');

		if (!ok || n >= SG_NAME_MAX)
			return false;
	}
	return n > 0;
}

bool sg_metric_name_valid(const char *s)
{
	return is_name(s, true);
}

bool sg_label_name_valid(const char *s)
{
	return is_name(s, false) && strcmp(s, "__name__") != 0;
}

bool sg_label_value_valid(const char *s, size_t n)
{
	return n <= SG_LABEL_VALUE_MAX && sg_utf8_valid(s, n);
}

/* Insertion sort: there are a handful. Returns false on a duplicate. */
static bool sort_labels(struct sg_label *labels, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct sg_label l = labels[i];
		size_t j = i;

		for (; j && strcmp(labels[j - 1].name, l.name) > 0; j--)
			labels[j] = labels[j - 1];
		if (j && !strcmp(labels[j - 1].name, l.name))
			return false;
		labels[j] = l;
	}
	return true;
}

int sg_series_init(struct sg_series *s, enum sg_type type, const char *name,
		   struct sg_label *labels, size_t n)
{
	size_t kept = 0;

	if (n > SG_LABELS_MAX || !sg_metric_name_valid(name))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!sg_label_name_valid(labels[i].name) ||
		    !sg_label_value_valid(labels[i].value, strlen(labels[i].value)))
			return -EINVAL;
	if (!sort_labels(labels, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (*labels[i].value)
			labels[kept++] = labels[i];
	*s = (struct sg_series){
		.name = name,
		.type = type,
		.n_labels = kept,
		.labels = labels,
		.hash = sg_series_hash(name, labels, kept),
	};
	return 0;
}
