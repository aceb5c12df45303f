// SPDX-License-Identifier: GPL-2.0
/*
 * Landlock by system call number: Debian 12's C library has no wrapper, and its
 * kernel header knows ABI 2. Bits that the running kernel does not know are masked.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sgprobe/mem.h>

#include "confine.h"

#define FS_ABI_1 ((1ULL << 13) - 1) /* execute ... make_sym */
#define FS_REFER (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define NET_BIND_CONNECT 3ULL /* ABI 4 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define SCOPE_ALL 3ULL /* ABI 6: abstract unix sockets, signals */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                      \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                   \
	 LANDLOCK_ACCESS_FS_MAKE_REG | FS_TRUNCATE)

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
	uint64_t fs, net, scoped;
};

static const struct {
	const char *path;
	uint64_t access;
} readable[] = {
	{"/proc", READ},
	{"/sys/devices/system/cpu", READ},
	{"/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE},
	{"/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE},
	{"/etc/localtime", LANDLOCK_ACCESS_FS_READ_FILE},
	{"/usr/share/zoneinfo", READ},
};

static int allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = {.allowed_access = access};
	sg_auto_fd int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	a.parent_fd = fd;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0 ? -errno
											    : 0;
}

/* struct landlock_net_port_attr of ABI 4; rule type 2; access 2 is connect. */
static int allow_port(int rules, uint16_t port)
{
	struct {
		uint64_t access, port;
	} a = {2, port};

	return syscall(SYS_landlock_add_rule, rules, 2, &a, 0) < 0 ? -errno : 0;
}

static struct ruleset handled(int abi, size_t *size)
{
	struct ruleset r = {.fs = FS_ABI_1};

	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_CONNECT;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_ALL;
	*size = abi >= 6 ? sizeof(r) : abi >= 4 ? 16 : 8;
	return r;
}

int sg_confine_files(const char *data_dir, const struct sg_confine_net *net)
{
	int abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	sg_auto_fd int rules = -1;
	struct ruleset r;
	size_t size;
	int res;

	if (abi <= 0)
		return 0;
	r = handled(abi, &size);
	rules = syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (rules < 0)
		return -errno;
	res = allow(rules, data_dir, WRITE & r.fs);
	if (res < 0)
		return res;
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		allow(rules, readable[i].path, readable[i].access); /* absent: nothing to allow */
	for (size_t i = 0; r.net && i < net->n_ports; i++)
		allow_port(rules, net->ports[i]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return -errno;
	return abi;
}
