#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# System calls: exact counts, errors, restarts, calls that never return, latencies.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
calls() { total "sgprobe_syscall_calls_total{syscall=\"$1\"}"; }
observed() { field "sgprobe_syscall_latency_seconds{syscall=\"$1\"}" 2; }
balanced() {
	local host
	host=$(total sgprobe_syscall_latency_seconds)
	ok "$1: the sum over cgroups equals the sum over calls" is "$(total sgprobe_cgroup_syscall_latency_seconds)" "$host"
	ok "$1: the sum over comms equals the sum over calls" is "$(total sgprobe_comm_syscall_latency_seconds)" "$host"
	ok "$1: the balance error is 0" is "$(field 'sgprobe_balance_error{domain="syscall"}' 2)" 0
	ok "$1: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
}

watch probe.budget=0s probe.sched=false probe.tcp=false
"$O/tools/work-getppid" 1000000 > /dev/null
unwatch
# A shell that starts elsewhere meanwhile calls getppid too, once.
ok "1,000,000 getppid calls are seen as 1,000,000" between "$(calls getppid)" 1000000 1000050
ok "and all of them have a latency" is "$(observed getppid)" "$(calls getppid)"
balanced "one loop"

watch -i 50 probe.budget=0s probe.sched=false probe.tcp=false
pids=
for _ in 1 2 3 4; do
	"$O/tools/work-calls" rare 250000 &
	pids="$pids $!"
done
wait $pids
unwatch
ok "four loops at once, twenty ticks a second: exactly 1,000,000" is "$(calls sched_get_priority_min)" 1000000
balanced "four loops"

# ---- files, by type of file system ----------------------------------------------------
files() { total "sgprobe_syscall_file_seconds{filesystem=\"$1\",op=\"$2\"}"; }
shm=$(mktemp -d /dev/shm/sgprobe-files.XXXXXX)
type=$(stat -f -c %T /dev/shm)
watch_only syscall
for i in 1 2 3; do dd if=/dev/zero of="$shm/$i" bs=1000 count=2000 conv=fsync status=none; done
dd if="$shm/1" bs=1000 count=2000 status=none | cat > /dev/null # a pipe is no file
"$O/tools/tcp-churn" -p 19431 -n 50 -s 100 -r 100 > /dev/null
unwatch
rm -r "$shm"
ok "6,000 blocks are written to a $type" is "$(files "$type" write)" 6000
ok "2,000 are read" is "$(files "$type" read)" 2000
ok "from 3 files and one of them again" is "$(files "$type" open)" 4
ok "3 of them are synced" is "$(files "$type" fsync)" 3
ok "an open takes some time" between "$(field "sgprobe_syscall_file_seconds{filesystem=\"$type\",op=\"open\"}" 4)" 0.0000001 0.1
ok "pipes and sockets are no files" is "$(grep -c 'sgprobe_syscall_file_seconds{filesystem="\(pipefs\|sockfs\)"' "$OUT")" 0
ok "50 connections are accepted" is "$(total 'sgprobe_syscall_accept_wait_seconds{port="19431"}')" 50
ok "at once" between "$(field 'sgprobe_syscall_accept_wait_seconds{port="19431"}' 4)" 0 0.1

# A server that is stopped accepts later: the connection waits for that.
watch_only syscall
"$O/tools/service-play" -l -p 19432 > "$tmp/server" &
server=$!
eventually sh -c 'ss -Hltn | grep -q :19432'
kill -STOP $server
eventually grep -q '^State:.T' /proc/$server/status
"$O/tools/service-play" -c -p 19432 -n 1 > /dev/null &
client=$!
eventually sh -c 'ss -Htn state established "( sport = :19432 )" | grep -q .'
sleep 0.4
kill -CONT $server
wait $client
kill -TERM $server
wait $server 2> /dev/null
unwatch
ok "a connection waited for a server that was stopped" between "$(field 'sgprobe_syscall_accept_wait_seconds{port="19432"}' 3)" 0.38 2

