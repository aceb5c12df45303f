// SPDX-License-Identifier: GPL-2.0
/* Request heads and query strings: whatever comes, nothing is read past, and what is taken is clean. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/str.h>

#include "http/guard.h"
#include "http/params.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_taken(const struct http_request *r)
{
	sg_auto(sg_arena) a = sg_arena_new(1 << 20);
	struct http_params ps;
	struct sg_error err;
	struct http_guard g;
	int64_t ms;

	if (r->path[0] != '/' || strstr(r->path, "/../") ||
	    !sg_utf8_valid(r->path, strlen(r->path)))
		abort();
	http_guard_init(&g, "127.0.0.1:9470", "a.example");
	if (r->host && http_host_allowed(&g, r->host) && strchr(r->host, '@'))
		abort();
	if (http_params_parse(&ps, r->query, a, &err) < 0)
		return;
	for (size_t i = 0; i < ps.n; i++) {
		if (!sg_utf8_valid(ps.p[i].value, strlen(ps.p[i].value)))
			abort();
		if (!http_parse_time(ps.p[i].value, &ms) && ms < -100000000000000)
			abort();
		if (!http_parse_step(ps.p[i].value, &ms) && ms < 1)
			abort();
		http_parse_ms(ps.p[i].value, &ms);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_request r;
	size_t len = http_head_length((const char *)data, n);
	char *copy = malloc(len + 1);

	memcpy(copy, data, len);
	if (len && len <= HTTP_HEAD_MAX && !http_request_parse(copy, len, &r))
		check_taken(&r);
	free(copy);
	return 0;
}
