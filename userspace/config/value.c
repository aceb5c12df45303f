// SPDX-License-Identifier: GPL-2.0
/* One row per kind of setting: how it is read and how it is written. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "setting.h"

struct kind {
	int (*parse)(const struct sg_setting *s, void *field, const char *value,
		     struct sg_error *err);
	void (*format)(const void *field, struct sg_buf *b);
};

/* ---- texts ------------------------------------------------------------------------ */

static int parse_text(const struct sg_setting *s, void *field, const char *value,
		      struct sg_error *err)
{
	size_t n = strlen(value);

	if (!n && strcmp(s->min, "0") != 0)
		return sg_fail(err, -EINVAL, "is empty");
	if (n >= s->size)
		return sg_fail(err, -EINVAL, "is longer than %zu bytes", s->size - 1);
	if (!sg_utf8_valid(value, n))
		return sg_fail(err, -EINVAL, "is not valid UTF-8");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return sg_fail(err, -EINVAL, "contains a control character");
	memset(field, 0, s->size);
	memcpy(field, value, n);
	return 0;
}

static bool is_address(const char *value)
{
	const char *colon = strrchr(value, ':');
	uint64_t port;

	if (!colon || colon == value || sg_parse_u64(colon + 1, 0, 65535, &port) < 0)
		return false;
	if (*value == '[')
		return colon[-1] == ']' && colon - value > 2;
	return memchr(value, ':', colon - value) == NULL;
}

static int parse_address(const struct sg_setting *s, void *field, const char *value,
			 struct sg_error *err)
{
	if (strcmp(value, "none") != 0 && !is_address(value))
		return sg_fail(err, -EINVAL,
			       "'%.200s' is not HOST:PORT; write for example 127.0.0.1:9470 or "
			       "[::1]:9470, or none",
			       value);
	return parse_text(s, field, value, err);
}

/* Of a list that ends at its NUL, the next number; 0: it is none. */
static uint16_t next_port(const char **at)
{
	size_t digits = strspn(*at, "0123456789");
	unsigned long n = digits && digits <= 5 ? strtoul(*at, NULL, 10) : 0;

	*at += digits;
	*at += strspn(*at, " ");
	if (**at == ',' && (*at)[1 + strspn(*at + 1, " ")])
		*at += 1 + strspn(*at + 1, " ");
	else if (**at)
		return 0;
	return n <= UINT16_MAX ? (uint16_t)n : 0;
}

int sg_config_ports(const char *list, uint16_t ports[SG_PORTS_MAX])
{
	int n = 0;

	for (list += strspn(list, " "); *list; n++) {
		uint16_t port = next_port(&list);

		if (!port)
			return -EINVAL;
		if (n == SG_PORTS_MAX)
			return -E2BIG;
		ports[n] = port;
	}
	return n;
}

static int parse_hosts(const struct sg_setting *s, void *field, const char *value,
		       struct sg_error *err)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_:[], ";
	size_t good = strspn(value, ok);

	if (value[good])
		return sg_fail(err, -EINVAL,
			       "'%.200s' is not a list of host names; write for example "
			       "probe.example.org, 10.0.0.7",
			       value);
	return parse_text(s, field, value, err);
}

static int parse_ports(const struct sg_setting *s, void *field, const char *value,
		       struct sg_error *err)
{
	uint16_t some[SG_PORTS_MAX];
	int n = sg_config_ports(value, some);

	if (n == -E2BIG)
		return sg_fail(err, -EINVAL, "more than %d ports", SG_PORTS_MAX);
	if (n < 0)
		return sg_fail(err, -EINVAL,
			       "'%.200s' is not a list of ports; write for example 80, 8080",
			       value);
	return parse_text(s, field, value, err);
}

static int parse_targets(const struct sg_setting *s, void *field, const char *value,
			 struct sg_error *err)
{
	int r = sg_targets_check(value, err);

	return r < 0 ? r : parse_text(s, field, value, err);
}

static int parse_level(const struct sg_setting *s, void *field, const char *value,
		       struct sg_error *err)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(value, levels[i]) != 0)
			continue;
		memset(field, 0, s->size);
		memcpy(field, value, strlen(value));
		return 0;
	}
	return sg_fail(err, -EINVAL, "'%.200s' is not one of error, warn, info, debug", value);
}

/* Plain where YAML takes it for what it is, in double quotes where not. */
static void format_text(const void *field, struct sg_buf *b)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789./_:-";
	const char *s = field;
	size_t n = strlen(s);
	bool word = n && s[strspn(s, plain)] == 0 && s[n - 1] != ':' && *s != '-' && *s != ':';

	if (word)
		sg_buf_str(b, s);
	else
		sg_json_str(b, s);
}

/* ---- truth and numbers -------------------------------------------------------------- */

