/* SPDX-License-Identifier: GPL-2.0 */
/* A journal row, as both the writer's and a reader's statements give it. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <sqlite3.h>
#include <stdint.h>

#include <sgprobe/str.h>

struct sg_row_data { /* borrows from the statement, until it steps */
	int64_t n_frames, raw_bytes, crc;
	const void *data, *base;
	size_t data_len, base_len;
};

/* From columns n_frames, raw_bytes, crc, data, base, of which the first is number col. */
void sg_row_of_stmt(sqlite3_stmt *s, int col, struct sg_row_data *ret);
uint32_t sg_row_crc(const void *data, size_t data_len, const void *base, size_t base_len);
/* -EBADMSG when the checksum is wrong or a size out of range. */
int sg_row_check(const struct sg_row_data *row);
/* Unpacked into out, which is replaced. -EBADMSG, -ENOMEM. base: -EBADMSG when it has none. */
int sg_row_frames(const struct sg_row_data *row, struct sg_buf *out);
int sg_row_base(const struct sg_row_data *row, struct sg_buf *out);
/* base as stored: varint of its size unpacked, then zlib. */
int sg_row_pack_base(const struct sg_buf *base, struct sg_buf *out);

#endif
