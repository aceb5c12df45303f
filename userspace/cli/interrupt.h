/* SPDX-License-Identifier: GPL-2.0 */
/* Ctrl-C as a question, for work that ends in order. */
#ifndef SG_CLI_INTERRUPT_H
#define SG_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM are told by the descriptor, which is the caller's. -errno. */
int sg_interrupt_open(void);
/* One came since the question before. */
bool sg_interrupted(int fd);

#endif
