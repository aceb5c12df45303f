#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The governor: a load that would cost many times the budget makes the costliest domain lose detail and at
# last its programs; when the host is calm they come back, and what comes back is right. Twenty ticks a second.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
mine() { grep -ls '^link_type' "/proc/$probe_pid/fdinfo/"* | wc -l; }
said() { grep -q "$1" "$tmp/err"; }
busy() { "$O/tools/work-calls" pair 100000000 & busy_pid=$!; }
calm() { kill "$busy_pid" 2> /dev/null; wait "$busy_pid" 2> /dev/null; }

watch_only syscall -i 50 probe.budget=1500us
links=$(mine)
busy
ok "a load of many times the budget is sampled first" eventually said 'syscall is sampled now'
ok "then more sparsely" eventually said 'syscall is sparse now'
ok "and then its programs are taken off their hooks" eventually said 'syscall is off now'
fewer() { [ "$(mine)" -lt "$links" ]; }
ok "so that they cost nothing" eventually fewer
calm
back() { [ "$(mine)" = "$links" ] && [ "$(grep -c 'syscall is sparse now' "$tmp/err")" -ge 2 ]; }
ok "when the host is calm they come back" eventually back
"$O/tools/work-calls" rare 20000
sleep 0.2
unwatch
ok "and count exactly again" between "$(total 'sgprobe_syscall_calls_total{syscall="sched_get_priority_min"}')" 20000 100000000
ok "no latency is longer than it can be" between "$(field 'sgprobe_syscall_latency_seconds{syscall="sched_get_priority_min"}' 6)" 0 1
ok "the changes are counted" between "$(total sgprobe_governor_changes_total)" 4 100
ok "sums close all the while" is "$(total 'sgprobe_cgroup_syscall_latency_seconds{')" "$(total 'sgprobe_syscall_latency_seconds{')"

# Threads that went to sleep while nobody watched, and go on sleeping, are counted as soon as somebody does.
watch_only sched -i 50 probe.budget=2ms
"$O/tools/work-pingpong" 100000000 0 0 > /dev/null & pair=$!
"$O/tools/work-pingpong" 100000000 1 1 > /dev/null & busy_pid=$!
ok "the scheduler's programs are taken off too" eventually said 'sched is off now'
kill "$pair" && wait "$pair" 2> /dev/null
calm
"$O/tools/work-states" 100 $(printf 'recv %.0s' $(seq 60)) & sleepers=$!
back() { [ "$(grep -c 'sched is sparse now' "$tmp/err")" -ge 2 ]; }
ok "and come back once the host is calm" eventually back
sleep 0.2
there=$(echo /proc/[0-9]*/task/* | wc -w)
unwatch
kill "$sleepers" && wait "$sleepers" 2> /dev/null
ok "then all threads are counted, those too that slept meanwhile" between "$(field 'sgprobe_sched_threads' 2)" $((there - 30)) $((there + 30))

watch -i 50 probe.budget=0s probe.tcp=false probe.irq=false
busy
sleep 2
calm
unwatch
ok "without a budget nothing is governed" is "$(total sgprobe_governor_changes_total)" 0
finish
