// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sgprobe/mem.h>

#include "notify.h"

/* NULL: there is no service manager. */
static const char *manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (path[0] == '/' || path[0] == '@') ? path : NULL;
}

bool sg_notify_wanted(void)
{
	return manager() != NULL;
}

void sg_notify(const char *state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	sg_auto_fd int fd = -1;
	const char *path = manager();
	size_t n = path ? strlen(path) : 0;

	if (!n || n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a,
		       offsetof(struct sockaddr_un, sun_path) + n);
}
