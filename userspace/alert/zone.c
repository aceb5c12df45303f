// SPDX-License-Identifier: GPL-2.0
/*
 * Time zones from TZif files (RFC 8536), without the process-wide TZ of the C library: the
 * transitions that the file lists, and after the last one the rule in its footer.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/alert_config.h>
#include <sgprobe/file.h>

#define FILE_MAX (1U << 20)
#define TRANSITIONS_MAX 5000

struct change { /* "M3.2.0/2", or a day of the year */
	char kind; /* 'M', 'J' (1 ... 365, no 29 February), 'D' (0 ... 365) */
	int month, week, day;
	int32_t at_s; /* of the day, local time */
};
struct rule {
	bool any, dst;
	int32_t standard, summer;
	struct change begin, end;
};
struct sg_zone {
	size_t n;
	int32_t first; /* before the first transition */
	struct rule rule;
	struct {
		int64_t t_s;
		int32_t offset;
	} at[];
};

/* ---- the footer: a POSIX TZ string ------------------------------------------------- */

static bool name(const char **s)
{
	const char *start = *s;

	if (**s == '<') {
		const char *end = strchr(*s, '>');

		if (!end)
			return false;
		*s = end + 1;
		return true;
	}
	while (isalpha((unsigned char)**s))
		(*s)++;
	return *s - start >= 3;
}

static bool number(const char **s, int max, int *ret)
{
	int n = 0;

	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		n = n * 10 + (**s - '0');
		if (n > max)
			return false;
	}
	*ret = n;
	return true;
}