# Calls past those that are timed cost no look at the file; those that are stand for them.
watch probe.budget=5ms probe.sched=false probe.tcp=false
dd if=/dev/zero of=/dev/null bs=1 count=1 status=none
shm=$(mktemp -d /dev/shm/sgprobe-files.XXXXXX)
dd if=/dev/zero of="$shm/many" bs=1 count=400000 status=none
unwatch
rm -r "$shm"
ok "sampled operations stand for all" between "$(files "$type" write)" 370000 430000

# ---- a busy host: within its budget, calls past the first of a tick are sampled ------
near() { between "$1" $(($2 * 95 / 100)) $(($2 * 105 / 100)); }
watch probe.budget=5ms probe.sched=false probe.tcp=false
"$O/tools/work-calls" pair 500000
unwatch
ok "sampling leaves the count exact" is "$(calls sched_get_priority_min)" 500000
ok "of each call" is "$(calls sched_get_priority_max)" 500000
ok "the latencies that were taken stand for all" near "$(observed sched_get_priority_min)" 500000
ok "whatever the rhythm of the load" near "$(observed sched_get_priority_max)" 500000
ok "what was not timed is counted" between "$(field 'sgprobe_untimed_total{domain="syscall"}' 2)" 500000 1000000
balanced "sampled"

watch probe.budget=5ms probe.sched=false probe.tcp=false
"$O/tools/work-calls" slow 50
unwatch
s='sgprobe_syscall_latency_seconds{syscall="rt_sigtimedwait"}'
ok "no slow call is missed between fast ones, nor counted twice" is "$(field "$s" 2)" 50
ok "and each took what it took, but for half a jiffy" between "$(field "$s" 4)" 0.025 0.037
ok "the fast ones are sampled" between "$(field 'sgprobe_untimed_total{domain="syscall"}' 2)" 100000 "$(total 'sgprobe_syscall_calls_total{')"

watch -d probe.sched=false probe.tcp=false
"$O/tools/work-calls" error 1000
"$O/tools/work-calls" range 777
"$O/tools/work-calls" compat 500
compat=$?
"$O/tools/work-calls" thread 5
cp "$(command -v sleep)" "$tmp/sg-sleeper" # under a name that nobody else has
for _ in 1 2 3; do "$tmp/sg-sleeper" 0.1; done
unwatch
ok "1,000 failed calls are counted as errors" between "$(total 'sgprobe_syscall_errors_total{syscall="close"}')" 1000 1020
ok "calls without a number of their own are 'other'" is "$(calls other)" 777
if [ $compat = 0 ]; then
	ok "calls of the other table are 'compat'" is "$(calls compat)" 500
else
	skip "calls of the other table" "the kernel has none"
fi
ok "a thread that ends inside a call is counted with it" between "$(total 'sgprobe_syscall_unfinished_total{syscall="exit"}')" 5 1000
ok "but not as a latency" is "$(observed exit)" ""
ok "its call is in the total" is "$(calls exit)" "$(total 'sgprobe_syscall_unfinished_total{syscall="exit"}')"
ok "exit_group never returns" between "$(total 'sgprobe_syscall_unfinished_total{syscall="exit_group"}')" 7 1000
s='sgprobe_comm_syscall_latency_seconds{comm="sg-sleeper"}'
ok "a sleep of 100 ms is the longest call of sleep" between "$(field "$s" 6)" 0.1 0.13
balanced "without privileges"

watch probe.sched=false probe.tcp=false
"$O/tools/work-calls" restart 4
unwatch
ok "a call that is stopped and continued is restarted, not failed" is "$(total 'sgprobe_syscall_restarts_total{syscall="nanosleep"}')" 4
ok "and each part is counted under its own name" is "$(calls nanosleep)" 5
ok "restart_syscall itself is not" is "$(calls restart_syscall)" 0
ok "no error is seen" is "$(total 'sgprobe_syscall_errors_total{syscall="nanosleep"}')" 0

