// SPDX-License-Identifier: GPL-2.0
// Label sets made from others. Strings are shared with the original.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

static bool listed(const struct pq_names *names, const char *name)
{
	for (size_t i = 0; names && i < names->n; i++)
		if (!strcmp(names->names[i], name))
			return true;
	return false;
}

static int finish(struct sg_series *ret, const char *name, struct sg_label *labels, size_t n)
{
	*ret = (struct sg_series){.name = name,
				  .type = SG_GAUGE,
				  .n_labels = (uint16_t)n,
				  .labels = labels,
				  .hash = sg_series_hash(name, labels, n)};
	return 0;
}

static int filter(struct pq_engine *e, const struct sg_series *s, const struct pq_names *names,
		  bool keep, const char *name, struct sg_series *ret)
{
	struct sg_label *l = pq_alloc_n(e, s->n_labels, sizeof(*l));
	size_t n = 0;

	if (!l)
		return pq_oom(e);
	for (size_t i = 0; i < s->n_labels; i++)
		if (listed(names, s->labels[i].name) == keep)
			l[n++] = s->labels[i];
	return finish(ret, name, l, n);
}

int pq_labels_keep(struct pq_engine *e, const struct sg_series *s, const struct pq_names *names,
		   struct sg_series *ret)
{
	return filter(e, s, names, true, listed(names, "__name__") ? s->name : "", ret);
}

int pq_labels_drop(struct pq_engine *e, const struct sg_series *s, const struct pq_names *names,
		   struct sg_series *ret)
{
	return filter(e, s, names, false, "", ret);
}

int pq_labels_set(struct pq_engine *e, const struct sg_series *s, const char *name,
		  const char *value, struct sg_series *ret)
{
	struct sg_label *l;
	size_t n = 0, i = 0;

	if (!strcmp(name, "__name__")) {
		*ret = *s;
		ret->name = value;
		ret->hash = sg_series_hash(value, s->labels, s->n_labels);
		return 0;
	}
	l = pq_alloc_n(e, s->n_labels + 1U, sizeof(*l));
	if (!l)
		return pq_oom(e);
	while (i < s->n_labels && strcmp(s->labels[i].name, name) < 0)
		l[n++] = s->labels[i++];
	if (*value)
		l[n++] = (struct sg_label){name, value};
	if (i < s->n_labels && !strcmp(s->labels[i].name, name))
		i++;
	while (i < s->n_labels)
		l[n++] = s->labels[i++];
	return finish(ret, s->name, l, n);
}

/* As Go's %q quotes what may be no UTF-8. */
static void quote(struct sg_buf *b, const char *s)
{
	sg_buf_char(b, '"');
	for (size_t i = 0, n = strlen(s); i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			sg_buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			sg_buf_printf(b, "\\x%02x", c);
		else
			sg_buf_char(b, (char)c);
	}
	sg_buf_char(b, '"');
}

int pq_check_label(struct pq_engine *e, const char *name, const char *what)
{
	sg_auto_buf b = {0};

	if (*name && sg_utf8_valid(name, strlen(name)))
		return 0;
	quote(&b, name);
	return sg_fail(e->err, -EINVAL, "%s%s", what, b.err ? "" : b.data);
}

void pq_labels_text(const struct sg_series *s, char *out, size_t n)
{
	sg_auto_buf b = {0};
	bool first = true;

	sg_buf_char(&b, '{');
	if (*s->name) {
		sg_buf_printf(&b, "__name__=\"%s\"", s->name);
		first = false;
	}
	for (size_t i = 0; i < s->n_labels; i++, first = false)
		sg_buf_printf(&b, "%s%s=\"%s\"", first ? "" : ", ", s->labels[i].name,
			      s->labels[i].value);
	sg_buf_char(&b, '}');
	snprintf(out, n, "%s", b.err ? "{}" : b.data);
}
