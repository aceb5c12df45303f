/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SG_DAEMON_INHERIT_H
#define SG_DAEMON_INHERIT_H

#include <stddef.h>

/* Closes every descriptor from 3 on but these; sorts them. Negative ones are none. */
void sg_close_all_but(int *keep, size_t n);

/* Raises how many descriptors this process and its children may open, as far as it is allowed. */
void sg_raise_open_files(void);

#endif