# ---- futexes ----------------------------------------------------------------------
op() { total "sgprobe_syscall_futex_$1_total{op=\"$2\"}"; }
watch probe.budget=0s probe.sched=false probe.tcp=false probe.irq=false
"$O/tools/work-calls" futex 30
unwatch
s='sgprobe_comm_syscall_futex_wait_seconds{comm="work-calls"}'
ok "30 waits of 20 ms in futex() are seen" is "$(field "$s" 2)" 30
ok "with their length" between "$(field "$s" 4)" 0.019 0.04
ok "as timeouts" between "$(op timeouts wait)" 30 40
ok "those that did not begin are no waits" between "$(op changed wait)" 30 1000
ok "each operation is counted" is "$(op calls unlock_pi)" 30
ok "and timed" is "$(field 'sgprobe_syscall_futex_seconds{op="trylock_pi"}' 2)" 30
ok "the operations add up to the calls" is "$(total 'sgprobe_syscall_futex_calls_total{')" \
	$(($(calls futex) - $(total 'sgprobe_syscall_unfinished_total{syscall="futex"}' || echo)))
ok "and to the latencies" is "$(total 'sgprobe_syscall_futex_seconds{')" "$(observed futex)"
balanced "futex"

# ---- the probe stands still under load: nothing is lost ----------------------------
watch probe.sched=false probe.tcp=false
kill -STOP "$probe_pid"
"$O/tools/work-calls" rare 1000000
sleep 1
kill -CONT "$probe_pid"
"$O/tools/work-calls" rare 1000000
unwatch
ok "a stopped probe loses no call" is "$(calls sched_get_priority_min)" 2000000
balanced "after a stop"

# ---- more names than there is room for ---------------------------------------------
watch probe.sched=false probe.tcp=false probe.slots=16 probe.max_comms=4
cp /bin/true "$tmp/true"
for i in $(seq 40); do cp "$tmp/true" "$tmp/sg-name-$i"; "$tmp/sg-name-$i"; done
"$O/tools/work-getppid" 1000 > /dev/null
unwatch
ok "a full table counts under 'other'" between "$(field 'sgprobe_comm_syscall_latency_seconds{comm="other"}' 2)" 100 1000000
ok "and says so" between "$(total sgprobe_slots_full_total)" 1 1000000
ok "at most four names and 'other' are reported" between "$(grep -c '^sgprobe_comm_syscall_latency_seconds' "$OUT")" 2 5
ok "and still every call is counted" is "$(calls getppid)" 1000
balanced "a full table"

# ---- names that are gone make room -------------------------------------------------
watch -i 20 probe.sched=false probe.tcp=false probe.slots=64
for i in $(seq 120); do cp /bin/true "$tmp/sg-old-$i"; "$tmp/sg-old-$i"; done
sleep 3 # 150 ticks: idle slots are retired after 60 and free again after 2 more
for i in 1 2 3 4 5; do
	cp /bin/true "$tmp/sg-new-$i"
	for _ in $(seq 20); do "$tmp/sg-new-$i"; done
done
unwatch
ok "slots of names that are gone are used again" between "$(grep -c '^sgprobe_comm_syscall_latency_seconds{comm="sg-new-' "$OUT")" 1 5
balanced "after slots changed hands"

# ---- privileges --------------------------------------------------------------------
watch -d probe.sched=false
ok "a running probe has no capability" grep -qE '^CapEff:[[:space:]]*0000000000000000$' "/proc/$probe_pid/status"
ok "nor can it get any" grep -qE '^CapBnd:[[:space:]]*0000000000000000$' "/proc/$probe_pid/status"
ok "nor new privileges" grep -qE '^NoNewPrivs:[[:space:]]*1$' "/proc/$probe_pid/status"
unwatch

# ---- nothing is left ---------------------------------------------------------------
programs() { bpftool prog show | sed -n 's/^\([0-9]*\): .*name sys_\(enter\|exit\)_btf.*/\1/p' | sort; }
if command -v bpftool > /dev/null; then
	programs > "$tmp/before"
	watch probe.sched=false probe.tcp=false
	programs | comm -13 "$tmp/before" - > "$tmp/new"
	kill -KILL "$probe_pid"
	wait "$probe_pid" 2> /dev/null
	probe_pid=
	gone() { programs > "$tmp/now"; [ -z "$(comm -12 "$tmp/new" "$tmp/now")" ]; }
	ok "the programs are there while it runs" between "$(wc -l < "$tmp/new")" 2 100
	ok "and gone with the process, even killed" eventually gone
else
	skip "nothing is left" "no bpftool"
fi
finish
