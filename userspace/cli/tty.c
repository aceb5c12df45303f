// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "tty.h"

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

struct sg_size sg_tty_size(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20 && w.ws_row >= 5)
		return (struct sg_size){SG_MIN(w.ws_col, 500U), SG_MIN(w.ws_row, 300U)};
	return (struct sg_size){80, 24};
}

enum sg_depth sg_tty_depth(bool color)
{
	const char *ct = getenv("COLORTERM"), *term = getenv("TERM");

	if (!color)
		return SG_MONO;
	if (ct && (strcmp(ct, "truecolor") == 0 || strcmp(ct, "24bit") == 0))
		return SG_TRUE;
	return term && (strstr(term, "256color") || strstr(term, "direct")) ? SG_256 : SG_MONO;
}

static void put(const char *s)
{
	/* A terminal that has gone away ends the program by SIGHUP, not here. */
	if (sg_write_full(STDOUT_FILENO, s, strlen(s)) < 0)
		return;
}

int sg_tty_open(struct sg_tty *t)
{
	struct termios raw;
	sigset_t set;

	*t = (struct sg_tty){.signals = -1};
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return -errno;
	if (tcgetattr(STDIN_FILENO, &t->saved) == 0) {
		raw = t->saved;
		raw.c_lflag &= ~(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	put(ENTER);
	return 0;
}

void sg_tty_close(struct sg_tty *t)
{
	put(LEAVE);
	if (t->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	if (t->signals >= 0)
		close(t->signals);
	t->signals = -1;
}

/* Bytes of the line's beginning that fit into the columns: escapes take none, a UTF-8 character one. */
static size_t fit(const char *line, size_t n, unsigned int columns)
{
	unsigned int used = 0;
	size_t i = 0;

	while (i < n) {
		if (line[i] == '\033') {
			while (i < n && line[i] != 'm')
				i++;
			i += i < n;
			continue;
		}
		if (((unsigned char)line[i] & 0xc0) != 0x80 && used++ == columns)
			return i;
		i++;
	}
	return i;
}

void sg_tty_draw(const struct sg_buf *b)
{
	struct sg_size size = sg_tty_size();
	sg_auto_buf out = {0};
	const char *at = b->data ? b->data : "", *end = at + b->len;

	sg_buf_str(&out, "\033[H");
	for (unsigned int row = 0; row < size.rows && at < end; row++) {
		const char *nl = memchr(at, '\n', end - at);
		size_t n = (nl ? nl : end) - at;

		sg_buf_add(&out, at, fit(at, n, size.columns));
		sg_buf_str(&out, row + 1 < size.rows ? "\033[0m\033[K\r\n" : "\033[0m\033[K");
		at = nl ? nl + 1 : end;
	}
	sg_buf_str(&out, "\033[J");
	if (!out.err)
		put(out.data);
}

static int read_signal(const struct sg_tty *t)
{
	struct signalfd_siginfo si;

	if (read(t->signals, &si, sizeof(si)) != sizeof(si))
		return 0;
	return si.ssi_signo == SIGWINCH ? -1 : 'q';
}

int sg_tty_wait(struct sg_tty *t, int ms)
{
	struct pollfd p[2] = {{.fd = t->signals, .events = POLLIN},
			      {.fd = t->raw ? STDIN_FILENO : -1, .events = POLLIN}};
	char c = 0;

	if (poll(p, 2, ms) <= 0)
		return 0;
	if (p[0].revents)
		return read_signal(t);
	if (!(p[1].revents & POLLIN) || read(STDIN_FILENO, &c, 1) <= 0)
		return 'q'; /* the terminal has gone */
	return c;
}
