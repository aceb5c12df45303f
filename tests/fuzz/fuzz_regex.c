// SPDX-License-Identifier: GPL-2.0
// A pattern, a NUL, a text. Wrapped in a group the pattern means the same, which takes the
// automaton where the pattern alone may take a short way.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/regex.h"

static bool match(const struct sg_regex *re, const char *text)
{
	return sg_regex_match(re, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto(sg_regex) plain = NULL;
	sg_auto(sg_regex) grouped = NULL;
	sg_auto_free char *s = calloc(1, n + 2), *wrapped = NULL;
	struct sg_error err = {""};
	const char *text;

	if (!s || n > 2048)
		return 0;
	memcpy(s, data, n);
	text = s + strlen(s) + (strlen(s) < n);
	if (sg_regex_new(s, &plain, &err) < 0) {
		if (!err.msg[0])
			abort();
		return 0;
	}
	if (asprintf(&wrapped, "(?:%s)", s) < 0)
		abort();
	if (sg_regex_new(wrapped, &grouped, NULL) == 0 &&
	    match(plain, text) != match(grouped, text))
		abort();
	return 0;
}
