// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "perf_map.h"

#define CHUNK 65536u
#define LINE_MAX 4096u /* the rest of a longer line is passed over */

static size_t first_want(const struct sg_elf_want *w, size_t n, uint64_t address)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* line ends with a NUL. */
static void take_line(const char *line, struct sg_elf_want *w, size_t n)
{
	char *p;
	uint64_t start = strtoull(line, &p, 16), size;

	if (p == line || *p != ' ')
		return;
	line = p;
	size = strtoull(line, &p, 16);
	if (p == line || *p != ' ' || !p[1] || !size || size > UINT64_MAX - start)
		return;
	for (size_t i = first_want(w, n, start); i < n && w[i].address - start < size; i++) {
		w[i].start = start;
		w[i].end = start + size;
		sg_frame_name_clean(p + 1, strlen(p + 1), w[i].name);
	}
}

/* Whole lines of buf[0..have); how many bytes are done with. */
static size_t take_lines(char *buf, size_t have, bool *skip, struct sg_elf_want *w, size_t n)
{
	size_t at = 0;
	char *end;

	while ((end = memchr(buf + at, '\n', have - at))) {
		*end = '\0';
		if (!*skip)
			take_line(buf + at, w, n);
		*skip = false;
		at = (size_t)(end - buf) + 1;
	}
	if (have - at < LINE_MAX)
		return at;
	buf[have] = '\0';
	if (!*skip)
		take_line(buf + at, w, n);
	*skip = true;
	return have;
}

int sg_perf_map_symbols(int fd, struct sg_elf_want *w, size_t n)
{
	sg_auto_free char *buf = malloc(CHUNK + LINE_MAX + 1);
	size_t have = 0, total = 0;
	bool skip = false;
	ssize_t got = 0;

	if (!buf)
		return -ENOMEM;
	while (total < SG_PERF_MAP_MAX && (got = pread(fd, buf + have, CHUNK, (off_t)total)) > 0) {
		size_t done;

		total += (size_t)got;
		have += (size_t)got;
		done = take_lines(buf, have, &skip, w, n);
		have -= done;
		memmove(buf, buf + done, have);
	}
	return got < 0 ? -errno : 0;
}
