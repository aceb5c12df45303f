/* SPDX-License-Identifier: GPL-2.0 */
/* Names that anyone can choose (directories, tasks, devices) made fit to be label values. */
#ifndef SG_PROBE_LABEL_H
#define SG_PROBE_LABEL_H

#include <stddef.h>

/*
 * Writes in[0..n) to out as valid UTF-8 of at most cap - 1 bytes, NUL terminated:
 * control bytes and invalid UTF-8 become \xNN. What does not fit is replaced by
 * '~' and a hash of all of it, so that two long names stay two. cap >= 32.
 */
void sg_label_clean(char *out, size_t cap, const char *in, size_t n);

/* A name of the kernel's in lower case. */
void sg_label_lower(char *out, size_t cap, const char *name);
/* The name of an errno, in lower case: "econnrefused". */
void sg_label_errno(char *out, size_t cap, int error);

#endif