static int parse_bool(const struct sg_setting *s, void *field, const char *value,
		      struct sg_error *err)
{
	bool yes = !strcmp(value, "true");

	if (!yes && strcmp(value, "false") != 0)
		return sg_fail(err, -EINVAL, "'%.200s' is neither true nor false", value);
	*(bool *)field = yes;
	return 0;
}

static void format_bool(const void *field, struct sg_buf *b)
{
	sg_buf_str(b, *(const bool *)field ? "true" : "false");
}

static int parse_count_text(const char *value, uint64_t *ret)
{
	return sg_parse_u64(value, 0, UINT64_MAX, ret);
}

/* parse reads this kind's text; the limits are written in the same way. */
static int parse_number(const struct sg_setting *s, void *field, const char *value,
			int (*parse)(const char *, uint64_t *), const char *what,
			struct sg_error *err)
{
	uint64_t v = 0, min = 0, max = 0;
	int r = parse(value, &v);

	parse(s->min, &min);
	parse(s->max, &max);
	if (r == -EINVAL)
		return sg_fail(err, r, "'%.200s' is not %s", value, what);
	if (r == 0 && v < min)
		return sg_fail(err, -EINVAL, "'%.200s' is below the minimum of %s", value, s->min);
	if (r < 0 || v > max)
		return sg_fail(err, -EINVAL, "'%.200s' is above the maximum of %s", value, s->max);
	*(uint64_t *)field = v;
	return 0;
}

static int parse_count(const struct sg_setting *s, void *field, const char *value,
		       struct sg_error *err)
{
	return parse_number(s, field, value, parse_count_text, "a whole number", err);
}

static int parse_duration(const struct sg_setting *s, void *field, const char *value,
			  struct sg_error *err)
{
	return parse_number(s, field, value, sg_parse_duration,
			    "a duration; write for example 10s, 1h30m or 7d", err);
}

static int parse_bytes(const struct sg_setting *s, void *field, const char *value,
		       struct sg_error *err)
{
	return parse_number(s, field, value, sg_parse_bytes,
			    "a size; write for example 64MiB, 2GiB or 4096", err);
}

struct unit {
	uint64_t size;
	const char *name;
};

/* In the largest unit that gives a whole number; units descend to 1. */
static void format_units(uint64_t v, const struct unit *u, struct sg_buf *b)
{
	while (u->size > 1 && (!v || v % u->size))
		u++;
	sg_buf_printf(b, "%" PRIu64 "%s", v / u->size, u->name);
}

static void format_count(const void *field, struct sg_buf *b)
{
	sg_buf_printf(b, "%" PRIu64, *(const uint64_t *)field);
}

static void format_duration(const void *field, struct sg_buf *b)
{
	static const struct unit units[] = {
		{86400000000000, "d"}, {3600000000000, "h"}, {60000000000, "m"}, {1000000000, "s"},
		{1000000, "ms"},       {1000, "us"},	     {1, "ns"},
	};

	format_units(*(const uint64_t *)field, units, b);
}

static void format_bytes(const void *field, struct sg_buf *b)
{
	static const struct unit units[] = {
		{1ULL << 40, "TiB"},
		{1ULL << 30, "GiB"},
		{1ULL << 20, "MiB"},
		{1ULL << 10, "KiB"},
		{1, ""},
	};

	format_units(*(const uint64_t *)field, units, b);
}

static const struct kind kinds[] = {
	[SG_SETTING_TEXT] = {parse_text, format_text},
	[SG_SETTING_ADDRESS] = {parse_address, format_text},
	[SG_SETTING_HOSTS] = {parse_hosts, format_text},
	[SG_SETTING_PORTS] = {parse_ports, format_text},
	[SG_SETTING_TARGETS] = {parse_targets, format_text},
	[SG_SETTING_LEVEL] = {parse_level, format_text},
	[SG_SETTING_BOOL] = {parse_bool, format_bool},
	[SG_SETTING_COUNT] = {parse_count, format_count},
	[SG_SETTING_DURATION] = {parse_duration, format_duration},
	[SG_SETTING_BYTES] = {parse_bytes, format_bytes},
	[SG_SETTING_SECRET] = {parse_text, format_text},
};

int sg_setting_parse(const struct sg_setting *s, struct sg_config *c, const char *value,
		     struct sg_error *err)
{
	return kinds[s->kind].parse(s, (char *)c + s->offset, value, err);
}

void sg_setting_format(const struct sg_setting *s, const struct sg_config *c, struct sg_buf *b)
{
	kinds[s->kind].format((const char *)c + s->offset, b);
}

void sg_setting_show(const struct sg_setting *s, const struct sg_config *c, struct sg_buf *b)
{
	const char *text = (const char *)c + s->offset;

	if (s->kind == SG_SETTING_SECRET)
		sg_buf_str(b, *text ? "***" : "\"\"");
	else
		sg_setting_format(s, c, b);
}
