/* SPDX-License-Identifier: GPL-2.0 */
/* Inside of struct sg_profile, for profile.c and profile_codec.c. */
#ifndef SGPROBE_MODEL_PROFILE_PRIVATE_H
#define SGPROBE_MODEL_PROFILE_PRIVATE_H

#include <sgprobe/profile.h>

#define PROFILE_IDS 2 /* before the frames: cgroup, comm */

struct profile_text {
	const char *s;
	uint32_t id;
};

struct profile_entry {
	enum sg_profile_kind kind;
	uint32_t n, n_kernel;
	uint64_t us, count;
	uint32_t ids[];
};

struct sg_profile {
	struct sg_arena *arena; /* texts and entries */
	struct sg_map *by_text, *by_stack;
	const char **texts;
	size_t n_texts, cap_texts;
	struct profile_entry **entries;
	size_t n_entries, cap_entries;
	struct profile_entry *scratch;
	uint64_t left_out;
	bool broken; /* no memory for an empty one: until it is cleared again */
};

#endif
