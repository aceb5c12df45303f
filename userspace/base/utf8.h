/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SGPROBE_BASE_UTF8_H
#define SGPROBE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the character that starts at s, at most n bytes away from the end,
 * and its code point; 0 when the bytes there are not valid UTF-8 (over-long
 * forms, surrogates and what lies beyond U+10FFFF are invalid too). n > 0.
 */
unsigned sg_utf8_next(const char *s, size_t n, uint32_t *cp);

#endif
