/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes that a user names: a name, and what to watch.
 *
 *   uprobe:PATH:FUNCTION             a function of a program or library
 *   usdt:PATH:PROVIDER:NAME          a static probe that its author put there
 *   tracepoint:CATEGORY:NAME         of the kernel
 *   kernel:FUNCTION                  a function of the kernel
 *
 * PATH is absolute, or the bare name of a library ("libc") or of a program on the
 * usual search path. Everything here is checked text; nothing is looked up.
 */
#ifndef SGPROBE_NAMED_H
#define SGPROBE_NAMED_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/bpf/named.h>
#include <sgprobe/err.h>
#include <sgprobe/str.h>

struct sg_named {
	char name[SG_NAMED_NAME]; /* letters, digits, '_', '-' and '.' */
	char spec[SG_NAMED_SPEC];
	uint8_t arg; /* calls are told apart by the value of this argument, from 1; 0: they are not */
	bool text; /* the argument is a string */
	bool untimed; /* count only */
};

enum sg_named_kind { SG_NAMED_UPROBE, SG_NAMED_USDT, SG_NAMED_TRACEPOINT, SG_NAMED_KERNEL };

/* A specification, taken apart. */
struct sg_named_target {
	enum sg_named_kind kind;
	char path[SG_NAMED_SPEC]; /* "" of the kernel's */
	char group[SG_NAMED_SPEC]; /* provider or category; "" where there is none */
	char symbol[SG_NAMED_SPEC];
};

/* -EINVAL with a sentence: it is not what it must be. */
int sg_named_check(const struct sg_named *n, struct sg_error *err);
int sg_named_parse(const char *spec, struct sg_named_target *ret, struct sg_error *err);
/* "2", "2:string" */
int sg_named_parse_arg(const char *text, struct sg_named *n, struct sg_error *err);
/* As that reads it; "" when there is none. out: 16 bytes. */
const char *sg_named_format_arg(const struct sg_named *n, char out[16]);

/* One probe as an entry of the list "probes:" in YAML. */
void sg_named_print(struct sg_buf *b, const struct sg_named *n);

enum sg_named_state {
	SG_NAMED_WAITING, /* not tried yet */
	SG_NAMED_ON,
	SG_NAMED_REFUSED,
	SG_NAMED_HOT, /* taken off: it ran too often */
	SG_NAMED_SHED, /* taken off for now: the budget */
	SG_NAMED_STATES,
};
const char *sg_named_state_name(enum sg_named_state s); /* "on" */

struct sg_named_info {
	struct sg_named probe;
	uint32_t state; /* enum sg_named_state */
	uint32_t sites; /* places that it is attached to */
	bool fixed; /* of the configuration file */
	char reason[400]; /* why it is not on, or what it does not do; "": all is well */
};

/* What the server process asks of the supervisor. */
enum sg_named_verb {
	SG_NAMED_LIST,
	SG_NAMED_ADD,
	SG_NAMED_REMOVE,
	SG_NAMED_RELOAD, /* no probe: all settings are read again */
	SG_NAMED_VERBS
};
struct sg_named_command {
	uint32_t verb;
	struct sg_named probe; /* ADD: all of it; REMOVE: its name */
};
/* Whether text ends and numbers are in range: it may come from a process that was taken over. */
bool sg_named_command_valid(const struct sg_named_command *c);

/* And the answer, one message; what is behind it is the list. */
struct sg_named_answer {
	int32_t r; /* 0 or -errno */
	uint32_t n;
	char message[512];
	struct sg_named_info list[SG_NAMED_MAX];
};

#endif
