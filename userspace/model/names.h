/* SPDX-License-Identifier: GPL-2.0 */
/* What names and values may look like, wherever they enter. */
#ifndef SGPROBE_MODEL_NAMES_H
#define SGPROBE_MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

bool sg_metric_name_valid(const char *s); /* [a-zA-Z_:][a-zA-Z0-9_:]*, at most SG_NAME_MAX */
bool sg_label_name_valid(const char *s); /* the same without colons, and not __name__ */
bool sg_label_value_valid(const char *s, size_t n);

#endif
