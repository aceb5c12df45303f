/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Errors and logging.
 *
 * Functions return 0 (or a count) on success and -errno on failure. A function
 * either returns an error or logs it, never both. Where the user must act, the
 * callee also fills a struct sg_error with a whole sentence that says what is
 * wrong and what to do, and the caller decides where it goes.
 */
#ifndef SGPROBE_ERR_H
#define SGPROBE_ERR_H

#include <stdarg.h>

struct sg_error {
	char msg[512]; /* always NUL terminated; empty while nothing went wrong */
};

/* Fills err (may be NULL) and returns r, so that 'return sg_fail(err, -EINVAL, ...)' reads. */
int sg_fail(struct sg_error *err, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

enum sg_log_level { SG_LOG_ERROR, SG_LOG_WARN, SG_LOG_INFO, SG_LOG_DEBUG };

/*
 * One line on stderr: "<level>sgprobe[role]: message", with the syslog priority
 * prefix only when stderr is the systemd journal. Control bytes are escaped.
 * Thread safe: a line is one write(2).
 */
void sg_log(enum sg_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sg_log_setup(const char *role, enum sg_log_level max);

/* Logs "message: strerror(-r)" at error level and returns r. */
int sg_log_err(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define sg_info(...) sg_log(SG_LOG_INFO, __VA_ARGS__)
#define sg_warn(...) sg_log(SG_LOG_WARN, __VA_ARGS__)
#define sg_debug(...) sg_log(SG_LOG_DEBUG, __VA_ARGS__)

#endif
