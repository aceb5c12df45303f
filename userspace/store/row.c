// SPDX-License-Identifier: GPL-2.0
#include "row.h"

#include <errno.h>

#include "block.h"

void sg_row_of_stmt(sqlite3_stmt *s, int col, struct sg_row_data *ret)
{
	ret->n_frames = sqlite3_column_int64(s, col);
	ret->raw_bytes = sqlite3_column_int64(s, col + 1);
	ret->crc = sqlite3_column_int64(s, col + 2);
	ret->data = sqlite3_column_blob(s, col + 3);
	ret->data_len = (size_t)sqlite3_column_bytes(s, col + 3);
	ret->base = sqlite3_column_blob(s, col + 4);
	ret->base_len = (size_t)sqlite3_column_bytes(s, col + 4);
}

uint32_t sg_row_crc(const void *data, size_t data_len, const void *base, size_t base_len)
{
	uint32_t crc = sg_crc32c(0, data, data_len);

	return base_len ? sg_crc32c(crc, base, base_len) : crc;
}

int sg_row_check(const struct sg_row_data *row)
{
	if (!row->data || row->raw_bytes <= 0 || row->raw_bytes > SG_BLOCK_MAX_RAW ||
	    row->crc != sg_row_crc(row->data, row->data_len, row->base, row->base_len))
		return -EBADMSG;
	return 0;
}

int sg_row_frames(const struct sg_row_data *row, struct sg_buf *out)
{
	return sg_block_unpack(row->data, row->data_len, (size_t)row->raw_bytes, out);
}

int sg_row_base(const struct sg_row_data *row, struct sg_buf *out)
{
	const uint8_t *p = row->base, *end = p + row->base_len;
	uint64_t raw;

	sg_buf_reset(out);
	if (!row->base_len)
		return -EBADMSG;
	if (sg_get_varint(&p, end, &raw) < 0 || raw > SG_BLOCK_MAX_RAW)
		return -EBADMSG;
	return sg_block_unpack(p, (size_t)(end - p), raw, out);
}

int sg_row_pack_base(const struct sg_buf *base, struct sg_buf *out)
{
	sg_buf_reset(out);
	sg_put_varint(out, base->len);
	return base->len > SG_BLOCK_MAX_RAW ? -EMSGSIZE : sg_block_pack(base->data, base->len, out);
}
