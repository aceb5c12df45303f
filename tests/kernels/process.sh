#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Processes and signals: who starts what, how it ends, how old it becomes, who is sent what.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
of() { total "sgprobe_comm_process_$1{comm=\"$2\"${3:+,$3\}}"; } # METRIC COMM [LABEL]
ends() { bash -c "ulimit -c 0; $1"; } 2> /dev/null
for name in target sleep; do cp "$(command -v sleep)" "$tmp/sg-$name"; done

watch_only process
"$O/tools/work-fork" 500
for _ in $(seq 50); do /usr/bin/true; done
"$O/tools/work-calls" thread 5
for _ in 1 2 3 4 5; do "$tmp/sg-sleep" 0.2; done
ends 'exit 3'
ends 'kill -ABRT $$'
ends 'kill -SEGV $$'
"$tmp/sg-target" 60 &
for _ in $(seq 20); do kill -CONT $!; done
kill -TERM $!
wait $!
unwatch
ok "500 forks are the parent's" is "$(of starts_total work-fork 'kind="process"')" 500
ok "five threads are no processes" is "$(of starts_total work-calls 'kind="thread"')" 5
ok "50 programs were started" is "$(of execs_total true)" 50
ok "their ends are successes" is "$(of exits_total true 'result="success"')" 50
ok "the parent and its children end" is "$(of exits_total work-fork 'result="success"')" 501
ok "each child's end is a signal to the parent" is "$(of signals_total work-fork 'signal="SIGCHLD"')" 500
ok "an exit code is a failure" is "$(of exits_total bash 'result="failure"')" 1
ok "two ended by a signal" is "$(of exits_total bash 'result="signal"')" 2
ok "one of them was SIGABRT" is "$(of signals_total bash 'signal="SIGABRT"')" 1
ok "20 signals are 20 signals" is "$(of signals_total sg-target 'signal="SIGCONT"')" 20
s='sgprobe_comm_process_lifetime_seconds{comm="sg-sleep"}'
ok "five sleeps live" is "$(field "$s" 2)" 5
ok "for a fifth of a second each, and some" between "$(field "$s" 3)" 1.0 4
for m in starts_total execs_total exits_total signals_total lifetime_seconds; do
	host=$(total "sgprobe_process_$m")
	for d in cgroup comm; do
		ok "$m: the sum over ${d}s equals the host's" is "$(total "sgprobe_${d}_process_$m")" "$host"
	done
done
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
