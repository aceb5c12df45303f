#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Where thread time goes: what threads of a cgroup did is what they were made to do, and together it is
# their number times the time that passed.
. "$(dirname "$0")/lib.sh"
begin
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
name=sgprobe-threads-$$
cleanup() {
	unwatch
	rmdir "$cg/$name" "$cg/$name-2" "$cg/$name-3" 2> /dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
[ -n "$cg" ] && mkdir "$cg/$name" 2> /dev/null || skip_all "no writable cgroup2"

watch_time() { watch_only sched probe.thread_time=true "$@"; }
inside() { (echo "$BASHPID" > "$cg/$name/cgroup.procs" && exec "$@"); }
spent() { # STATE: seconds of the cgroup
	local s
	s=$(field "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name\",state=\"$1\"}" 2)
	echo "${s:-0}"
}
sum() { awk -v p="$1" 'index($0, p) == 1 { s += $2 } END { printf "%.6f", s }' "$OUT"; }
near() { # VALUE WANT SHARE
	between "$1" "$(awk "BEGIN { print $2 * (1 - $3) - 0.03 }")" "$(awk "BEGIN { print $2 * (1 + $3) + 0.03 }")"
}

# ---- nine threads for three seconds each, and the one that waits for them
watch_time
inside "$O/tools/work-states" 3 run sleep pipe poll futex recv readsock accept
unwatch
ok "a loop runs or waits for a CPU for 3 s" near "$(awk "BEGIN { print $(spent running) + $(spent runnable) }")" 3 0.05
ok "of which it ran most" between "$(spent running)" 1 3.1
ok "a mutex that another holds is 3 s of lock" near "$(spent lock)" 3 0.02
ok "recv, read of a socket and accept are 9 s of network" near "$(spent network)" 9 0.02
ok "sleep, pipe, poll and the first thread are 12 s of sleeping" near "$(spent sleeping)" 12 0.02
ok "together: 9 threads for 3 s" near "$(sum "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name\"")" 27 0.01
ok "the cgroups together are the host" near "$(sum 'sgprobe_cgroup_sched_thread_seconds_total{')" \
	"$(sum 'sgprobe_sched_thread_seconds_total{')" 0

# ---- threads that live on: each second is told in that second, not when they wake up
(echo "$BASHPID" > "$cg/$name/cgroup.procs" && exec "$O/tools/work-states" 30 futex recv) &
pid=$!
sleep 0.5
watch_time
sleep 4.2
unwatch
n=$(field "sgprobe_cgroup_sched_threads{cgroup=\"/$name\"}" 2)
kill $pid
wait $pid 2> /dev/null
ok "threads that sleep since before are there" is "$n" 3
ok "and what they wait for goes on being told" between "$(spent lock)" 3 6
ok "of each as much" near "$(spent network)" "$(spent lock)" 0.01

# ---- two loops on one CPU
watch_time
inside taskset -c 1 "$O/tools/work-states" 3 run run
unwatch
ok "two loops on a CPU together are 6 s" near "$(awk "BEGIN { print $(spent running) + $(spent runnable) }")" 6 0.03
ok "of which they wait at least half" between "$(spent runnable)" 2.9 6

# ---- what interrupts take
watch_time probe.irq=true
inside "$O/tools/work-states" 3 run run
unwatch
stolen=$(field "sgprobe_cgroup_irq_stolen_seconds{cgroup=\"/$name\"}" 3)
ok "interrupts took some time from it" between "$stolen" 0.0003 3
ok "which is not its running" between "$(awk "BEGIN { print $(spent stolen) / $stolen }")" 0.85 1.15
ok "but two loops and their parent are 9 s with it" near "$(sum "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name\"")" 9 0.02

# ---- waits of 0.3 ms past the budget, of which a sample says what for
watch_time probe.budget=1ms
inside "$O/tools/work-states" 5 naps locks
unwatch
ok "of the switches some were not timed" between "$(total 'sgprobe_untimed_total{domain="sched"}')" 5000 10000000
ok "a thread that naps, one that waits for a lock, and their parent are 15 s" near \
	"$(sum "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name\"")" 15 0.02
