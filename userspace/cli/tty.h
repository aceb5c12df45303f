/* SPDX-License-Identifier: GPL-2.0 */
/* A live screen: alternate buffer, keys without Enter, resize. The terminal is restored by sg_tty_close and by the signals that end a program. */
#ifndef SG_CLI_TTY_H
#define SG_CLI_TTY_H

#include <stdbool.h>
#include <termios.h>

#include <sgprobe/str.h>

enum sg_depth { SG_MONO, SG_256, SG_TRUE };

struct sg_tty {
	struct termios saved;
	int signals; /* signalfd: SIGWINCH, SIGINT, SIGTERM, SIGHUP */
	bool raw; /* keys can be read */
};

struct sg_size {
	unsigned int columns, rows;
};
struct sg_size sg_tty_size(void);
enum sg_depth sg_tty_depth(bool color);

int sg_tty_open(struct sg_tty *t);
void sg_tty_close(struct sg_tty *t);
/* Replaces the screen's content; lines end with '\n', what does not fit is cut. */
void sg_tty_draw(const struct sg_buf *b);
/* Waits for at most ms: a key, 'q' for a signal that ends the program, -1 for a resize, 0 when the time is over. */
int sg_tty_wait(struct sg_tty *t, int ms);

#endif
