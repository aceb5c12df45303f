#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Waits for the kernel's locks, on any kernel that tells of them.
# expect: 5.* off lacks this trace point
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
watch_only lock
"$O/tools/work-lock" rwsem 5 50
status=$?
unwatch
if [ $status = 2 ]; then
	skip "waits of a known length" "no userfaultfd here"
else
	ok "5 waits of 50 ms for an rwsem are seen" between "$(field 'sgprobe_comm_lock_wait_seconds{comm="work-lock"}' 2)" 5 40
	ok "with the time that they took" between "$(field 'sgprobe_comm_lock_wait_seconds{comm="work-lock"}' 3)" 0.25 2
fi
ok "the sum over comms equals the sum over types" is "$(total 'sgprobe_comm_lock_wait_seconds{')" "$(total 'sgprobe_lock_wait_seconds{')"
finish
