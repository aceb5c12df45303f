// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "point.h"

static const struct {
	const char *name, *help;
} reasons[] = {
#define INGEST_REASON(id, name, help) {name, help},
#include "reasons.def"
#undef INGEST_REASON
};

const char *ingest_reason_name(enum ingest_reason r)
{
	return (size_t)r < ARRAY_SIZE(reasons) ? reasons[r].name : "";
}

const char *ingest_reason_help(enum ingest_reason r)
{
	return (size_t)r < ARRAY_SIZE(reasons) ? reasons[r].help : "";
}

void ingest_draft_reset(struct ingest_draft *d)
{
	d->name[0] = '\0';
	d->n = d->used = 0;
}

static bool is_name_char(char c, bool colon)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (colon && c == ':');
}

/* Writes at most SG_NAME_MAX bytes and a NUL. Bytes written, or 0: empty or too long. */
static size_t clean_name(char *to, const char *p, size_t n, bool colon)
{
	size_t digit = n && *p >= '0' && *p <= '9';

	if (!n || n + digit > SG_NAME_MAX)
		return 0;
	if (digit)
		*to++ = '_';
	for (size_t i = 0; i < n; i++)
		to[i] = is_name_char(p[i], colon) ? p[i] : '_';
	to[n] = '\0';
	return n + digit;
}

bool ingest_draft_name(struct ingest_draft *d, const char *p, size_t n)
{
	return clean_name(d->name, p, n, true) > 0;
}

bool ingest_draft_suffix(struct ingest_draft *d, const char *suffix)
{
	size_t n = strlen(d->name), k = strlen(suffix);

	if (n >= k && strcmp(d->name + n - k, suffix) == 0)
		return true;
	if (n + k > SG_NAME_MAX)
		return false;
	memcpy(d->name + n, suffix, k + 1);
	return true;
}

static char *reserve(struct ingest_draft *d, size_t n)
{
	return n <= sizeof(d->text) - d->used ? d->text + d->used : NULL;
}

static struct sg_label *find(struct ingest_draft *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->labels[i].name, name) == 0)
			return &d->labels[i];
	return NULL;
}

bool ingest_draft_label(struct ingest_draft *d, const char *name, size_t name_len,
			const char *value, size_t value_len)
{
	char *key = reserve(d, SG_NAME_MAX + 1 + value_len + 1), *text;
	struct sg_label *old;
	size_t n;

	if (!key || value_len > SG_LABEL_VALUE_MAX || !sg_utf8_valid(value, value_len))
		return false;
	n = clean_name(key, name, name_len, false);
	if (!n || strncmp(key, "__", 2) == 0)
		return false;
	text = key + n + 1;
	memcpy(text, value, value_len);
	text[value_len] = '\0';
	old = find(d, key);
	if (!old && d->n == SG_LABELS_MAX)
		return false;
	d->used += n + 1 + value_len + 1;
	if (old)
		old->value = text;
	else
		d->labels[d->n++] = (struct sg_label){key, text};
	return true;
}

bool ingest_draft_own_label(struct ingest_draft *d, const char *name, const char *value)
{
	struct sg_label *old = find(d, name);
	char moved[SG_NAME_MAX + 1];
	size_t n = strlen(name);

	if (!old)
		return ingest_draft_label(d, name, n, value, strlen(value));
	memcpy(moved, name, n + 1);
	do {
		static const char prefix[] = "exported_";

		n = strlen(moved);
		if (n + sizeof(prefix) > sizeof(moved))
			return false;
		memmove(moved + sizeof(prefix) - 1, moved, n + 1);
		memcpy(moved, prefix, sizeof(prefix) - 1);
	} while (find(d, moved));
	n = strlen(old->value);
	if (!ingest_draft_label(d, moved, strlen(moved), old->value, n))
		return false;
	return ingest_draft_label(d, name, strlen(name), value, strlen(value));
}
