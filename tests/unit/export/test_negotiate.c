// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/export.h>

#define PROTO                                                                                      \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
#define OPEN "application/openmetrics-text"

struct wish {
	const char *accept;
	enum sg_format want;
};

static void expect(const struct wish *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sg_format_negotiate(w[i].accept) != w[i].want)
			fail_msg("\"%s\" gets %d", w[i].accept, sg_format_negotiate(w[i].accept));
}

static void scrapers_get_what_they_ask(void **state)
{
	static const struct wish table[] = {
		/* Prometheus 2.42 with native histograms, without, and 3. */
		{PROTO "," OPEN ";version=1.0.0;q=0.8," OPEN
		       ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 SG_FORMAT_PROTOBUF},
		{OPEN ";version=1.0.0," OPEN ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
		      "*/*;q=0.1",
		 SG_FORMAT_OPENMETRICS},
		{OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPEN
		      ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		      "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		 SG_FORMAT_OPENMETRICS},
		/* A browser, curl, nothing. */
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", SG_FORMAT_TEXT},
		{"*/*", SG_FORMAT_TEXT},
		{"", SG_FORMAT_TEXT},
		{NULL, SG_FORMAT_TEXT},
	};

	expect(table, ARRAY_SIZE(table));
}

static void weight_comes_before_place(void **state)
{
	static const struct wish table[] = {
		{OPEN ";q=0.1, text/plain;q=0.2", SG_FORMAT_TEXT},
		{"text/plain;q=0.2, " OPEN ";q=0.21", SG_FORMAT_OPENMETRICS},
		{"text/plain, " OPEN, SG_FORMAT_TEXT},
		{OPEN ", text/plain", SG_FORMAT_OPENMETRICS},
		{"*/*, " OPEN, SG_FORMAT_OPENMETRICS}, /* the more specific of two as good */
		{"text/*;q=0.9, " OPEN ";q=0.8", SG_FORMAT_TEXT},
		{"text/plain;q=0.1, text/*, " OPEN ";q=0.5", SG_FORMAT_OPENMETRICS},
		{OPEN " ; Q=\"0.9\" ,text/plain;q=0.8", SG_FORMAT_OPENMETRICS},
	};

	expect(table, ARRAY_SIZE(table));
}

static void what_is_refused_or_another_version_is_not_sent(void **state)
{
	static const struct wish table[] = {
		{OPEN ";q=0", SG_FORMAT_TEXT},
		{OPEN ";q=0.000, text/plain;q=0.001", SG_FORMAT_TEXT},
		{OPEN ";version=0.0.1", SG_FORMAT_TEXT},
		{OPEN ";version=2.0.0, text/plain;q=0.1", SG_FORMAT_TEXT},
		{OPEN ";version=\"1.0.0\"", SG_FORMAT_OPENMETRICS},
		{"application/vnd.google.protobuf", SG_FORMAT_TEXT},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		 "encoding=text",
		 SG_FORMAT_TEXT},
		{"application/*", SG_FORMAT_OPENMETRICS},
		{"application/json", SG_FORMAT_TEXT},
	};

	expect(table, ARRAY_SIZE(table));
}

static void nonsense_gets_text(void **state)
{
	static const char *const table[] = {
		",",	      ";",	  ";;q=1,,",	 "=",	   OPEN ";q=2.0", OPEN ";q=1.0.0",
		OPEN ";q=-1", OPEN ";q=", OPEN ";q=nan", OPEN "x", "\"" OPEN,	  OPEN ";q=0.12345",
		"/",	      "*",	  "*/"};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		expect(&(struct wish){table[i], SG_FORMAT_TEXT}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrapers_get_what_they_ask),
		cmocka_unit_test(weight_comes_before_place),
		cmocka_unit_test(what_is_refused_or_another_version_is_not_sent),
		cmocka_unit_test(nonsense_gets_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
