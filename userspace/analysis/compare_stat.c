// SPDX-License-Identifier: GPL-2.0
/* The few distributions that tests need. */
#include <math.h>
#include <stdlib.h>

#include <sgprobe/compare.h>

#define TERMS_MAX 500
#define TINY 1e-300

/* Of a factor that would be 0. */
static double not_zero(double v)
{
	return fabs(v) < TINY ? TINY : v;
}

/* Lentz' evaluation of the continued fraction of the incomplete beta function, 8.17.22 of DLMF. */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), h = d;

	for (int m = 1; m <= TERMS_MAX; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 / not_zero(1 + even * d);
		c = not_zero(1 + even / c);
		h *= d * c;
		d = 1 / not_zero(1 + odd * d);
		c = not_zero(1 + odd / c);
		step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-14)
			break;
	}
	return h;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta_part(double a, double b, double x)
{
	double front;

	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double sg_f_tail(double f, double d1, double d2)
{
	if (!(f > 0))
		return 1;
	return beta_part(d2 / 2, d1 / 2, d2 / (d2 + d1 * f));
}

double sg_normal_within(double level)
{
	double lo = 0, hi = 40;

	for (int i = 0; i < 80; i++) {
		double z = (lo + hi) / 2;

		if (erf(z / M_SQRT2) < level)
			lo = z;
		else
			hi = z;
	}
	return lo;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double sg_quantile_of(double *v, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;

	qsort(v, n, sizeof(*v), ascending);
	return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}
