#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# io_uring: exact counts, latencies, what was punted, what found no room.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
uring() { "$O/tools/work-uring" "$@"; }
uring nop 1 2> "$tmp/why" || skip_all "no io_uring ($(cat "$tmp/why"), kernel.io_uring_disabled is $(cat /proc/sys/kernel/io_uring_disabled 2> /dev/null))"
op() { total "sgprobe_iouring_$1_total{opcode=\"$2\"}"; }
latency() { field "sgprobe_iouring_latency_seconds{opcode=\"$1\"}" "$2"; }
mine() { field 'sgprobe_comm_iouring_latency_seconds{comm="work-uring"}' "$1"; }
balanced() {
	local host
	host=$(total 'sgprobe_iouring_latency_seconds{')
	ok "$1: the sum over cgroups equals the sum over operations" is "$(total 'sgprobe_cgroup_iouring_latency_seconds{')" "$host"
	ok "$1: the sum over comms equals the sum over operations" is "$(total 'sgprobe_comm_iouring_latency_seconds{')" "$host"
	ok "$1: the balance error is 0" is "$(field 'sgprobe_balance_error{domain="iouring"}' 2)" 0
	ok "$1: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
}
others="probe.sched=false probe.syscall=false probe.tcp=false probe.irq=false"

# shellcheck disable=SC2086
watch -i 50 probe.budget=0s $others
uring nop 10000
uring read 500
uring async 300
uring error 200
uring timeout 20
unwatch
ok "10,000 requests that do nothing are seen" is "$(op requests nop)" 10000
ok "and their completions" is "$(op completions nop)" 10000
ok "each with a latency" is "$(latency nop 2)" 10000
ok "1,000 reads are seen" is "$(op requests read)" 1000
ok "each with a latency" is "$(latency read 2)" 1000
ok "the 200 that failed" is "$(op errors read)" 200
ok "the 300 that a worker thread did" is "$(op punted read)" 300
ok "no other was given to one" is "$(total sgprobe_iouring_punted_total)" 300
ok "20 timeouts of 20 ms" is "$(latency timeout 2)" 20
ok "took that long" between "$(latency timeout 4)" 0.019 0.04
ok "and have not failed" is "$(op errors timeout)" 0
ok "all of them are the program's" is "$(mine 2)" 11020
ok "no completion is left over" is "$(total sgprobe_iouring_unmatched_total)" 0
balanced "one by one"

# shellcheck disable=SC2086
watch probe.budget=0s $others
uring poll 50
uring wait 20
n=$(uring overflow 500)
unwatch
ok "one poll" is "$(op requests poll_add)" 1
ok "that completes 50 times before it ends" between "$(op completions other)" 50 51
ok "has one latency" is "$(latency poll_add 2)" 1
ok "20 reads that have to wait are armed" is "$(total sgprobe_iouring_poll_arms_total)" 20
ok "and go on in the task that submitted them" between "$(total sgprobe_iouring_task_work_total)" 20 200
ok "when there is something to read" between "$(latency read 4)" 0.019 0.04
ok "completions that find no room are counted" is "$(total sgprobe_iouring_overflows_total)" "$n"
ok "all were submitted" is "$(op requests nop)" 500
balanced "many"

near() { between "$1" $(($2 * 90 / 100)) $(($2 * 110 / 100)); }
# shellcheck disable=SC2086
watch $others probe.budget=10ms
uring nop 1000000
unwatch
ok "a busy ring is sampled, its counts are exact" is "$(op requests nop)" 1000000
ok "its completions too" is "$(op completions nop)" 1000000
ok "some are not timed" between "$(field 'sgprobe_untimed_total{domain="iouring"}' 2)" 100000 999000
ok "and the others stand for them" near "$(latency nop 2)" 1000000
balanced "sampled"
finish