awake=$(awk "BEGIN { print ($(spent running) + $(spent runnable)) / 2 }")
ok "of which a third is for the lock, within a tenth" near "$(spent lock)" "$(awk "BEGIN { print 5 - $awake }")" 0.1
ok "and two thirds are sleep" near "$(spent sleeping)" "$(awk "BEGIN { print 10 - $awake }")" 0.05

# ---- who kept whom: two loops of different cgroups, then three, on one CPU
culprit() { field "sgprobe_sched_culprit_seconds_total{culprit=\"/$name$2\",victim=\"/$name$1\"}" 2; }
ran() { field "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name$1\",state=\"running\"}" 2; }
waited() { field "sgprobe_cgroup_sched_runqueue_latency_seconds{cgroup=\"/$name$1\"}" 3; }
charged() { awk -v v="victim=\"/$name$1\"" 'index($0, "sgprobe_sched_culprit_seconds_total{") == 1 && index($0, v) { s += $2 } END { printf "%.6f", s }' "$OUT"; }
loop_in() { (echo "$BASHPID" > "$cg/$name$1/cgroup.procs" && exec taskset -c 1 "$O/tools/work-states" 3 run); }
mkdir -p "$cg/$name-2" "$cg/$name-3"
watch_time
loop_in "" & a=$!
loop_in -2 & b=$!
wait $a $b
unwatch
ok "a loop waited for the other as long as that ran" near "$(culprit "" -2)" "$(ran -2)" 0.05
ok "and that for it" near "$(culprit -2 "")" "$(ran "")" 0.05
ok "all that it waited is charged to somebody" near "$(charged "")" "$(waited "")" 0.01
watch_time
for i in "" -2 -3; do loop_in "$i" & done
wait $(jobs -p | grep -v "^$probe_pid$")
unwatch
ok "of three, one waits for both others alike" between "$(awk "BEGIN { print $(culprit "" -2) / $(culprit "" -3) }")" 0.7 1.4
ok "and not for itself" between "0$(culprit "" "")" 0 0.3
ok "all that it waited is charged to somebody" near "$(charged "")" "$(waited "")" 0.01
rmdir "$cg/$name-2" "$cg/$name-3"

# ---- a cgroup that a thread leaves
mkdir "$cg/$name-2"
watch_time
inside bash -c "sleep 1; echo \$\$ > '$cg/$name-2/cgroup.procs'; sleep 2; true"
unwatch
rmdir "$cg/$name-2"
two=$(sum "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name-2\"")
ok "its time before is counted here" between "$(sum "sgprobe_cgroup_sched_thread_seconds_total{cgroup=\"/$name\"")" 1.9 2.3
ok "and its time after there" between "$two" 3.9 4.3

# ---- threads that end
watch_time
inside bash -c 'for i in $(seq 500); do /bin/true; done'
sleep 1.1
unwatch
ok "500 processes leave none behind" is "$(field "sgprobe_cgroup_sched_threads{cgroup=\"/$name\"}" 2)" 0

# ---- a quota of 20 ms of every 100 ms
v1=/sys/fs/cgroup/cpu
group=
if [ -f "$v1/cpu.shares" ]; then
	group=$v1/$name
	mkdir "$group" && echo 100000 > "$group/cpu.cfs_period_us" && echo 20000 > "$group/cpu.cfs_quota_us" || group=
elif grep -qw cpu "$cg/cgroup.subtree_control"; then
	echo "20000 100000" > "$cg/$name/cpu.max" && group=$cg/$name
fi
if [ -n "$group" ]; then
	watch_time
	(echo "$BASHPID" > "$group/cgroup.procs" && inside taskset -c 1 "$O/tools/work-states" 5 run)
	unwatch
	[ "$group" = "$cg/$name" ] || rmdir "$group"
	ok "a quota of 20 % lets a loop run for 1 s of 5" between "$(spent running)" 0.8 1.3
	ok "and throttles it" between "$(spent throttled)" 2 4.3
	ok "for the rest, unless others ran" near "$(awk "BEGIN { print $(spent throttled) + $(spent runnable) + $(spent running) }")" 5 0.03
else
	skip "a quota" "no cgroup here takes one"
fi
finish
