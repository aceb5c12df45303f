// SPDX-License-Identifier: GPL-2.0
// A configuration file. What is taken can be printed, and the print gives the same settings;
// what is refused changes nothing and says why.
#include <stdlib.h>
#include <string.h>

#include "config/load.h"

static void reads_back(const struct sg_config *c)
{
	struct sg_config d;
	sg_auto_buf b = {0};

	sg_config_defaults(&d);
	sg_config_print(&b, c);
	if (b.err || sg_config_load_text(&d, b.data, b.len, "printed", NULL) < 0 ||
	    memcmp(c, &d, sizeof(d)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sg_error err = {""};
	struct sg_config c, before;

	sg_config_defaults(&c);
	before = c;
	if (sg_config_load_text(&c, (const char *)data, n, "f", &err) == 0)
		reads_back(&c);
	else if (memcmp(&c, &before, sizeof(c)) != 0 || !err.msg[0])
		abort();
	return 0;
}
