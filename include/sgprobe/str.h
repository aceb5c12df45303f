/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Growing byte buffers, and the escapes that hostile names (comm, cgroup, file
 * names) need before they reach a terminal, JSON or HTML.
 */
#ifndef SGPROBE_STR_H
#define SGPROBE_STR_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/mem.h>

/*
 * A buffer. Zero-initialise; free with sg_buf_free. The first failed allocation
 * (or passing max, when max > 0) sets err, and later calls do nothing, so a
 * writer checks once at the end. data is NUL terminated when data != NULL.
 */
struct sg_buf {
	char *data;
	size_t len, cap;
	size_t max; /* bytes; 0: no limit */
	int err; /* 0, -ENOMEM or -EMSGSIZE */
};
void sg_buf_free(struct sg_buf *b);
void sg_buf_reset(struct sg_buf *b); /* len = 0, err = 0, memory kept */
void sg_buf_add(struct sg_buf *b, const void *p, size_t n);
void sg_buf_str(struct sg_buf *b, const char *s);
void sg_buf_char(struct sg_buf *b, char c);
/*
 * For writers of many small parts: room for n more bytes at the end, NULL when
 * b->err is or becomes set. The caller adds what it wrote to len, at most n, and
 * ends with sg_buf_add(b, "", 0), which puts the NUL in place.
 */
char *sg_buf_reserve(struct sg_buf *b, size_t n);
void sg_buf_printf(struct sg_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void sg_autop_buf(struct sg_buf *b)
{
	sg_buf_free(b);
}
#define sg_auto_buf __attribute__((cleanup(sg_autop_buf))) struct sg_buf

/* Undoes gzip into out, at most max bytes. -EBADMSG, -EMSGSIZE, -ENOMEM. */
int sg_gunzip(const void *p, size_t n, size_t max, struct sg_buf *out);

/*
 * JSON. sg_json_str writes a quoted string; invalid UTF-8 becomes U+FFFD, and
 * <, >, &, U+2028, U+2029 are escaped as \u so that the text is safe inside HTML.
 * sg_json_num writes the shortest decimal that reads back as v; NaN and Inf
 * become null.
 */
void sg_json_str(struct sg_buf *b, const char *s);
void sg_json_num(struct sg_buf *b, double v);

/* A sample value as Prometheus prints it: shortest round trip, "NaN", "+Inf", "-Inf". */
void sg_fmt_float(struct sg_buf *b, double v);
/* The same, with an exponent below 1e-6 and from 1e21 on: in Prometheus' JSON. */
void sg_fmt_float_json(struct sg_buf *b, double v);
/* The same, with one below 1e-4 and from 1e6 on: in its expressions, and for bounds of buckets. */
void sg_fmt_float_e(struct sg_buf *b, double v);

/* For terminals: control bytes, escapes, bidi controls and invalid UTF-8 are shown as '\xNN' or '?'. */
void sg_term_str(struct sg_buf *b, const char *s);

/* For HTML text and attribute values: & < > " ' are escaped. */
void sg_html_str(struct sg_buf *b, const char *s);

/* True when s[0..n) is valid UTF-8 without NUL. */
bool sg_utf8_valid(const char *s, size_t n);

/* "1.5ms", "300ns", "2h30m": parse a duration of ns | us | ms | s | m | h | d | w parts, largest first. */
int sg_parse_duration(const char *s, uint64_t *ret_ns); /* 0, -EINVAL or -ERANGE */
/* Edit distance (Damerau-Levenshtein, adjacent swaps); names up to 63 bytes. */
unsigned int sg_distance(const char *a, const char *b);

/* "64MiB", "10GiB", "4096": binary units only. */
int sg_parse_bytes(const char *s, uint64_t *ret);
/* Decimal digits only, whole string, within [min, max]. 0, -EINVAL or -ERANGE. */
int sg_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
/* A finite decimal number, the whole string; not strtod's hexadecimal, "nan" or "inf", and no blanks. 0 or -EINVAL. */
int sg_parse_number(const char *s, double *ret);
/* For people: "1.24ms", "830µs", "12.0s"; three significant digits. Writes at most n bytes, returns out. */
char *sg_fmt_seconds(double s, char *out, size_t n);
char *sg_fmt_bytes(double v, char *out, size_t n); /* "1.24 MiB" */
char *sg_fmt_count(double v, char *out, size_t n); /* "12.4k" */
/* By a metric's unit: "seconds", "bytes", else a plain number; "-" for NaN. */
char *sg_fmt_unit(const char *unit, double v, char *out, size_t n);
/*
 * The same of a histogram's quantile or bound, for narrow columns: "12.0KiB". Of what is
 * counted in whole units it is a whole number.
 */
char *sg_fmt_observed(const char *unit, double v, char *out, size_t n);

#endif
