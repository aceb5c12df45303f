// SPDX-License-Identifier: GPL-2.0
// Text from anywhere: the escapes keep their promises, the small parsers stay in bounds.
#include <stdlib.h>
#include <string.h>

#include <sgprobe/str.h>

static void escapes(const char *s)
{
	sg_auto_buf json = {0}, term = {0}, html = {0};

	sg_json_str(&json, s);
	sg_term_str(&term, s);
	sg_html_str(&html, s);
	for (size_t i = 0; i < json.len; i++)
		if ((unsigned char)json.data[i] < 0x20 || strchr("<>&", json.data[i]))
			abort();
	for (size_t i = 0; i < term.len; i++)
		if ((unsigned char)term.data[i] < 0x20 || term.data[i] == 0x7f)
			abort();
	if (!sg_utf8_valid(json.data, json.len) ||
	    (term.len && !sg_utf8_valid(term.data, term.len)))
		abort();
	if (html.len && strpbrk(html.data, "<>\"'"))
		abort();
}

static void numbers(const char *s)
{
	sg_auto_buf b = {0};
	char out[64];
	double v = 0;
	uint64_t u;

	sg_parse_duration(s, &u);
	sg_parse_bytes(s, &u);
	sg_parse_u64(s, 1, 1000, &u);
	memcpy(&v, s, strnlen(s, sizeof(v)));
	sg_json_num(&b, v);
	if (v - v == 0 && strtod(b.data, NULL) != v)
		abort();
	sg_fmt_float(&b, v);
	sg_fmt_seconds(v, out, sizeof(out));
	sg_fmt_bytes(v, out, sizeof(out));
	sg_fmt_count(v, out, sizeof(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto_free char *s = calloc(1, n + 1);

	if (!s)
		return 0;
	memcpy(s, data, n);
	escapes(s);
	numbers(s);
	return 0;
}
