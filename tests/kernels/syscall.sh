#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# System calls, in a guest: exact counts of each kind.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
calls() { total "sgprobe_syscall_calls_total{syscall=\"$1\"}"; }
errors() { total "sgprobe_syscall_errors_total{syscall=\"$1\"}"; }

watch_only syscall -s
pids=
for _ in 1 2 3 4; do "$O/tools/work-calls" rare 10000 & pids="$pids $!"; done
wait $pids
"$O/tools/work-getppid" 20000 > /dev/null
"$O/tools/work-calls" error 300
"$O/tools/work-calls" range 77
"$O/tools/work-calls" compat 50
compat=$?
"$O/tools/work-calls" thread 5
"$O/tools/work-calls" restart 3
for i in 1 2 3 4 5; do dd if=/dev/zero of="/dev/shm/sg-file$i" bs=1k count=100 conv=fsync; done 2> /dev/null
"$O/tools/tcp-churn" -p 19430 -n 50 -s 100 -r 100 > /dev/null
unwatch
rm -f /dev/shm/sg-file*
files() { total "sgprobe_syscall_file_seconds{filesystem=\"tmpfs\",op=\"$1\"}"; }
count_missed
seen() { between "$1" $(($2 - missed)) "$2"; }
ok "four loops of 10,000 calls are 40,000" seen "$(calls sched_get_priority_min)" 40000
n=$(calls sched_get_priority_min)
ok "each with a latency, or one that stands for it" between \
	"$(field 'sgprobe_syscall_latency_seconds{syscall="sched_get_priority_min"}' 2)" $((n * 95 / 100 - missed)) $((n * 105 / 100 + missed))
ok "20,000 getppid calls are 20,000" seen "$(calls getppid)" 20000
ok "300 failed calls are errors" between "$(errors close)" $((300 - missed)) 310
ok "calls that no table has are 'other'" seen "$(calls other)" 77
ok "500 blocks are written to a tmpfs" seen "$(files write)" 500
ok "in 5 files" seen "$(files open)" 5
ok "of which each is synced" seen "$(files fsync)" 5
ok "50 connections are accepted" seen "$(total 'sgprobe_syscall_accept_wait_seconds{port="19430"}')" 50
if [ $compat = 0 ]; then
	ok "calls of the other table are 'compat'" seen "$(calls compat)" 50
else
	skip "calls of the other table" "this kernel has none"
fi
ok "threads end inside exit" between "$(total 'sgprobe_syscall_unfinished_total{syscall="exit"}')" $((5 - missed)) 20
ok "a call that is stopped and continued is restarted" seen "$(total 'sgprobe_syscall_restarts_total{syscall="nanosleep"}')" 3
ok "each part under its own name" seen "$(calls nanosleep)" 4
host=$(total sgprobe_syscall_latency_seconds)
ok "the sum over cgroups equals the sum over calls" is "$(total sgprobe_cgroup_syscall_latency_seconds)" "$host"
ok "the sum over comms too" is "$(total sgprobe_comm_syscall_latency_seconds)" "$host"
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"
finish
