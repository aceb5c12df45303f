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
# ---- ten times the budget: shed step by step, exact while sampled, nothing when off, back with hysteresis

total_of() { awk -v p="$1" 'index($0, p) == 1 { s += $2 } END { print s }' "$OUT"; } # with its fraction
tail_of() { awk -v p="$1" 'index($0, p) == 1 { v = $NF } END { print v }' "$OUT"; } # the one that came last
very_busy() { busy; other_pid=$busy_pid; busy; }
very_calm() { calm; busy_pid=$other_pid; calm; }
steps() { grep -oE 'syscall is [a-z]+ now' "$tmp/err" | awk '{ print $3 }' | paste -sd' '; }
has_steps() { [ "$(steps)" = "$1" ]; }
cpus=$(getconf _NPROCESSORS_ONLN)
budget=$cpus # ms a tick: probe.budget is of each CPU

watch_only syscall -i 200 -s probe.budget=0s
very_busy
sleep 2
unwatch
very_calm
ok "in full detail the load costs ten times the budget" between "$(total_of sgprobe_bpf_run_seconds_total)" \
	"$(awk -v b=$budget 'BEGIN { print 10 * b / 1000 * 5 * 2 }')" 100

others_off=()
for d in $(domains); do others_off+=("probe.$d=false"); done
watch "${others_off[@]}"
alone=$(mine)
unwatch
watch_only syscall -i 200 probe.budget=1ms
"$O/tools/work-calls" rare 1000
very_busy
ok "it is shed step by step, until it is off" eventually has_steps "sampled sparse off"
ok "each step has its reason" said 'syscall is sampled now: watching took [0-9.]* ms a second of [0-9.]* ms (probe.budget), this domain [0-9.]* ms'
ok "off is off: none of its programs is on a hook" is "$(mine)" "$alone"
"$O/tools/work-calls" range 7000
sleep 0.5
unwatch
very_calm
ok "and none has run" is "$(total 'sgprobe_syscall_errors_total{syscall="other"}' || :)" 0
ok "the step is a metric" is "$(tail_of 'sgprobe_governor_step{domain="syscall"')" 3
ok "so is the budget" is "$(total_of sgprobe_governor_budget_seconds | awk '{ printf "%.0f", $1 * 1000 }')" $budget

watch_only syscall -i 50 probe.budget=1500us
busy
eventually has_steps "sampled"
"$O/tools/work-calls" rare 300000
calm
sleep 0.2
unwatch
ok "while it is sampled every call is counted" between "$(total 'sgprobe_syscall_calls_total{syscall="sched_get_priority_min"}')" 300000 100000000
ok "though not every one was timed" between "$(total 'sgprobe_untimed_total{domain="syscall"}')" 1000 1000000000

watch -i 50 probe.budget=0s probe.tcp=false probe.irq=false
busy
sleep 2
calm
unwatch
ok "without a budget nothing is governed" is "$(total sgprobe_governor_changes_total)" 0
finish
