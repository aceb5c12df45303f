// SPDX-License-Identifier: GPL-2.0
// Prometheus' functions that write numbers for people.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "template.h"

/* %.4g of v, scaled by base until it is below it (larger) or at least 1 (smaller). */
static void scaled(struct sg_buf *b, double v, double base, const char *const larger[8],
		   const char *unit)
{
	static const char small[] = "munpfazy";
	char prefix[3] = "";

	if (larger && fabs(v) >= 1) {
		for (int i = 0; i < 8 && fabs(v) >= base; i++) {
			snprintf(prefix, sizeof(prefix), "%s", larger[i]);
			v /= base;
		}
	} else {
		for (int i = 0; i < 8 && fabs(v) < 1; i++) {
			prefix[0] = small[i];
			v *= 1000;
		}
	}
	al_put_g(b, v, 4);
	sg_buf_printf(b, "%s%s", prefix, unit);
}

static bool plain(struct sg_buf *b, double v, bool is_plain, const char *unit)
{
	if (!is_plain && !isnan(v) && !isinf(v))
		return false;
	al_put_g(b, v, 4);
	if (!isnan(v) && !isinf(v))
		sg_buf_str(b, unit);
	return true;
}

static void put_humanize(struct sg_buf *b, double v)
{
	static const char *const larger[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};

	if (!plain(b, v, v == 0, ""))
		scaled(b, v, 1000, larger, "");
}

static void put_humanize1024(struct sg_buf *b, double v)
{
	static const char *const larger[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

	if (!plain(b, v, fabs(v) <= 1, ""))
		scaled(b, v, 1024, larger, "");
}

static void put_long_duration(struct sg_buf *b, double v)
{
	int64_t s = v < 9e18 ? (int64_t)v : INT64_MAX;

	if (s >= 86400)
		sg_buf_printf(b, "%lldd ", (long long)(s / 86400));
	if (s >= 3600)
		sg_buf_printf(b, "%lldh ", (long long)(s / 3600 % 24));
	sg_buf_printf(b, "%lldm %llds", (long long)(s / 60 % 60), (long long)(s % 60));
}

static void put_humanize_duration(struct sg_buf *b, double v)
{
	if (plain(b, v, v == 0, "s"))
		return;
	if (fabs(v) < 1) {
		scaled(b, v, 1000, NULL, "s");
		return;
	}
	if (v < 0)
		sg_buf_char(b, '-');
	v = fabs(v);
	if (v >= 60) {
		put_long_duration(b, v);
		return;
	}
	al_put_g(b, v, 4);
	sg_buf_char(b, 's');
}

static void put_percentage(struct sg_buf *b, double v)
{
	al_put_g(b, v * 100, 4);
	sg_buf_char(b, '%');
}

static void put_timestamp(struct sg_buf *b, double v)
{
	time_t s = (time_t)floor(v);
	long ns = lround((v - floor(v)) * 1e9);
	char text[64];
	struct tm tm;

	if (isnan(v) || isinf(v) || fabs(v) > 9e11) {
		al_put_g(b, v, 4);
		return;
	}
	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	sg_buf_str(b, text);
	if (ns > 0) {
		snprintf(text, sizeof(text), ".%09ld", ns);
		for (size_t n = strlen(text); text[n - 1] == '0'; n--)
			text[n - 1] = '\0';
		sg_buf_str(b, text);
	}
	sg_buf_str(b, " +0000 UTC");
}

#define NUMBER_FN(name, put)                                                                       \
	int name(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)    \
	{                                                                                          \
		struct sg_buf b = {0};                                                             \
		double v;                                                                          \
		int k = al_to_float(r, &args[0], &v);                                              \
                                                                                                   \
		if (k < 0)                                                                         \
			return k;                                                                  \
		put(&b, v);                                                                        \
		return al_give(r, &b, ret);                                                        \
	}
NUMBER_FN(al_fn_humanize, put_humanize)
NUMBER_FN(al_fn_humanize1024, put_humanize1024)
NUMBER_FN(al_fn_humanize_duration, put_humanize_duration)
NUMBER_FN(al_fn_humanize_percentage, put_percentage)
NUMBER_FN(al_fn_humanize_timestamp, put_timestamp)
NUMBER_FN(al_fn_to_time, put_timestamp)
