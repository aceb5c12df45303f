/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Regular expressions as PromQL has them: RE2's syntax, matched against the
 * whole text, '.' matches every character. A simulated automaton: time is bounded
 * by program size times text length, memory by the limits below, whatever the
 * pattern; there is no backtracking. Not there: \b and \B, \p{...}, [[:class:]],
 * named groups. Being greedy or not makes no difference to a whole match.
 */
#ifndef SGPROBE_MODEL_REGEX_H
#define SGPROBE_MODEL_REGEX_H

#include <stdbool.h>

#include <sgprobe/err.h>
#include <sgprobe/mem.h>

#define SG_REGEX_PATTERN_MAX 1024 /* bytes */
#define SG_REGEX_PROGRAM_MAX 1024 /* instructions, repetitions written out */
#define SG_REGEX_DEPTH_MAX 64 /* groups within groups */

struct sg_regex;
/* 0, -EINVAL or -ENOMEM; err says what is wrong with the pattern. */
int sg_regex_new(const char *pattern, struct sg_regex **ret, struct sg_error *err);
void sg_regex_free(struct sg_regex *re);
bool sg_regex_match(const struct sg_regex *re, const char *text); /* thread safe */
SG_DEFINE_AUTO(sg_regex, sg_regex_free)

#endif
