/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stacks and how much time each stands for: what the probe process gathers in some
 * seconds, sends as one record, and the store keeps; and, added up over a time, what
 * is shown. Names are untrusted text that was cleaned when it was read.
 */
#ifndef SGPROBE_PROFILE_H
#define SGPROBE_PROFILE_H

#include <stdbool.h>

#include <sgprobe/str.h>

enum sg_profile_kind {
	SG_PROFILE_CPU, /* time on a CPU, from samples */
	SG_PROFILE_OFFCPU, /* time of long waits */
	SG_PROFILE_KINDS,
};

#define SG_STACK_FRAMES_MAX 192
#define SG_FRAME_NAME_MAX 200 /* bytes; a longer name is cut */

struct sg_stack {
	enum sg_profile_kind kind;
	const char *cgroup, *comm;
	const char *const *frames; /* outermost first; the user's before the kernel's */
	size_t n, n_kernel; /* frames; how many of these, the last ones, are the kernel's */
	uint64_t us; /* microseconds */
	uint64_t count; /* samples, or waits */
};

/* A bounded set of stacks; the same one twice is added up. Not thread safe. */
struct sg_profile;
struct sg_profile *sg_profile_new(size_t max_bytes); /* NULL: out of memory */
void sg_profile_free(struct sg_profile *p);
SG_DEFINE_AUTO(sg_profile, sg_profile_free)
/* 0, -ENOSPC: it is full, and its count goes to sg_profile_left_out; -EINVAL: too many frames. */
int sg_profile_add(struct sg_profile *p, const struct sg_stack *s);
size_t sg_profile_len(const struct sg_profile *p);
uint64_t sg_profile_left_out(const struct sg_profile *p);
void sg_profile_clear(struct sg_profile *p);
/* Calls cb for each, in the order in which they came first; ends with the first that is not 0. */
typedef int (*sg_stack_cb)(const struct sg_stack *s, void *ctx);
int sg_profile_each(const struct sg_profile *p, sg_stack_cb cb, void *ctx);

/*
 * A record, docs/ARCHITECTURE.md, "The profile": versioned, checksummed, compressed;
 * decodes without any other.
 */
#define SG_PROFILE_MAX_BYTES (4U << 20) /* of a record */
#define SG_PROFILE_MAX_RAW (16U << 20) /* of what is compressed in it */

struct sg_profile_head {
	uint64_t session, seq; /* of the source, as of its frames; no two are the same */
	int64_t from_ms, to_ms; /* what was gathered in (from, to] */
};

int sg_profile_encode(const struct sg_profile *p, const struct sg_profile_head *h,
		      struct sg_buf *out); /* appends; 0, -ENOMEM, -EMSGSIZE */
/* Length of the record that begins so; 0: more bytes are needed to tell; -EBADMSG: it is none. */
int64_t sg_profile_peek(const void *p, size_t n);
int sg_profile_decode_head(const void *p, size_t n,
			   struct sg_profile_head *h); /* checks all of the header and the sum */
/* Everything is checked before the first call of cb. 0, -EBADMSG, -EPROTONOSUPPORT, -ENOMEM, or what cb returned. */
int sg_profile_decode(const void *p, size_t n, sg_stack_cb cb, void *ctx);

/* Which stacks are wanted. */
struct sg_profile_filter {
	const char *cgroup, *comm; /* NULL: any; a '*' at the end stands for the rest */
	bool all_kinds;
	enum sg_profile_kind kind;
	bool no_user, no_kernel; /* leave frames out */
};
bool sg_profile_wants(const struct sg_profile_filter *f, const struct sg_stack *s);
/* Adds what the filter leaves of s. */
int sg_profile_add_filtered(struct sg_profile *p, const struct sg_profile_filter *f,
			    const struct sg_stack *s);

/* Text of foreign origin as a name of a frame: no ';', control bytes or invalid UTF-8. */
void sg_frame_name_clean(const char *s, size_t n, char out[SG_FRAME_NAME_MAX + 1]);

#endif
