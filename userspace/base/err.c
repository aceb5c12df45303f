// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include <sgprobe/err.h>

int sg_fail(struct sg_error *err, int r, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return r;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return r;
}
