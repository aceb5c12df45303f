// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/alert_rules.h>

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {{"y", 365LL * 86400000},
	     {"w", 7LL * 86400000},
	     {"d", 86400000},
	     {"h", 3600000},
	     {"m", 60000},
	     {"s", 1000},
	     {"ms", 1}};

/* One part, of a unit from *least on; *least becomes the unit after it. */
static int part(const char **s, size_t *least, int64_t *ms)
{
	size_t digits = strspn(*s, "0123456789"), letters;
	int64_t n = 0;

	if (!digits || digits > 15)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + ((*s)[i] - '0');
	*s += digits;
	letters = strspn(*s, "ywdhms");
	for (size_t i = *least; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) != letters || strncmp(*s, units[i].name, letters) != 0)
			continue;
		if (n > (INT64_MAX / 2000000 - *ms) / units[i].ms)
			return -EINVAL;
		*ms += n * units[i].ms;
		*s += letters;
		*least = i + 1;
		return 0;
	}
	return -EINVAL;
}

int sg_prom_duration(const char *s, int64_t *ret_ms)
{
	size_t least = 0;
	int64_t ms = 0;

	if (!strcmp(s, "0")) {
		*ret_ms = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s)
		if (part(&s, &least, &ms) < 0)
			return -EINVAL;
	*ret_ms = ms;
	return 0;
}

char *sg_fmt_prom_duration(int64_t ms, char *out, size_t n)
{
	size_t len = 0;

	if (n)
		*out = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units) && len < n; i++) {
		int64_t k = ms / units[i].ms;

		/* Weeks and years only when nothing else is left, as Prometheus does. */
		if (!k || (i < 2 && ms % units[i].ms))
			continue;
		len += (size_t)snprintf(out + len, n - len, "%lld%s", (long long)k, units[i].name);
		ms -= k * units[i].ms;
	}
	if (!len)
		snprintf(out, n, "0s");
	return out;
}
