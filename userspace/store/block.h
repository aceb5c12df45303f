/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How frames lie in a journal row: packed so that the bytes come out as they went
 * in. Consecutive frames of one source carry much the same tables. Where they are
 * the same from the start, that part is left out; and all tables lie together,
 * apart from the samples, so that zlib finds one in the other within its window.
 *
 *   varint  length of the first part
 *   then for each frame, in order:
 *     u8      slot: source % SG_BLOCK_SLOTS, whose last frame is meant
 *     varint  length of the frame
 *     varint  length of its tables
 *     varint  bytes of them, from their start, that equal those of the slot's last frame
 *     64      the frame's header
 *     ...     the rest of the tables
 *   second part: for each frame what follows its tables
 *
 * zlib over the whole. A block depends on no other block.
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include <sgprobe/frame.h>

#define SG_BLOCK_SLOTS 8
#define SG_BLOCK_MAX_RAW (32U << 20) /* of one row; a reader refuses more */

struct sg_block_writer {
	struct sg_buf tables, samples; /* the two parts */
	struct sg_buf raw;
	size_t n_frames;
	struct { /* tables of the slot's last frame; the caller keeps them until it is done */
		const uint8_t *p;
		size_t n;
	} last[SG_BLOCK_SLOTS];
};
/*
 * The frame of n bytes at p, with this header in place of its own. tables: bytes after the
 * header. -EBADMSG, -ENOMEM. p stays borrowed until sg_block_reset.
 */
int sg_block_add(struct sg_block_writer *w, const uint8_t header[SG_FRAME_HEADER_BYTES],
		 const void *p, size_t n, size_t tables, uint32_t source);
size_t sg_block_bytes(const struct sg_block_writer *w); /* so far */
int sg_block_finish(struct sg_block_writer *w); /* w->raw is what is to be packed. -ENOMEM */
void sg_block_reset(struct sg_block_writer *w);
void sg_block_writer_free(struct sg_block_writer *w);

/* zlib. pack appends nothing on failure; unpack wants exactly raw bytes to come out: -EBADMSG. */
int sg_block_pack(const void *raw, size_t n, struct sg_buf *out);
int sg_block_unpack(const void *p, size_t n, size_t raw, struct sg_buf *out);

/* LEB128. get moves *p; -EBADMSG past end or over 64 bits. */
void sg_put_varint(struct sg_buf *b, uint64_t v);
int sg_get_varint(const uint8_t **p, const uint8_t *end, uint64_t *v);

/* Walks the frames of an unpacked block. Zero-initialise; free when done; may be started again. */
struct sg_block_reader {
	const uint8_t *p, *end; /* of the first part */
	const uint8_t *samples, *samples_end;
	struct {
		uint8_t *p;
		size_t tables, cap;
	} slots[SG_BLOCK_SLOTS];
};
int sg_block_start(struct sg_block_reader *r, const void *raw, size_t n); /* 0 or -EBADMSG */
/* 1: a frame, valid until the next call; 0: no more; -EBADMSG, -ENOMEM. */
int sg_block_next(struct sg_block_reader *r, const uint8_t **p, size_t *n);
void sg_block_reader_free(struct sg_block_reader *r);

#endif
