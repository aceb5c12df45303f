#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The scheduler's figures against what was caused and against the kernel's own counts.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
burn() { # CPU SECONDS NAME: a loop that bears a name of its own
	cp "$(command -v bash)" "$tmp/$3" 2> /dev/null
	taskset -c "$1" timeout "$2" "$tmp/$3" -c 'while :; do :; done'
}
ctxt() { awk '$1 == "ctxt" { print $2 }' /proc/stat; }
forks() { awk '$1 == "processes" { print $2 }' /proc/stat; }

# ---- counts -----------------------------------------------------------------------
watch probe.syscall=false probe.tcp=false
c0=$(ctxt) f0=$(forks)
"$O/tools/work-fork" 10000
"$O/tools/work-pingpong" 20000 > /dev/null
c1=$(ctxt) f1=$(forks)
unwatch
n=$(total sgprobe_sched_forks_total)
ok "all 10,000 forks are seen, and no more than /proc/stat counted" between "$n" $((f1 - f0)) $((f1 - f0 + 60))
ok "as many exits of the forking program as forks" between "$(total sgprobe_sched_exits_total)" 10000 $((f1 - f0 + 120))
# Other programs that come and go on the same trace point make the kernel itself skip it now and then.
ok "context switches agree with /proc/stat" between "$(total 'sgprobe_sched_switches_total ')" $(((c1 - c0) * 995 / 1000)) $(((c1 - c0) * 102 / 100 + 600))
blocked=$(($(total sgprobe_sched_voluntary_switches_total) - $(total sgprobe_sched_exits_total)))
ok "who blocked was woken" between "$(total sgprobe_sched_wakeups_total)" $((blocked * 98 / 100 - 100)) $((blocked * 3 / 2 + 1000))
for m in runqueue_latency_seconds oncpu_seconds offcpu_seconds; do
	host=$(total "sgprobe_sched_$m")
	ok "$m: the sum over cgroups equals the host's" is "$(total "sgprobe_cgroup_sched_$m")" "$host"
	ok "$m: the sum over comms equals the host's" is "$(total "sgprobe_comm_sched_$m")" "$host"
done
ok "nothing was dropped" is "$(total 'sgprobe_dropped_total')" 0
ok "the domain is up by tp_btf or raw_tp" grep -qE '^sgprobe_domain_up\{domain="sched",variant="(tp_btf|raw_tp)"\} 1' "$OUT"

# ---- two loops on one CPU: each waits about as long as it runs ----------------------
watch probe.syscall=false probe.tcp=false
burn 0 5 sg-loop-a &
a=$!
burn 0 5 sg-loop-b &
b=$!
wait $a $b
unwatch
for l in sg-loop-a sg-loop-b; do
	run=$(field "sgprobe_comm_sched_oncpu_seconds{comm=\"$l\"}" 3)
	waited=$(field "sgprobe_comm_sched_runqueue_latency_seconds{comm=\"$l\"}" 3)
	pre=$(field "sgprobe_comm_sched_offcpu_seconds{comm=\"$l\",reason=\"preempted\"}" 3)
	ok "$l: running and waiting add up to its 5 seconds" between "$(awk "BEGIN { print $run + $waited }")" 4.6 5.4
	ok "$l: it waits at least as long as the other loop runs" between "$waited" 2.0 4.2
	ok "$l: its waits are preemptions" between "$(awk "BEGIN { print $pre / $waited }")" 0.97 1.01
done

# ---- a sleeper is off the CPU, blocked, for as long as it sleeps --------------------
watch probe.syscall=false probe.tcp=false
cp "$(command -v sleep)" "$tmp/sg-sleeper"
for _ in 1 2 3 4 5; do "$tmp/sg-sleeper" 0.5; done
unwatch
s='sgprobe_comm_sched_offcpu_seconds{comm="sg-sleeper",reason="blocked"}'
ok "five sleeps of half a second are 2.5 s blocked" between "$(field "$s" 3)" 2.5 2.9
ok "the longest lies in the bucket of half a second" between "$(field "$s" 6)" 0.5 0.65

