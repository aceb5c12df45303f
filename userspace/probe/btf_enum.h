/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Enumerations of the running kernel, whose numbers differ from one kernel to the
 * next: read from its type information in a walk over it that takes some
 * milliseconds, where parsing all of it takes two hundred.
 */
#ifndef SG_PROBE_BTF_ENUM_H
#define SG_PROBE_BTF_ENUM_H

#include <stddef.h>
#include <stdint.h>

/* Called for each value; name is valid during the call only. Not 0 ends the walk. */
typedef int (*sg_btf_enum_cb)(const char *name, int64_t value, void *ctx);

/*
 * The values of the enumeration "name" in BTF data, in their order. 0; -ENOENT: there
 * is none; -EBADMSG: the data are no BTF, or end too early; or what the callback said.
 */
int sg_btf_enum(const void *btf, size_t n, const char *name, sg_btf_enum_cb cb, void *ctx);

/* The same of the running kernel; or what reading its data failed with. */
int sg_btf_enum_kernel(const char *name, sg_btf_enum_cb cb, void *ctx);

#endif
