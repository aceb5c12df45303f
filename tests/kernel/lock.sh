#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Waits for the kernel's own locks: of a known number and length, and who waited.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
waits() { field "sgprobe_lock_wait_seconds{type=\"$1\"}" "$2"; }
mine() { field 'sgprobe_comm_lock_wait_seconds{comm="work-lock"}' "$1"; }
balanced() {
	local host
	host=$(total 'sgprobe_lock_wait_seconds{')
	ok "$1: the sum over cgroups equals the sum over types" is "$(total 'sgprobe_cgroup_lock_wait_seconds{')" "$host"
	ok "$1: the sum over comms equals the sum over types" is "$(total 'sgprobe_comm_lock_wait_seconds{')" "$host"
	ok "$1: the balance error is 0" is "$(field 'sgprobe_balance_error{domain="lock"}' 2)" 0
	ok "$1: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
}
others="probe.syscall=false probe.tcp=false probe.irq=false"

"$O/tools/work-lock" mutex 1 1
if [ $? = 2 ]; then
	skip "waits of a known length" "no userfaultfd here"
else
	# shellcheck disable=SC2086
	watch $others
	"$O/tools/work-lock" mutex 20 50
	unwatch
	# A mutex says several times that it waits: each wait counts once.
	ok "20 waits of 50 ms for a mutex are seen as mutex" between "$(waits mutex 2)" 20 2000
	ok "and are those of the program" between "$(mine 2)" 20 60
	ok "with the time that they took" between "$(mine 3)" 0.9 1.7
	ok "the longest of them too" between "$(mine 5)" 0.045 0.1
	balanced "mutex"

	# shellcheck disable=SC2086
	watch $others
	"$O/tools/work-lock" rwsem 20 50
	unwatch
	ok "20 waits of 50 ms for a file's rwsem are seen as rwsem_write" between "$(waits rwsem_write 2)" 20 2000
	ok "and are those of the program" between "$(mine 2)" 20 60
	ok "and the longest of them is as long" between "$(mine 5)" 0.045 0.1
	balanced "rwsem"
fi

if [ "$(nproc)" -lt 2 ]; then
	skip "spinning" "one CPU"
else
	# Whoever spins is known by what other programs found out about the task before.
	watch -i 50 probe.tcp=false probe.irq=false
	"$O/tools/work-lock" rwlock 100000
	unwatch
	n=$(($(waits rwlock_read 2) + $(waits rwlock_write 2)))
	ok "four processes spin for one rwlock" between "$n" 100 400000
	ok "none of them longer than a time slice" between "$(waits rwlock_write 5)" 0.00000001 0.01
	ok "the program is named" between "$(mine 2)" $((n * 9 / 10)) $((n + 1000))
	ok "a wait that began is seen to end" between "$(total sgprobe_lock_unmatched_total)" 0 $((n / 1000))
	balanced "rwlock"
fi
finish
