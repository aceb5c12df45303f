// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>

#include "promhist.h"

static int text_number(const json_t *v, double *ret)
{
	const char *s = json_string_value(v);
	char *end;

	if (!s)
		return -EBADMSG;
	*ret = strtod(s, &end);
	return end == s || *end ? -EBADMSG : 0;
}

int sg_promhist_parse(struct sg_hist *h, const json_t *o)
{
	json_t *buckets = json_object_get(o, "buckets"), *one;
	size_t i;

	*h = (struct sg_hist){0};
	if (text_number(json_object_get(o, "count"), &h->count) < 0 ||
	    text_number(json_object_get(o, "sum"), &h->sum) < 0)
		return -EBADMSG;
	json_array_foreach(buckets, i, one)
	{
		double upper, n;
		int r = 0;

		if (text_number(json_array_get(one, 2), &upper) < 0 ||
		    text_number(json_array_get(one, 3), &n) < 0)
			r = -EBADMSG;
		else if (upper > 0 && isfinite(upper))
			r = sg_hist_add_bucket(h, (int32_t)lround(log2(upper) * 8), n);
		if (r < 0) {
			sg_hist_free(h);
			return r;
		}
	}
	return 0;
}
