#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The whole daemon on a host where everything comes and goes: cgroups, processes with names of their own, and
# connections, for so long. Looks every few seconds whether memory is bounded, whether sums over cgroups and comms are
# those of the host, and whether ticks are on time; at the end, whether what was counted is what was done.
#   soak.sh [MINUTES]      O=build folder; CGROUPS, PROCESSES and CONNECTIONS (both a minute), PORT
PORT=${PORT:-19471}
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
SGPROBE=$O/sgprobe
MINUTES=${1:-60}
CGROUPS=${CGROUPS:-10000} PROCESSES=${PROCESSES:-50000} CONNECTIONS=${CONNECTIONS:-100000}
[ "$(id -u)" = 0 ] || { echo "soak: needs root: sudo tools/soak.sh" >&2; exit 1; }
for t in curl jq; do
	command -v $t > /dev/null || { echo "soak: $t is missing: tools/setup.sh bench" >&2; exit 1; }
done
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$root" ] || { echo "soak: there is no cgroup2 file system: mount -t cgroup2 none /sys/fs/cgroup" >&2; exit 1; }
seconds=$((MINUTES * 60))
load=()
end_load() {
	kill "${load[@]}" 2> /dev/null
	wait "${load[@]}" 2> /dev/null
}
trap 'end_load; cleanup' EXIT

resident_mb() { awk '/^VmRSS:/ { printf "%.1f", $2 * 1024 / 1e6 }' /proc/"$1"/status; }
# Connections of a second, one after the other, then what is left of the second.
connect() {
	local until now each=$((CONNECTIONS / 60))
	for ((until = $(date +%s) + seconds; $(date +%s) < until; )); do
		now=$(date +%s)
		"$O/tools/tcp-churn" -x -p 19472 -n $each || break
		while [ "$(date +%s)" = "$now" ]; do sleep 0.02; done
	done | awk '$1 == "accepts" || $1 == "accepted" { n += $2 } END { print "accepted", n + 0 }' > "$T/connected"
}

start
until_true 30 is_ready || { echo "soak: the daemon does not start" >&2; failed=1; exit 1; }
probe=$(child probe) server=$(child server)
echo "# $CGROUPS cgroups, $PROCESSES processes and $CONNECTIONS connections a minute, for $MINUTES minutes, $(nproc) CPUs"
"$O/tools/work-soak" "$root/sgprobe-soak.$$" "$CGROUPS" $((PROCESSES / 60)) "$seconds" > "$T/worked" &
load+=($!)
until_true 120 grep -q ready "$T/worked"
connect &
load+=($!)

# The most of each since the last look: a window that reaches back a little further than that.
window=20s
printf '%8s %9s %9s %8s %8s %8s %8s %8s %9s %9s\n' second probe,MB server,MB slots pool unequal late skipped drain,ms file,MB
look() {
	printf '%8d %9s %9s %8s %8s %8s %8s %8s %9s %9s\n' $((SECONDS - began)) "$(resident_mb "$probe")" "$(resident_mb "$server")" \
		"$(query sgprobe_slots_used)" "$(query 'sum(sgprobe_pool_used)')" \
		"$(query "sum(max_over_time(sgprobe_balance_error[$window]))")" \
		"$(query sgprobe_probe_ticks_late_total)" "$(query sgprobe_probe_ticks_skipped_total)" \
		"$(query "1000 * max_over_time(sgprobe_probe_drain_seconds[$window])" | cut -c1-6)" \
		"$(query sgprobe_store_bytes | awk '{ printf "%.0f", $1 / 1e6 }')" | tee -a "$T/looks"
}
began=$SECONDS
while kill -0 "${load[0]}" 2> /dev/null; do
	sleep 15
	look
done
wait "${load[@]}"
sleep 5
look

# ---- what was done and what was counted
did() { awk -v k="$1" '$1 == k { print $2 }' "$T/worked" "$T/connected"; }
calls=$(query 'sgprobe_syscall_calls_total{syscall="sched_get_priority_min"}')
starts=$(query 'sum(sgprobe_comm_process_starts_total{comm="work-soak"})')
accepts=$(query 'sgprobe_tcp_accepts_total')
echo "# done:    $(did started) processes, $(($(did started) * 10)) calls, $(did accepted) connections; $(did failed) failed"
echo "# counted: $starts by comm, $calls, $accepts"
ok "$([ "$starts" = "$(did started)" ]; echo $?)" "every process is counted, under the name of who started it"
ok "$([ "$accepts" -ge "$(did accepted)" ]; echo $?)" "every connection is counted"
if grep -q 'domain syscall is off now' "$LOG"; then
	skip "every system call of the processes is counted" "the budget took the programs off their hooks meanwhile, and said so"
else
	ok "$([ "$calls" = $(($(did started) * 10)) ]; echo $?)" "every system call of the processes is counted"
fi
truth() { query "$1(min_over_time(sgprobe_truth_ratio{signal=~\"context_switches|forks|tcp_passive_opens\"}[${seconds}s]))"; }
ok "$(awk -v r="$(truth min)" 'BEGIN { print !(r > 0.999) }')" "what the kernel counts itself agrees: at least $(truth min)"
column() { awk -v c="$1" -v skip="${2:-0}" 'NR > skip && $c > m { m = $c } END { print m + 0 }' "$T/looks"; }
half=$(($(wc -l < "$T/looks") / 2))
first_half() { head -n $half "$T/looks" | awk -v c="$1" '$c > m { m = $c } END { print m + 0 }'; }
ok "$([ "$(column 6)" = 0 ]; echo $?)" "sums over cgroups and comms are those of the host, in every tick"
ok "$([ "$(column 8)" = 0 ]; echo $?)" "no tick is skipped"
ok "$(awk -v l="$(column 7)" -v s=$seconds 'BEGIN { print !(l <= s / 100) }')" "at most one tick in a hundred is late: $(column 7)"
for c in 2 3; do
	ok "$(awk -v a="$(first_half $c)" -v b="$(column $c $half)" 'BEGIN { print !(b <= a * 1.1 + 2) }')" \
		"memory does not grow: column $c at most $(first_half $c) MB in the first half, $(column $c $half) in the second"
done
plan_end
