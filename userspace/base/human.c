// SPDX-License-Identifier: GPL-2.0
/* Numbers for people: three significant digits and a unit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/str.h>

struct unit {
	double size; /* of the quantity's base unit */
	double from; /* the smallest value that is shown in it */
	const char *name;
};

static double round3(double v)
{
	double scale;

	if (v == 0)
		return 0;
	scale = pow(10, floor(log10(v)) - 2);
	return scale > 0 ? round(v / scale) * scale : v;
}

static int decimals(double v)
{
	if (v >= 99.95)
		return 0;
	return v >= 9.995 ? 1 : 2;
}

/*
 * units go from large to small; the last one takes what is left. The value as it
 * will be shown decides, so that nothing is ever "1000ms".
 */
static char *with_unit(double v, const struct unit *units, size_t n, char *out, size_t size)
{
	size_t i = 0;
	double a;

	if (isnan(v) || isinf(v)) {
		snprintf(out, size, "%s", isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return out;
	}
	while (i + 1 < n && round3(fabs(v) / units[i].size) < units[i].from / units[i].size)
		i++;
	a = round3(fabs(v) / units[i].size);
	snprintf(out, size, "%s%.*f%s", v < 0 ? "-" : "", decimals(a), a, units[i].name);
	return out;
}

char *sg_fmt_seconds(double s, char *out, size_t n)
{
	static const struct unit units[] = {
		{86400, 172800, "d"}, {3600, 7200, "h"},	 {60, 120, "m"},  {1, 1, "s"},
		{1e-3, 1e-3, "ms"},   {1e-6, 1e-6, "\xc2\xb5s"}, {1e-9, 0, "ns"},
	};

	if (s == 0) {
		snprintf(out, n, "0s");
		return out;
	}
	return with_unit(s, units, ARRAY_SIZE(units), out, n);
}

char *sg_fmt_bytes(double v, char *out, size_t n)
{
	static const struct unit units[] = {
		{0x1p50, 0x1p50, " PiB"}, {0x1p40, 0x1p40, " TiB"}, {0x1p30, 0x1p30, " GiB"},
		{0x1p20, 0x1p20, " MiB"}, {0x1p10, 0x1p10, " KiB"}, {1, 0, " B"},
	};

	if (v == trunc(v) && fabs(v) < 1024) {
		snprintf(out, n, "%.0f B", v);
		return out;
	}
	return with_unit(v, units, ARRAY_SIZE(units), out, n);
}

char *sg_fmt_count(double v, char *out, size_t n)
{
	static const struct unit units[] = {
		{1e15, 1e15, "P"}, {1e12, 1e12, "T"}, {1e9, 1e9, "G"},
		{1e6, 1e6, "M"},   {1e3, 1e3, "k"},   {1, 0, ""},
	};

	if (v == trunc(v) && fabs(v) < 1000) {
		snprintf(out, n, "%.0f", v);
		return out;
	}
	return with_unit(v, units, ARRAY_SIZE(units), out, n);
}

char *sg_fmt_unit(const char *unit, double v, char *out, size_t n)
{
	if (isnan(v)) {
		snprintf(out, n, "-");
		return out;
	}
	if (strcmp(unit, "seconds") == 0)
		return sg_fmt_seconds(v, out, n);
	return strcmp(unit, "bytes") == 0 ? sg_fmt_bytes(v, out, n) : sg_fmt_count(v, out, n);
}

/* The whole number nearest to a small value that its bucket, (2^((i-1)/8), 2^(i/8)], holds. */
static double whole(double v)
{
	double i = ceil(log2(v) * 8 - 1e-6);

	return fmin(fmax(round(v), floor(exp2((i - 1) / 8) + 1e-9) + 1), floor(exp2(i / 8) + 1e-9));
}

char *sg_fmt_observed(const char *unit, double v, char *out, size_t n)
{
	char *blank;

	if (strcmp(unit, "seconds") != 0 && v > 0 && v < 100)
		v = whole(v);
	blank = strchr(sg_fmt_unit(unit, v, out, n), ' ');
	if (blank)
		memmove(blank, blank + 1, strlen(blank));
	return out;
}
