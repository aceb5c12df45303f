// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/str.h>

void sg_buf_free(struct sg_buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct sg_buf){.max = b->max};
}

void sg_buf_reset(struct sg_buf *b)
{
	b->len = 0;
	b->err = 0;
	if (b->data)
		b->data[0] = 0;
}

/* Room for n more bytes and the NUL. */
static bool reserve(struct sg_buf *b, size_t n)
{
	size_t want;

	if (b->err)
		return false;
	if (n >= SIZE_MAX / 2 - b->len || (b->max && b->len + n > b->max)) {
		b->err = -EMSGSIZE;
		return false;
	}
	if (b->len + n < b->cap)
		return true;
	want = SG_MAX(b->cap, (size_t)32);
	while (want <= b->len + n)
		want *= 2;
	if (sg_grow((void **)&b->data, &b->cap, want - 1, 1) < 0) {
		b->err = -ENOMEM;
		return false;
	}
	return true;
}

char *sg_buf_reserve(struct sg_buf *b, size_t n)
{
	return reserve(b, n) ? b->data + b->len : NULL;
}

void sg_buf_add(struct sg_buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = 0;
}

void sg_buf_str(struct sg_buf *b, const char *s)
{
	sg_buf_add(b, s, strlen(s));
}

void sg_buf_char(struct sg_buf *b, char c)
{
	sg_buf_add(b, &c, 1);
}

void sg_buf_printf(struct sg_buf *b, const char *fmt, ...)
{
	char small[128];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		sg_buf_add(b, small, n);
	} else if (n >= 0 && reserve(b, n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += n;
	}
	va_end(again);
	va_end(ap);
}
