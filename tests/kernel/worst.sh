#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The slowest event of each second: one long sleep among thousands of short ones is told with its
# process, thread, name, cgroup, time and stack; so is a wait for a CPU, whose hook runs in another task.
. "$(dirname "$0")/lib.sh"
begin
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
top=sgprobe-worst-$$.slice
on_exit() {
	unwatch
	[ -z "$cg" ] || { rmdir "$cg/$top/slow.service"; rmdir "$cg/$top"; } 2> /dev/null
	rm -rf "$tmp"
}
trap on_exit EXIT
cgroup=
[ -n "$cg" ] && mkdir -p "$cg/$top/slow.service" 2> /dev/null && cgroup=slow.service
cp "$O/tools/work-worst" "$tmp/sg-worst"
in_group() { # COMMAND...
	(
		[ -z "$cgroup" ] || echo "$BASHPID" > "$cg/$top/slow.service/cgroup.procs"
		exec "$@"
	)
}
# The lines of a series that are of a time (milliseconds): seconds, tgid, tid, comm, cgroup, frames, by tabs
of() { # SERIES FROM UNTIL
	awk -F'\t' -v s="$1" -v a="$2" -v b="$3" '$1 ~ /^WORST/ && $4 == s { split($1, w, " "); if (w[2] >= a && w[2] <= b) print w[3] "\t" w[4] "\t" w[5] "\t" $2 "\t" $3 "\t" $5 }' "$OUT"
}
slowest() { of "$@" | sort -g | tail -n 1; }

# What is slow is known after some seconds; stacks of all of them, whatever else runs here.
watch -w probe.worst_stacks=1000
sleep 5
in_group "$tmp/sg-worst" 2000 300 sg-thread > "$tmp/said" &
for _ in 1 2 3; do "$tmp/sg-worst" 2000 1 > "$tmp/quiet"; done # others that are fast
wait $!
sleep 2.2
unwatch
read -r pid tid from upto < "$tmp/said"

ok "every frame survives the wire" is "$(grep -c '^WORST broken' "$OUT")" 0
call='sgprobe_syscall_latency_seconds{syscall="nanosleep"}'
IFS=$'\t' read -r s p t comm group frames < <(slowest "$call" $((from - 50)) $((upto + 50)))
ok "the slowest nanosleep of its second took 300 ms" between "$s" 0.300 0.340
ok "it is that process" is "$p" "$pid"
ok "and that thread" is "$t" "$tid"
ok "which is called so" is "$comm" sg-thread
[ -z "$cgroup" ] || ok "of its cgroup" is "$group" "$cgroup"
ok "its time is when the sleep was over" between "$(awk -F'\t' -v s="$call" '$4 == s { split($1, w, " "); if (w[3] > 0.3) print w[2] }' "$OUT" | head -n 1)" $((upto - 20)) $((upto + 20))
ok "its stack has the function that slept" grep -q 'sg_long_sleep' <<< "$frames"
ok "and none of those that slept shortly" grep -vq 'sg_short_sleeps' <<< "$frames"
n=$(of "$call" $((from - 50)) $((upto + 50)) | awk '$1 > 0.25' | wc -l)
ok "it is told once" is "$n" 1
ok "no other nanosleep was as slow" between "$(field "$call" 6)" "$s" "$(awk "BEGIN { print $s * 1.0906 }")"

off='sgprobe_sched_offcpu_seconds{reason="blocked"}'
mine=$(of "sgprobe_comm_sched_offcpu_seconds{comm=\"sg-worst\",reason=\"blocked\"}" $((from - 50)) $((upto + 50)) | awk -F'\t' -v t="$tid" '$3 == t && $1 > 0.29' | tail -n 1)
IFS=$'\t' read -r s p t comm group frames <<< "$mine"
ok "the wait off the CPU is the same thread's, though another was running" is "$p $t $comm" "$pid $tid sg-thread"
ok "it was blocked for 300 ms" between "$s" 0.299 0.340
# Others that run here may have waited longer, and more often than one in a thousand.
[ -z "$frames" ] || ok "in the kernel's function that sleeps" grep -q 'nanosleep_\[k\]' <<< "$frames"
ok "series of the host have one of each second" between "$(of "$off" "$from" "$upto" | wc -l)" 0 5

# ---- waits for a CPU: two loops on one, the one with less weight waits longest --------------------
burn() { # NAME COMMAND...
	cp "$(command -v bash)" "$tmp/$1"
	taskset -c 0 "${@:2}" timeout 4 "$tmp/$1" -c 'while :; do :; done'
}
watch -w probe.syscall=false
burn sg-first &
a=$!
burn sg-second nice -n 19 &
b=$!
wait $a $b
unwatch
q='sgprobe_sched_runqueue_latency_seconds'
top_comm=$(awk -F'\t' -v s="$q" '$1 ~ /^WORST/ && $4 == s { n[$2]++ } END { for (c in n) print n[c], c }' "$OUT" | sort -rn | head -n 1)
ok "the slowest wait for a CPU is that of the loop with the least weight, in most seconds" is "${top_comm#* }" sg-second
most=$(awk -F'\t' -v s="$q" '$1 ~ /^WORST/ && $4 == s { split($1, w, " "); if (w[3] > m) m = w[3] } END { print m }' "$OUT")
ok "the highest is in the highest bucket of its histogram" between "$(field "$q " 6)" "$most" "$(awk "BEGIN { print $most * 1.0906 }")"
ok "nothing was lost or torn" is "$(total 'sgprobe_dropped_total{reason="worst_')" 0

# ---- a bound ---------------------------------------------------------------------------------------
watch -w probe.worst=false
"$tmp/sg-worst" 100 50 > "$tmp/said"
sleep 1.2
unwatch
ok "switched off there is none" is "$(grep -c '^WORST' "$OUT")" 0
finish