# ---- sampled: counts stay exact, the shape stays, and what is slow is never left to chance
watch_only sched probe.budget=200us
c0=$(ctxt)
burn 0 6 sg-loop-a &
a=$!
burn 0 6 sg-loop-b &
b=$!
"$O/tools/work-pingpong" 100000 > /dev/null
for _ in 1 2 3 4 5; do "$tmp/sg-sleeper" 0.5; done
wait $a $b
c1=$(ctxt)
unwatch
ok "sampled: context switches agree with /proc/stat" between "$(total 'sgprobe_sched_switches_total ')" $(((c1 - c0) * 995 / 1000)) $(((c1 - c0) * 102 / 100 + 600))
ok "sampled: some events were not timed" between "$(total 'sgprobe_untimed_total{domain="sched"')" 50000 10000000
ended=$(($(total sgprobe_sched_voluntary_switches_total) + $(total sgprobe_sched_involuntary_switches_total)))
ok "sampled: those that were stand for all times on a CPU" between "$(total 'sgprobe_sched_oncpu_seconds')" $((ended * 90 / 100)) $((ended * 110 / 100))
ok "sampled: and for all waits" between "$(total 'sgprobe_sched_runqueue_latency_seconds')" $((ended * 90 / 100)) $((ended * 110 / 100))
ok "sampled: five sleeps of half a second are 2.5 s blocked" between "$(field "$s" 3)" 2.5 2.9
ok "sampled: the longest lies in the bucket of half a second" between "$(field "$s" 6)" 0.5 0.65
for m in runqueue_latency_seconds oncpu_seconds offcpu_seconds; do
	ok "sampled: $m: the sum over comms equals the host's" is "$(total "sgprobe_comm_sched_$m")" "$(total "sgprobe_sched_$m")"
done
for l in sg-loop-a sg-loop-b; do
	run=$(field "sgprobe_comm_sched_oncpu_seconds{comm=\"$l\"}" 3)
	waited=$(field "sgprobe_comm_sched_runqueue_latency_seconds{comm=\"$l\"}" 3)
	ok "sampled: $l: running and waiting add up to about its 6 seconds" between "$(awk "BEGIN { print $run + $waited }")" 4.2 7.8
done

# ---- a CPU quota: 20 ms of every 100 ms --------------------------------------------
v1=/sys/fs/cgroup/cpu v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
group=
if [ -f "$v1/cpu.cfs_quota_us" ] || [ -f "$v1/cpu.shares" ]; then
	group=$v1/sgprobe-test-$$
	mkdir "$group" && echo 100000 > "$group/cpu.cfs_period_us" && echo 20000 > "$group/cpu.cfs_quota_us" || group=
elif [ -n "$v2" ] && grep -qw cpu "$v2/cgroup.subtree_control" 2> /dev/null; then
	group=$v2/sgprobe-test-$$
	mkdir "$group" && echo "20000 100000" > "$group/cpu.max" || group=
fi
if [ -n "$group" ]; then
	watch probe.syscall=false probe.tcp=false
	(echo $BASHPID > "$group/cgroup.procs" && burn 1 5 sg-throttled) &
	wait $!
	unwatch
	rmdir "$group"
	run=$(field 'sgprobe_comm_sched_oncpu_seconds{comm="sg-throttled"}' 3)
	waited=$(field 'sgprobe_comm_sched_runqueue_latency_seconds{comm="sg-throttled"}' 3)
	long=$(field 'sgprobe_comm_sched_runqueue_latency_seconds{comm="sg-throttled"}' 6)
	ok "a quota of 20 % gives 1 of 5 seconds" between "$run" 0.8 1.3
	ok "the rest it waits, able to run" between "$waited" 3.4 4.4
	ok "its longest wait is about the rest of a period, 80 ms" between "$long" 0.07 0.2
else
	skip "a CPU quota" "no cgroup here takes one"
fi

# ---- a task that changes its name or its cgroup ------------------------------------
if [ -n "$v2" ] && mkdir "$v2/sgprobe-move-$$" 2> /dev/null; then
	watch probe.syscall=false probe.tcp=false
	(
		exec -a x bash -c '
			printf sg-before > /proc/self/comm; for i in 1 2 3 4 5; do sleep 0.01; done
			printf sg-after > /proc/self/comm; echo $$ > '"$v2/sgprobe-move-$$/cgroup.procs"'
			for i in $(seq 20); do sleep 0.01; done'
	)
	unwatch
	rmdir "$v2/sgprobe-move-$$"
	ok "time before a rename is counted under the old name" between "$(field 'sgprobe_comm_sched_oncpu_seconds{comm="sg-before"}' 2)" 1 100000
	ok "time after it under the new one" between "$(field 'sgprobe_comm_sched_oncpu_seconds{comm="sg-after"}' 2)" 20 100000
	ok "and after a move in the new cgroup" between "$(field "sgprobe_cgroup_sched_oncpu_seconds{cgroup=\"/sgprobe-move-$$\"}" 2)" 20 100000
else
	skip "a task that moves" "no cgroup2 here"
fi
finish
