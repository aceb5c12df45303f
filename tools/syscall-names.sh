#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Writes userspace/probe/syscall_names.def: the name of every system call number, for each architecture that
# sgprobe runs on, from the kernel's own headers (linux-libc-dev). Run it again after they were updated.
set -eu
cd "$(dirname "$0")/.."

# Newer than the headers of the oldest distribution that is built on; the same numbers everywhere.
newer='451 cachestat 452 fchmodat2 453 map_shadow_stack 454 futex_wake 455 futex_wait 456 futex_requeue
457 statmount 458 listmount 459 lsm_get_self_attr 460 lsm_set_self_attr 461 lsm_list_modules 462 mseal
463 setxattrat 464 getxattrat 465 listxattrat 466 removexattrat 467 open_tree_attr 468 file_getattr
469 file_setattr'

names() { # HEADER [gcc options]
	h=$1
	shift
	{
		printf '#include <%s>\n' "$h" | gcc -E -dM "$@" - |
			sed -n 's/^#define __NR\(3264\)\{0,1\}_\([a-z0-9_]*\) \([0-9][0-9]*\)$/\3 \2/p' |
			sed 's/ fstatat$/ newfstatat/; / arch_specific_syscall$/d; / syscalls$/d' | sort -n
		echo "$newer" | tr '\n' ' ' | sed 's/\([0-9][0-9]*\) \([a-z0-9_]*\) */\1 \2\n/g'
	} | awk '
		NF == 2 && $1 < 512 && !($1 in name) { name[$1] = $2 }
		END {
			for (i = 0; i < 512; i++)
				printf "SYSCALL_NAME(%d, \"%s\")\n", i, i in name ? name[i] : "syscall_" i
		}'
}
{
	echo '/* SPDX-License-Identifier: GPL-2.0 */'
	echo '/* Made by tools/syscall-names.sh: the name of every system call number. */'
	echo '#if defined(__x86_64__)'
	names asm/unistd_64.h
	echo '#elif defined(__aarch64__)'
	# The table is the generic one; what arm64 adds to it is asked for as its own asm/unistd.h does.
	names asm-generic/unistd.h -D__ARCH_WANT_RENAMEAT -D__ARCH_WANT_NEW_STAT \
		-D__ARCH_WANT_SET_GET_RLIMIT -D__ARCH_WANT_SYS_CLONE3
	echo '#else'
	echo '#error "no system call table for this architecture"'
	echo '#endif'
} > userspace/probe/syscall_names.def
