#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The scheduler's counts, in a guest: against what was caused and against /proc/stat.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
stat() { # WORD: of /proc/stat, without a process
	local word value _
	while read -r word value _; do
		[ "$word" != "$1" ] || echo "$value"
	done < /proc/stat
}

watch_only sched -s
stat ctxt > "$tmp/c0"
stat processes > "$tmp/f0"
"$O/tools/work-fork" 500
"$O/tools/work-pingpong" 2000 0 0 > /dev/null
stat processes > "$tmp/f1"
stat ctxt > "$tmp/c1"
unwatch
forks=$(($(cat "$tmp/f1") - $(cat "$tmp/f0"))) switches=$(($(cat "$tmp/c1") - $(cat "$tmp/c0")))
count_missed
ok "500 forks are seen, and no more than /proc/stat counted" between "$(total sgprobe_sched_forks_total)" $((forks - missed)) $((forks + 10))
ok "all of them end" between "$(total sgprobe_sched_exits_total)" $((forks - missed)) $((forks + 10))
ok "context switches agree with /proc/stat" between \
	"$(total 'sgprobe_sched_switches_total ')" "$switches" $((switches * 102 / 100 + 300))
# Two processes on one CPU: each round begins with the one and needs the other to run. A real-time
# kernel makes them wait for the pipe's lock as well.
case $(uname -v) in *PREEMPT_RT*) most=12000 ;; *) most=4400 ;; esac
for m in runqueue_latency oncpu; do
	ok "2,000 rounds of two processes are 4,000 in $m" between \
		"$(field "sgprobe_comm_sched_${m}_seconds{comm=\"work-pingpong\"}" 2)" 4000 $most
done
for m in runqueue_latency_seconds oncpu_seconds offcpu_seconds; do
	host=$(total "sgprobe_sched_$m")
	ok "$m: the sum over cgroups equals the host's" is "$(total "sgprobe_cgroup_sched_$m")" "$host"
	ok "$m: the sum over comms equals the host's" is "$(total "sgprobe_comm_sched_$m")" "$host"
done
ok "kernel threads are seen" between "$(grep -c '^sgprobe_comm_sched_oncpu_seconds{comm="\(rcu_\|kworker\|ksoftirqd\|migration\)' "$OUT")" 1 50
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"

# A cgroup that may use a fifth of a CPU, by the function that ends its throttling.
cg=/sys/fs/cgroup/sgprobe-quota
throttled() { awk -v k="$1" '$1 == k { print $2 }' $cg/cpu.stat; }
burn() {
	echo "$BASHPID" > $cg/cgroup.procs
	exec timeout "$1" sh -c 'while :; do :; done'
}
if grep -qw cpu /sys/fs/cgroup/cgroup.controllers && echo +cpu > /sys/fs/cgroup/cgroup.subtree_control && mkdir $cg; then
	echo '20000 100000' > $cg/cpu.max
	for by in fentry kprobe; do
		flag=
		[ $by = fentry ] || flag=-k
		watch_only sched $flag -s
		n0=$(throttled nr_throttled) us0=$(throttled throttled_usec)
		(burn 3)
		sleep 0.3
		n1=$(throttled nr_throttled) us1=$(throttled throttled_usec)
		unwatch
		of=$(grep '^sgprobe_cgroup_sched_throttle_seconds{cgroup="/sgprobe-quota"}' "$OUT")
		ok "$by: the end of throttling is hooked" grep -q "program_attached{program=\"sched/unthrottle_cfs_rq_end\",variant=\"$by\"} 1" "$OUT"
		ok "$by: as often as the kernel counts" between "$(echo "$of" | cut -d' ' -f2)" $((n1 - n0 - 1)) $((2 * (n1 - n0)))
		ok "$by: for as long" between "$(echo "$of" | awk '{ printf "%.0f", $3 * 1e6 }')" $(((us1 - us0) * 99 / 100)) $(((us1 - us0) * 101 / 100 + 1000))
		ok "$by: it was, for most of the time" between $((us1 - us0)) 1000000 6000000
	done
	rmdir $cg
	echo -cpu > /sys/fs/cgroup/cgroup.subtree_control
else
	skip "throttling" "no CPU controller"
fi

# Where thread time goes; which system call a thread waits in is known of some kernels by domain syscall alone.
watch_only sched probe.syscall=true probe.thread_time=true
"$O/tools/work-states" 3 futex recv sleep
sleep 1.1
unwatch
if grep -q '^sgprobe_domain_up{domain="sched".*variant="raw_tp"' "$OUT"; then
	ok "thread time is not told where programs have no storage of tasks" is "$(grep -c '^sgprobe_sched_thread_seconds_total{' "$OUT")" 0
else
	spent() { field "sgprobe_sched_thread_seconds_total{state=\"$1\"}" 2; }
	all=$(awk 'index($0, "sgprobe_sched_thread_seconds_total{") == 1 { s += $2 } END { print s }' "$OUT")
	cgroups=$(awk 'index($0, "sgprobe_cgroup_sched_thread_seconds_total{") == 1 { s += $2 } END { print s }' "$OUT")
	threads=$(field 'sgprobe_sched_threads' 2)
	ok "a futex is waited for for three seconds" between "$(spent lock)" 2.9 "$all"
	ok "and the network" between "$(spent network)" 2.9 "$all"
	ok "all threads are told of for as long as it ran" between "$all" "$(awk "BEGIN { print 2.9 * $threads }")" "$(awk "BEGIN { print 15 * $threads }")"
	ok "and their cgroups of the same" between "$cgroups" "$(awk "BEGIN { print $all - 0.1 }")" "$(awk "BEGIN { print $all + 0.1 }")"
fi
finish
