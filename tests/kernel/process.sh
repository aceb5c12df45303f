#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Processes and signals: who starts what, how it ends, how old it becomes, who is sent what.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
room="probe.slots=2048 probe.max_comms=2048" # others start programs too
named() { cp "$(type -P "$1")" "$tmp/$2"; } # PROGRAM NAME
of() { total "sgprobe_comm_process_$1{comm=\"$2\"${3:+,$3\}}"; } # METRIC COMM [LABEL]
processes() { awk '$1 == "processes" { print $2 }' /proc/stat; }
named "$O/tools/work-fork" sg-fork
named "$O/tools/work-calls" sg-threads
named true sg-true
named sleep sg-sleep
named bash sg-shell
named sleep sg-target

watch_only process $room
p0=$(processes)
"$tmp/sg-fork" 1000
for _ in $(seq 50); do "$tmp/sg-true"; done
"$tmp/sg-threads" thread 5
for _ in 1 2 3 4 5; do "$tmp/sg-sleep" 0.2; done
"$tmp/sg-shell" -c 'exit 3'
"$tmp/sg-shell" -c 'ulimit -c 0; kill -ABRT $$' 2> /dev/null
"$tmp/sg-shell" -c 'ulimit -c 0; kill -SEGV $$' 2> /dev/null
p1=$(processes)
unwatch
starts=$(total sgprobe_process_starts_total)
ok "all starts are seen, and no more than /proc/stat counted" between "$starts" $((p1 - p0)) $((p1 - p0 + 60))
ok "1,000 forks are the parent's" is "$(of starts_total sg-fork 'kind="process"')" 1000
ok "five threads are no processes" is "$(of starts_total sg-threads 'kind="thread"')" 5
ok "50 programs were started" is "$(of execs_total sg-true)" 50
ok "their ends are successes" is "$(of exits_total sg-true 'result="success"')" 50
ok "the parent and its children end" is "$(of exits_total sg-fork 'result="success"')" 1001
ok "each child's end is a signal to the parent" is "$(of signals_total sg-fork 'signal="SIGCHLD"')" 1000
ok "a process of six threads ends once" is "$(of exits_total sg-threads)" 1
ok "an exit code is a failure" is "$(of exits_total sg-shell 'result="failure"')" 1
ok "two ended by a signal" is "$(of exits_total sg-shell 'result="signal"')" 2
ok "one of them was SIGABRT" is "$(of signals_total sg-shell 'signal="SIGABRT"')" 1
ok "the other SIGSEGV" is "$(of signals_total sg-shell 'signal="SIGSEGV"')" 1
s='sgprobe_comm_process_lifetime_seconds{comm="sg-sleep"}'
ok "five sleeps live" is "$(field "$s" 2)" 5
ok "for a fifth of a second each" between "$(field "$s" 3)" 1.0 2
ok "in its bucket" between "$(field "$s" 4)" 0.2 0.35
ok "a program that ends at once lives for milliseconds" between \
	"$(field 'sgprobe_comm_process_lifetime_seconds{comm="sg-true"}' 4)" 0.0001 0.05
ok "each start has a name, each exit an age" is "$(total 'sgprobe_process_exits_total{')" "$(total 'sgprobe_process_lifetime_seconds ')"
for m in starts_total execs_total exits_total signals_total lifetime_seconds; do
	host=$(total "sgprobe_process_$m")
	ok "$m: the sum over cgroups equals the host's" is "$(total "sgprobe_cgroup_process_$m")" "$host"
	ok "$m: the sum over comms equals the host's" is "$(total "sgprobe_comm_process_$m")" "$host"
done
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

# ---- signals: 200 that are ignored, 100 that are pending already, one that kills ----
watch_only process $room
(trap '' USR1 && exec "$tmp/sg-target" 30) &
target=$!
is_target() { grep -q sg-target "/proc/$target/comm"; }
eventually is_target
for _ in $(seq 200); do kill -USR1 $target; done
kill -STOP $target
stopped() { grep -q '^State:.*T' "/proc/$target/status"; }
eventually stopped
for _ in $(seq 101); do kill -TERM $target; done
kill -KILL $target
wait $target 2> /dev/null
unwatch
ok "200 signals are 200 signals" is "$(of signals_total sg-target 'signal="SIGUSR1"')" 200
ok "they were ignored" between "$(total 'sgprobe_process_signal_results_total{result="ignored"}')" 200 100000
ok "101 that wait are 101" is "$(of signals_total sg-target 'signal="SIGTERM"')" 101
ok "all but the first were pending already" between \
	"$(total 'sgprobe_process_signal_results_total{result="already_pending"}')" 100 1000
ok "one killed it" is "$(of signals_total sg-target 'signal="SIGKILL"')" 1
ok "each signal has a result" is "$(total sgprobe_process_signal_results_total)" "$(total sgprobe_process_signals_total)"

# ---- a process that nobody waited for ------------------------------------------------
(sleep 0 & exec "$tmp/sg-target" 30) &
parent=$!
zombies() { cat /proc/[0-9]*/stat 2> /dev/null | sed 's/.*) //' | grep -c '^Z'; }
orphaned() { grep -q '^State:.Z' "/proc/$(cat "/proc/$parent/task/$parent/children" | tr -d ' ')/status"; }
if eventually orphaned; then
	z=$(zombies)
	watch_only process $room -i 50 # so that a round through /proc is over soon
	sleep 2
	unwatch
	ok "a process that nobody waited for is a zombie" between "$(field 'sgprobe_process_processes{state="zombie"}' 2)" 1 $((z + 3))
	ok "all processes are in some state" between "$(total 'sgprobe_process_processes{')" \
		"$(($(ls -d /proc/[0-9]* | wc -l) * 8 / 10))" "$(($(ls -d /proc/[0-9]* | wc -l) * 12 / 10))"
else
	skip "a zombie" "the kernel does not list children"
fi
kill $parent
wait $parent 2> /dev/null
skip "a hung task" "it takes a task that sleeps without a break for two minutes"
finish
