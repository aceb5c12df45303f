// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sgprobe/err.h>

#define LINE_MAX_BYTES 2048

/*
 * The only static state of the program: set once at the start of a process,
 * before its threads, and read-only from then on.
 */
static struct {
	char role[32];
	enum sg_log_level max;
	bool journal;
} log_config = {.max = SG_LOG_INFO};

/* systemd names the device and inode of the stream that it connected to stderr. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char want[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(want, sizeof(want), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return !strcmp(stream, want);
}

void sg_log_setup(const char *role, enum sg_log_level max)
{
	snprintf(log_config.role, sizeof(log_config.role), "%s", role ? role : "");
	log_config.max = max;
	log_config.journal = stderr_is_journal();
}

static size_t add_prefix(char *out, size_t size, enum sg_log_level level)
{
	static const char priority[] = {'3', '4', '6', '7'};
	char journal[4] = "";
	int n;

	if (log_config.journal)
		snprintf(journal, sizeof(journal), "<%c>", priority[level]);
	if (*log_config.role)
		n = snprintf(out, size, "%ssgprobe[%s]: ", journal, log_config.role);
	else
		n = snprintf(out, size, "%ssgprobe: ", journal);
	return n;
}

/* A name under somebody else's control must not write lines or colours of its own. */
static size_t add_escaped(char *out, size_t size, const char *s)
{
	size_t n = 0;

	for (; *s && n + 5 < size; s++) {
		unsigned char c = *s;

		if (c < 0x20 || c == 0x7f)
			n += snprintf(out + n, size - n, "\\x%02x", c);
		else
			out[n++] = c;
	}
	return n;
}

static void write_line(enum sg_log_level level, const char *msg)
{
	char line[LINE_MAX_BYTES];
	size_t n = add_prefix(line, sizeof(line), level);
	ssize_t w;

	n += add_escaped(line + n, sizeof(line) - n - 1, msg);
	line[n++] = '\n';
	do
		w = write(STDERR_FILENO, line, n);
	while (w < 0 && errno == EINTR);
}

void sg_log(enum sg_log_level level, const char *fmt, ...)
{
	int saved = errno;
	char msg[LINE_MAX_BYTES];
	va_list ap;

	if (level > log_config.max)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	write_line(level, msg);
	errno = saved;
}

int sg_log_err(int r, const char *fmt, ...)
{
	char msg[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	sg_log(SG_LOG_ERROR, "%s: %s", msg, strerror(r < 0 ? -r : r));
	return r;
}