/* "-5:30": seconds. */
static bool clock_time(const char **s, int32_t *ret)
{
	int sign = **s == '-' ? -1 : 1, part[3] = {0};

	*s += **s == '-' || **s == '+';
	for (int i = 0; i < 3; i++) {
		if (!number(s, i ? 59 : 167, &part[i]))
			return false;
		if (**s != ':')
			break;
		(*s)++;
	}
	*ret = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

static bool change(const char **s, struct change *c)
{
	bool ok;

	c->kind = **s == 'M' || **s == 'J' ? *(*s)++ : 'D';
	if (c->kind != 'M') {
		ok = number(s, 365, &c->day);
	} else {
		ok = number(s, 12, &c->month) && *(*s)++ == '.' && number(s, 5, &c->week) &&
		     *(*s)++ == '.' && number(s, 6, &c->day) && c->month && c->week;
	}
	c->at_s = 7200;
	if (ok && **s == '/') {
		(*s)++;
		ok = clock_time(s, &c->at_s);
	}
	return ok;
}

static bool parse_rule(const char *s, struct rule *r)
{
	*r = (struct rule){0};
	if (!name(&s) || !clock_time(&s, &r->standard))
		return false;
	r->standard = -r->standard; /* POSIX counts west */
	r->summer = r->standard + 3600;
	r->any = true;
	if (!*s)
		return true;
	if (!name(&s))
		return false;
	if (*s && *s != ',') {
		if (!clock_time(&s, &r->summer))
			return false;
		r->summer = -r->summer;
	}
	r->dst = *s == ',' && s++ && change(&s, &r->begin) && *s == ',' && s++ &&
		 change(&s, &r->end);
	return r->dst;
}

/* ---- days -------------------------------------------------------------------------- */

/* Days since 1970-01-01 of a date. */
static int64_t days_of(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int64_t year_of(int64_t t_s)
{
	int64_t days = t_s / 86400 - (t_s % 86400 < 0), y = 1970 + days / 366;

	while (days_of(y + 1, 1, 1) <= days)
		y++;
	while (days_of(y, 1, 1) > days)
		y--;
	return y;
}

/* When a change happens in a year, in local seconds. */
static int64_t change_at(const struct change *c, int64_t y)
{
	int64_t day;
	int weekday;

	if (c->kind != 'M') {
		day = days_of(y, 1, 1) + c->day - (c->kind == 'J');
		day += c->kind == 'J' && is_leap(y) && c->day >= 60;
		return day * 86400 + c->at_s;
	}
	day = days_of(y, c->month, 1);
	weekday = (int)(((day + 4) % 7 + 7) % 7);
	day += (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
	while (day >= (c->month == 12 ? days_of(y + 1, 1, 1) : days_of(y, c->month + 1, 1)))
		day -= 7;
	return day * 86400 + c->at_s;
}

static int32_t rule_offset(const struct rule *r, int64_t t_s)
{
	int64_t y, begin, end;
	bool summer;

	if (!r->dst)
		return r->standard;
	y = year_of(t_s + r->standard);
	begin = change_at(&r->begin, y) - r->standard;
	end = change_at(&r->end, y) - r->summer;
	summer = begin < end ? t_s >= begin && t_s < end : t_s >= begin || t_s < end;
	return summer ? r->summer : r->standard;
}

/* ---- the file ---------------------------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool header(const unsigned char *p, size_t n, struct counts *c)
{
	if (n < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	*c = (struct counts){be32(p + 20), be32(p + 24), be32(p + 28),
			     be32(p + 32), be32(p + 36), be32(p + 40)};
	return c->isut <= 256 && c->isstd <= 256 && c->leap <= 1000 && c->time <= TRANSITIONS_MAX &&
	       c->type <= 256 && c->type && c->chars <= 2048;
}

static size_t body_bytes(const struct counts *c, size_t time_bytes)
{
	return c->time * (time_bytes + 1) + c->type * 6UL + c->chars + c->leap * (time_bytes + 4) +
	       c->isstd + c->isut;
}

static int body(const unsigned char *p, const struct counts *c, struct sg_zone **ret)
{
	const unsigned char *types = p + c->time * 8UL, *info = types + c->time;
	struct sg_zone *z = calloc(1, sizeof(*z) + c->time * sizeof(z->at[0]));

	if (!z)
		return -ENOMEM;
	z->n = c->time;
	z->first = (int32_t)be32(info);
	for (uint32_t i = 0; i < c->time; i++) {
		uint32_t type = types[i];

		z->at[i].t_s = be64(p + i * 8UL);
		z->at[i].offset = type < c->type ? (int32_t)be32(info + type * 6UL) : 0;
		if (type >= c->type || abs(z->at[i].offset) > 100000 ||
		    (i && z->at[i].t_s <= z->at[i - 1].t_s)) {
			free(z);
			return -EINVAL;
		}
	}
	*ret = z;
	return 0;
}

int sg_zone_parse(const void *bytes, size_t n, struct sg_zone **ret)
{
	const unsigned char *p = bytes;
	struct counts c;
	char footer[128];
	size_t skip, len;
	int r;

	if (!header(p, n, &c) || p[4] < '2')
		return -EINVAL;
	skip = 44 + body_bytes(&c, 4);
	if (skip > n || !header(p + skip, n - skip, &c) || n - skip - 44 < body_bytes(&c, 8))
		return -EINVAL;
	r = body(p + skip + 44, &c, ret);
	if (r < 0)
		return r;
	skip += 44 + body_bytes(&c, 8);
	len = n - skip;
	if (len > 2 && len < sizeof(footer) && p[skip] == '\n' && p[n - 1] == '\n') {
		memcpy(footer, p + skip + 1, len - 2);
		footer[len - 2] = '\0';
		if (!parse_rule(footer, &(*ret)->rule))
			(*ret)->rule.any = false;
	}
	return 0;
}

int sg_zone_load(const char *zone, struct sg_zone **ret)
{
	char path[256];
	sg_auto_buf b = {0};
	int r;

	if (!strcmp(zone, "UTC") || !strcmp(zone, "Etc/UTC")) {
		*ret = calloc(1, sizeof(**ret));
		return *ret ? 0 : -ENOMEM;
	}
	if (!*zone || strstr(zone, "..") || *zone == '/' ||
	    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone) >= (int)sizeof(path))
		return -EINVAL;
	r = sg_read_file(path, FILE_MAX, &b);
	return r < 0 ? r : sg_zone_parse(b.data, b.len, ret);
}

int32_t sg_zone_offset(const struct sg_zone *z, int64_t t_s)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (z->at[mid].t_s <= t_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->n && z->rule.any)
		return rule_offset(&z->rule, t_s);
	return lo ? z->at[lo - 1].offset : z->first;
}
