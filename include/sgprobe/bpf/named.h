/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bpf/named.bpf.c and user space share: probes that a user names. One set of
 * programs serves all of them; each place that one of them is attached to carries the
 * number of its probe as a cookie.
 *
 * Who attaches writes sg_named_configs; nobody else can, for it says what programs read
 * from memory. What was counted is in sg_named_cells, which the probe process maps:
 * first one head per probe, then SG_NAMED_ROWS rows for each.
 */
#ifndef SGPROBE_BPF_NAMED_H
#define SGPROBE_BPF_NAMED_H

#include <sgprobe/bpf/bucket.h>

#define SG_NAMED_MAX 64 /* probes; a power of two */
#define SG_NAMED_VALUES 24 /* of an argument, told apart */
#define SG_NAMED_ROWS (1 + SG_NAMED_VALUES) /* row 0: all other values */
#define SG_NAMED_DEPTH 8 /* calls of a function inside one another that are timed; a power of two */
#define SG_NAMED_WORDS 4 /* of a value: a number is the first of them, a text its first 31 bytes */
#define SG_NAMED_NAME 32 /* with its NUL */
#define SG_NAMED_SPEC 320

enum sg_named_value { SG_NAMED_NONE, SG_NAMED_NUMBER, SG_NAMED_TEXT };

/* Where the value, or the address of the text, is. */
enum sg_named_place {
	SG_NAMED_REGISTER, /* at reg in the registers */
	SG_NAMED_MEMORY, /* at off from what that register holds */
	SG_NAMED_CONSTANT, /* off itself */
	SG_NAMED_RECORD, /* at off in the trace point's record */
	SG_NAMED_LOCATED, /* where the record says, at off */
};

struct sg_named_config {
	__u64 id; /* number of the probe, never used again, << 6 | its index; 0: there is none */
	__u8 timed;
	__u8 goroutine; /* calls are told apart by goroutine (register who), not by thread */
	__u8 stack; /* calls that never returned are known by the stack pointer */
	__u8 user; /* memory is that of the process */
	__u8 value; /* enum sg_named_value */
	__u8 place; /* enum sg_named_place */
	__u8 size; /* of a number: 1, 2, 4, 8 bytes */
	__u8 is_signed;
	__u16 reg, sp, who; /* offsets in struct pt_regs */
	__u16 popped; /* bytes by which the stack pointer is higher after a return than at the entry */
	__s64 off;
	__u32 values; /* so far; the programs' own */
	__u32 pad;
};

/* Why the time of a call is not known. */
enum sg_named_lost {
	SG_NAMED_DEEP, /* more than SG_NAMED_DEPTH inside one another */
	SG_NAMED_FULL, /* too many calls at a time */
	SG_NAMED_LEFT, /* the function was left another way than by returning */
	SG_NAMED_LOSSES,
};

struct sg_named_head {
	__u64 id; /* as in the configuration */
	__u64 lost[SG_NAMED_LOSSES], seen[SG_NAMED_LOSSES]; /* seen: reported already */
	__u64 attached_ns; /* monotonic time */
	__u8 timed, value, is_signed;
	__u8 off; /* enum sg_named_state, once the probe process asked for it to be taken off; 0: it runs */
	__u32 cost_ns; /* of a call, about: the trap that leads to the program is most of it */
	char name[SG_NAMED_NAME], spec[SG_NAMED_SPEC];
};

struct sg_named_row {
	__u64 calls, sum_ns;
	__u64 seen_calls, seen_sum_ns;
	__u64 value[SG_NAMED_WORDS];
	__u32 used; /* value is written; row 0: always in use */
	__u32 pad;
	__u32 buckets[SG_BUCKETS], seen[SG_BUCKETS];
};

struct sg_named_cell {
	union {
		struct sg_named_head head;
		struct sg_named_row row;
	};
};

#define SG_NAMED_CELLS(probes) (SG_NAMED_MAX + (probes)*SG_NAMED_ROWS)

static inline __u32 sg_named_row_at(__u32 probe, __u32 row)
{
	return SG_NAMED_MAX + probe * SG_NAMED_ROWS + row;
}

#endif
