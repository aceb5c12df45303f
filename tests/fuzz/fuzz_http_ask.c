// SPDX-License-Identifier: GPL-2.0
/*
 * What a client asks beside its path. The first line is an Accept header: what is chosen is one of
 * the forms, and one that is refused by its whole name is never chosen over text. The rest is a
 * form: its parameters are clean, and expressions in it that can be laid out can be so again,
 * to the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/export.h>
#include <sgprobe/query.h>

#include "http/params.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void negotiate(const char *accept)
{
	static const char refused[] = ",application/openmetrics-text;version=1.0.0;q=0";
	enum sg_format f = sg_format_negotiate(accept);
	sg_auto_free char *more = NULL;

	if (f > SG_FORMAT_PROTOBUF || !strchr(sg_format_type(f), '/'))
		abort();
	/* Of one text the choice is one, whatever lies behind it. */
	more = malloc(strlen(accept) + sizeof(refused));
	strcpy(more, accept);
	if (sg_format_negotiate(more) != f)
		abort();
	strcat(more, refused);
	if (f == SG_FORMAT_TEXT && sg_format_negotiate(more) == SG_FORMAT_PROTOBUF &&
	    !strchr(accept, '"'))
		abort();
}

static void lay_out(const char *expr)
{
	struct sg_error err = {""};
	sg_auto_buf once = {0}, again = {0};

	if (sg_query_format(expr, &once, &err) < 0)
		return;
	if (sg_query_format(once.data, &again, &err) < 0 || strcmp(once.data, again.data) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto(sg_arena) a = sg_arena_new(1 << 20);
	struct http_params ps = {0};
	struct sg_error err = {""};
	char *copy = malloc(n + 1), *form;

	memcpy(copy, data, n);
	copy[n] = '\0';
	form = strchr(copy, '\n');
	if (form)
		*form++ = '\0';
	negotiate(copy);
	if (form && !http_params_parse(&ps, "from=url", a, &err) &&
	    !http_params_add(&ps, form, a, &err)) {
		if (strcmp(http_param(&ps, "from"), "url") != 0)
			abort();
		for (size_t i = 0; i < ps.n; i++)
			if (!sg_utf8_valid(ps.p[i].value, strlen(ps.p[i].value)))
				abort();
		if (http_param(&ps, "query"))
			lay_out(http_param(&ps, "query"));
	}
	free(copy);
	return 0;
}
