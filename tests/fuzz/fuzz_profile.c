// SPDX-License-Identifier: GPL-2.0
// A record of stacks, packed and with its checksum put right so that what is in it is reached.
// What decodes encodes again, and is drawn.
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <sgprobe/flame.h>

#include "model/wire.h"

#define HEADER 56

static int add(const struct sg_stack *s, void *ctx)
{
	int r = sg_profile_add(ctx, s);

	return r == -28 ? 0 : r; /* ENOSPC: it is bounded */
}

/* The whole record from what is in it. */
static void decode(const uint8_t *raw, size_t n)
{
	sg_auto(sg_profile) p = sg_profile_new(1 << 20);
	uLongf len = compressBound(n);
	sg_auto_free uint8_t *b = calloc(1, HEADER + len);
	sg_auto_buf out = {0};

	if (!p || !b || compress(b + HEADER, &len, raw, n) != Z_OK)
		return;
	memcpy(b, "SGP1", 4);
	wire_put_u16(b + 4, 1);
	wire_put_u16(b + 6, HEADER);
	wire_put_u32(b + 8, (uint32_t)(HEADER + len));
	wire_put_u32(b + 16, (uint32_t)n);
	wire_put_u64(b + 32, 1);
	wire_put_u32(b + 12, sg_crc32c(sg_crc32c(0, b, 12), b + 16, HEADER + len - 16));
	if (sg_profile_decode(b, HEADER + len, add, p) < 0)
		return;
	sg_flame_folded(&out, p, true);
	sg_flame_svg(&out, p, "t");
	sg_buf_reset(&out);
	if (sg_profile_encode(p, &(struct sg_profile_head){.seq = 1}, &out) < 0 ||
	    sg_profile_decode(out.data, out.len, NULL, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_profile_peek(data, n);
	if (sg_profile_decode(data, n, NULL, NULL) == 0 && n < HEADER)
		abort();
	decode(data, n);
	return 0;
}
