// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include <sgprobe/str.h>

#include "utf8.h"

static const char *short_escape(uint32_t cp)
{
	switch (cp) {
	case '"': return "\\\"";
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	default: return NULL;
	}
}

/* What YAML, which reads these strings too, does not take as it is. */
static bool unprintable(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xfeff || cp == 0xfffe ||
	       cp == 0xffff;
}

static bool json_needs_hex(uint32_t cp)
{
	return unprintable(cp) || cp == '<' || cp == '>' || cp == '&' || cp == 0x2028 ||
	       cp == 0x2029;
}

/* Bytes at s that go out as they are: printable ASCII without the few special ones. */
static size_t plain_run(const char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\' && s[n] != '<' &&
	       s[n] != '>' && s[n] != '&')
		n++;
	return n;
}

void sg_json_str(struct sg_buf *b, const char *s)
{
	size_t left = strlen(s);

	sg_buf_char(b, '"');
	while (left) {
		size_t n = plain_run(s);
		uint32_t cp = 0;

		sg_buf_add(b, s, n);
		s += n;
		left -= n;
		if (!left)
			break;
		n = sg_utf8_next(s, left, &cp);
		if (!n)
			sg_buf_str(b, "\xef\xbf\xbd");
		else if (short_escape(cp))
			sg_buf_str(b, short_escape(cp));
		else if (json_needs_hex(cp))
			sg_buf_printf(b, "\\u%04x", cp);
		else
			sg_buf_add(b, s, n);
		n = n ? n : 1;
		s += n;
		left -= n;
	}
	sg_buf_char(b, '"');
}

/* Characters that move or reorder text without being seen. */
static bool deceives(uint32_t cp)
{
	return (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0x061c || cp == 0xfeff ||
	       (cp >= 0xfff9 && cp <= 0xfffb);
}

void sg_term_str(struct sg_buf *b, const char *s)
{
	size_t left = strlen(s);

	while (left) {
		uint32_t cp = 0;
		unsigned n = sg_utf8_next(s, left, &cp);

		if (!n || cp < 0x20 || cp == 0x7f)
			sg_buf_printf(b, "\\x%02x", (unsigned char)*s);
		else if ((cp >= 0x80 && cp < 0xa0) || deceives(cp))
			sg_buf_char(b, '?');
		else
			sg_buf_add(b, s, n);
		n = n ? n : 1;
		s += n;
		left -= n;
	}
}

void sg_html_str(struct sg_buf *b, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': sg_buf_str(b, "&amp;"); break;
		case '<': sg_buf_str(b, "&lt;"); break;
		case '>': sg_buf_str(b, "&gt;"); break;
		case '"': sg_buf_str(b, "&quot;"); break;
		case '\'': sg_buf_str(b, "&#39;"); break;
		default: sg_buf_char(b, *s);
		}
	}
}
