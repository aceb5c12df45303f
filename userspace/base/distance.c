// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <sgprobe/str.h>

#define NAME_MAX_LEN 63

unsigned int sg_distance(const char *a, const char *b)
{
	size_t n = SG_MIN(strlen(a), (size_t)NAME_MAX_LEN),
	       m = SG_MIN(strlen(b), (size_t)NAME_MAX_LEN);
	unsigned int d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			unsigned int same = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = SG_MIN(same, SG_MIN(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = SG_MIN(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}
