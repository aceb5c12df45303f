// SPDX-License-Identifier: GPL-2.0
/* The command line's reader of HTTP answers: in one piece and in two, the same comes out. */
#include <stdint.h>
#include <string.h>

#include "cli/client.h"

static int keep(const void *p, size_t n, void *ctx)
{
	struct sg_buf *b = ctx;

	sg_buf_add(b, p, n);
	return b->err;
}

static int read_in_pieces(const uint8_t *data, size_t n, size_t piece, struct sg_buf *b)
{
	struct sg_reply r;
	int res = 0;

	sg_reply_init(&r, keep, b);
	for (size_t i = 0; i < n && res == 0; i += piece)
		res = sg_reply_feed(&r, (const char *)data + i, SG_MIN(piece, n - i));
	if (res == 0)
		res = sg_reply_end(&r);
	sg_reply_free(&r);
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto_buf whole = {0}, pieces = {0};
	int a, b;

	if (n < 2)
		return 0;
	a = read_in_pieces(data + 1, n - 1, n, &whole);
	b = read_in_pieces(data + 1, n - 1, 1 + data[0] % 64, &pieces);
	if (a != b || whole.len > n)
		__builtin_trap();
	if (a == 0 && (whole.len != pieces.len ||
		       (whole.len && memcmp(whole.data, pieces.data, whole.len) != 0)))
		__builtin_trap();
	return 0;
}
