/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs on functions of the kernel, for what no trace point tells. A function may be
 * missing, have another name or be built into those that call it, and a kernel may load such
 * programs and attach none: so each is tried, loaded and attached, with a program that
 * does nothing. In order of preference:
 *
 *	fentry, fexit		needs type information and a trampoline
 *	kprobe, kretprobe	by name; a trap or a call of several times the cost
 *
 * A domain works without any of its functions; what its table lists and this kernel refuses
 * is in sg_loaded.functions, with the reason.
 */
#ifndef SG_PROBE_FUNCTIONS_H
#define SG_PROBE_FUNCTIONS_H

#include "load.h"

/* Fills l->functions for the rows that are wanted. */
void sg_functions_choose(struct sg_loaded *l, struct sg_shared *s);
/* The same for a domain that was taken over with its programs: what is not among them was refused. */
void sg_functions_adopt(struct sg_loaded *l, const struct sg_shared *s);
/* Forgets what was chosen, for that reason. Whether there was anything. */
bool sg_functions_give_up(struct sg_loaded *l, const char *reason);
/* A bit for each that is hooked (struct sg_bpf_config). */
uint32_t sg_functions_bits(const struct sg_loaded *l);

/* What was chosen for the row of a function; NULL: it is not wanted. */
const struct sg_function *sg_function_of(const struct sg_loaded *l, const struct sg_program *row);

/* How programs at functions are called: "_fentry", "_kprobe", "_fexit", "_kretprobe". */
bool sg_is_function_suffix(const char *suffix);
/* Of the row and what was chosen, the suffix of the program; NULL: none is to be loaded. */
const char *sg_function_suffix(const struct sg_function *f, const struct sg_program *row);

/* Attaches a program of kind kprobe to the first of the names that takes it. A descriptor, or -errno. */
int sg_kprobe_attach(const char *names, bool at_return, int program);

#endif
