/* SPDX-License-Identifier: GPL-2.0 */
/* What the functions over windows share. */
#ifndef QUERY_WINDOWS_H
#define QUERY_WINDOWS_H

#include "engine.h"

enum { PQ_FLOATS = 1, PQ_HISTS = 2 };

/* Which sorts of sample a window holds: PQ_FLOATS, PQ_HISTS or both. */
int pq_window_kinds(const struct pq_window *w);
/* Warns when it holds both. */
bool pq_window_is_mixed(struct pq_engine *e, const struct pq_window *w);

#endif
