// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <zlib.h>

#include <sgprobe/str.h>

int sg_gunzip(const void *p, size_t n, size_t max, struct sg_buf *out)
{
	z_stream z = {.next_in = (Bytef *)p, .avail_in = n};
	char chunk[8192];
	int r;

	out->max = max;
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return -ENOMEM;
	do {
		z.next_out = (Bytef *)chunk;
		z.avail_out = sizeof(chunk);
		r = inflate(&z, Z_NO_FLUSH);
		sg_buf_add(out, chunk, sizeof(chunk) - z.avail_out);
	} while (r == Z_OK && !out->err);
	inflateEnd(&z);
	if (out->err)
		return out->err;
	return r == Z_STREAM_END ? 0 : -EBADMSG;
}
