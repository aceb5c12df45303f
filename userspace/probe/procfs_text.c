// SPDX-License-Identifier: GPL-2.0
// Reading /proc's text: bounded by length, never by what is in it.
#include <string.h>

#include "procfs_source.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static void drop(struct sg_text *t, size_t n)
{
	t->p += n;
	t->n -= n;
}

bool sg_text_until(struct sg_text *t, char c, struct sg_text *part)
{
	const char *e = t->n ? memchr(t->p, c, t->n) : NULL;

	if (!e)
		return false;
	*part = (struct sg_text){t->p, (size_t)(e - t->p)};
	drop(t, part->n + 1);
	return true;
}

bool sg_text_line(struct sg_text *t, struct sg_text *line)
{
	if (!t->n)
		return false;
	if (!sg_text_until(t, '\n', line)) {
		*line = *t;
		drop(t, t->n);
	}
	return true;
}

bool sg_text_word(struct sg_text *t, struct sg_text *word)
{
	size_t n = 0;

	while (t->n && blank(*t->p))
		drop(t, 1);
	while (n < t->n && !blank(t->p[n]))
		n++;
	*word = (struct sg_text){t->p, n};
	drop(t, n);
	return n > 0;
}

bool sg_text_u64(struct sg_text *t, uint64_t *v)
{
	struct sg_text w;
	uint64_t x = 0;

	if (!sg_text_word(t, &w))
		return false;
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] < '0' || w.p[i] > '9' || __builtin_mul_overflow(x, 10, &x) ||
		    __builtin_add_overflow(x, (uint64_t)(w.p[i] - '0'), &x))
			return false;
	}
	*v = x;
	return true;
}

bool sg_text_skip(struct sg_text *t, unsigned int words)
{
	struct sg_text w;

	while (words--) {
		if (!sg_text_word(t, &w))
			return false;
	}
	return true;
}

bool sg_text_is(struct sg_text t, const char *s)
{
	return strlen(s) == t.n && !memcmp(t.p, s, t.n);
}

const struct sg_proc_metric *sg_proc_by_key(const struct sg_proc_source *src, struct sg_text key)
{
	for (size_t i = 0; i < src->n_metrics; i++) {
		if (src->metrics[i].key && sg_text_is(key, src->metrics[i].key))
			return &src->metrics[i];
	}
	return NULL;
}

void sg_proc_parse_keys(const struct sg_proc_source *src, struct sg_text text,
			struct sg_proc_sink *out)
{
	const struct sg_proc_metric *m;
	struct sg_text line, key;
	uint64_t v;

	while (sg_text_line(&text, &line)) {
		if (!sg_text_word(&line, &key))
			continue;
		if (key.p[key.n - 1] == ':')
			key.n--;
		m = sg_proc_by_key(src, key);
		if (m && sg_text_u64(&line, &v))
			sg_proc_put(out, m, v);
	}
}
