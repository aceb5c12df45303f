/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How frames lie in a journal row: packed so that the bytes come out as they went
 * in. Consecutive frames of one source start with the same tables most of the
 * time, so each record says how much it shares with the one before:
 *
 *   u8      slot: source % SG_BLOCK_SLOTS, whose last frame is meant
 *   varint  length of the frame
 *   varint  bytes after the header that equal those of the slot's last frame
 *   64      the frame's header
 *   ...     the rest of the frame
 *
 * zlib over the whole. A block depends on no other block.
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include <sgprobe/frame.h>

#define SG_BLOCK_SLOTS 8
#define SG_BLOCK_MAX_RAW (32U << 20) /* of one row; a reader refuses more */

struct sg_block_writer {
	struct sg_buf raw;
	size_t n_frames;
	struct { /* the slot's last frame; the caller keeps it until it is done */
		const uint8_t *p;
		size_t n;
	} last[SG_BLOCK_SLOTS];
};
/* -ENOMEM. p stays borrowed until sg_block_reset. */
int sg_block_add(struct sg_block_writer *w, const void *p, size_t n, uint32_t source);
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
	const uint8_t *p, *end;
	struct {
		uint8_t *p;
		size_t n, cap;
	} slots[SG_BLOCK_SLOTS];
};
void sg_block_start(struct sg_block_reader *r, const void *raw, size_t n);
/* 1: a frame, valid until the next call; 0: no more; -EBADMSG, -ENOMEM. */
int sg_block_next(struct sg_block_reader *r, const uint8_t **p, size_t *n);
void sg_block_reader_free(struct sg_block_reader *r);

#endif
