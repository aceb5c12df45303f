// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <sgprobe/mem.h>

#include "confine.h"

/* No code of sgprobe's calls these once it runs: whoever does has taken the process over. */
static const char *const forbidden[] = {
	"execve",	   "execveat",	  "ptrace",	  "process_vm_readv", "process_vm_writev",
	"mount",	   "umount2",	  "pivot_root",	  "chroot",	      "unshare",
	"setns",	   "init_module", "finit_module", "delete_module",    "kexec_load",
	"kexec_file_load", "reboot",	  "swapon",	  "swapoff",	      "add_key",
	"keyctl",	   "request_key", "iopl",	  "ioperm",	      "userfaultfd",
	"io_uring_setup",
};

/* What the C library, SQLite, libwebsockets and the event loop use. */
static const char *const allowed[] = {
	/* memory, threads */
	"brk",
	"mmap",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"futex",
	"clone",
	"clone3",
	"set_robust_list",
	"rseq",
	"set_tid_address",
	"gettid",
	"getpid",
	"getppid",
	"tgkill",
	"sched_yield",
	"sched_getaffinity",
	"exit",
	"exit_group",
	"restart_syscall",
	"prctl",
	"membarrier",
	/* signals, time */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"alarm",
	"signalfd4",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	/* descriptors */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"close",
	"dup",
	"fcntl",
	"lseek",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"eventfd2",
	"pipe2",
	"ioctl",
	/* files, below what Landlock and the user's rights leave */
	"open",
	"openat",
	"stat",
	"lstat",
	"fstat",
	"newfstatat",
	"statx",
	"access",
	"faccessat",
	"faccessat2",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"ftruncate",
	"fallocate",
	"fsync",
	"fdatasync",
	"flock",
	"getdents64",
	"getcwd",
	"readlink",
	"readlinkat",
	"fchmod",
	"fchmodat",
	"fchown",
	"statfs",
	"fstatfs",
	"umask",
	"fadvise64",
	"mkdir",
	"mkdirat",
	/* sockets that exist already */
	"accept",
	"accept4",
	"recvfrom",
	"recvmsg",
	"sendto",
	"sendmsg",
	"shutdown",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"socketpair",
	/* itself */
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getrusage",
	"getrandom",
	"uname",
	"sysinfo",
	"prlimit64",
	"getrlimit",
	"getcpu",
};

/* A name that this architecture does not have is not an error. */
static int add_all(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		int r = nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(f, action, nr, 0);

		if (r < 0 && r != -EDOM && r != -EINVAL)
			return r;
	}
	return 0;
}

/* Loads and releases f; every thread of the process gets it. */
static int load(scmp_filter_ctx f, int r)
{
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

/* Sockets that connect, of streams alone: what Landlock leaves of their ports. */
static int allow_connections(scmp_filter_ctx f)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				     SCMP_A0(SCMP_CMP_EQ, families[i]),
				     SCMP_A1(SCMP_CMP_EQ, SOCK_STREAM | flags));
	return r;
}

int sg_confine_server_calls(const struct sg_confine_net *net)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!f)
		return -ENOMEM;
	r = add_all(f, SCMP_ACT_ALLOW, allowed, ARRAY_SIZE(allowed));
	if (r == 0 && net->connects)
		r = allow_connections(f);
	if (r == 0)
		r = add_all(f, SCMP_ACT_KILL_PROCESS, forbidden, ARRAY_SIZE(forbidden));
	/* The probe process calls these two: bpf always, the other to name a cgroup by its id. */
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(bpf), 0);
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(open_by_handle_at), 0);
	return load(f, r);
}

int sg_confine_probe_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	static const int families[] = {AF_INET, AF_INET6, AF_PACKET, AF_VSOCK};
	int r;

	if (!f)
		return -ENOMEM;
	r = add_all(f, SCMP_ACT_KILL_PROCESS, forbidden, ARRAY_SIZE(forbidden));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, families[i]));
	return load(f, r);
}
