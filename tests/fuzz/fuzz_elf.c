// SPDX-License-Identifier: GPL-2.0
// A program or library that somebody wants probed: a function and a static probe of it. Every
// answer is in bounds, and a refusal has its sentence.
#include <stdlib.h>
#include <string.h>

#include "probe/elf_find.h"

static void look(const uint8_t *file, size_t n, const struct sg_named_target *t,
		 const struct sg_named *probe)
{
	struct sg_found f;

	sg_elf_find(file, n, "f", t, probe, &f);
	if (!memchr(f.message, 0, sizeof(f.message)) || f.n > SG_SITES_MAX ||
	    f.n_returns > SG_SITES_MAX || (f.r < 0 && !f.message[0]) || (f.r == 0 && !f.n))
		abort();
	for (uint32_t i = 0; f.r == 0 && i < f.n; i++)
		if (f.sites[i] >= n)
			abort();
	for (uint32_t i = 0; i < f.n_returns; i++)
		if (f.returns[i] >= n || (file[f.returns[i]] != 0xc3 && file[f.returns[i]] == 0))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sg_named_target f = {.kind = SG_NAMED_UPROBE, .path = "/f", .symbol = "sg_step"},
			       u = {.kind = SG_NAMED_USDT,
				    .path = "/f",
				    .group = "sgwork",
				    .symbol = "step"};
	struct sg_named plain = {.name = "p"}, by = {.name = "p", .arg = 1};

	look(data, n, &f, &plain);
	look(data, n, &f, &by);
	look(data, n, &u, &plain);
	look(data, n, &u, &by);
	return 0;
}
