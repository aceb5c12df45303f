#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whether what sgprobe says that it costs is what it costs: CPU time (user and system, by its control group)
# of a fixed piece of work, with and without the kernel programs in alternating rounds, against what
# sgprobe reports for that control group in the meantime. The work is done in parts, of which the one that was
# disturbed least counts. The kernel measures the programs in one second of it, as it does every half minute
# under the daemon. Prints ratios, reported to measured: the median over the rounds, the least and the most.
#   bench-cost.sh [ROUNDS]      O=build folder
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
ROUNDS=${1:-3}
[ -x /usr/sbin/bpftool ] || { echo "bench: bpftool is missing: apt-get install bpftool" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2; exit 1; }
# shellcheck source=tests/kernel/lib.sh
. tests/kernel/lib.sh
build_probe_print || exit 1
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
name=sgprobe-bench-$$
tmp=$(mktemp -d)
OUT=$tmp/totals
finish_bench() {
	unwatch
	rmdir "$cg/$name" 2> /dev/null
	rm -rf "$tmp"
}
trap finish_bench EXIT
trap 'exit 1' HUP INT TERM
mkdir "$cg/$name" || { echo "bench: no writable cgroup2" >&2; exit 1; }

PARTS=16
TRIES=10
# Who else is on the hooks slows the work too, and makes it cheaper to be there: such rounds do not count.
is_alone() { ! bpftool prog | grep -qE 'name (sys_enter|sched_switch)'; }
# A part of the work, of about half a second, all on one CPU, so that nobody waits for another one.
getppid() { taskset -c 0 "$O/tools/work-getppid" 1500000; }
pingpong() { "$O/tools/work-pingpong" 80000 0 0; }
requests() { taskset -c 0 "$O/tools/service-play" -p 29471 -n 20000; }

used() { awk '$1 == "usage_usec" { print $2 }' "$cg/$name/cpu.stat"; }
# CPU seconds of the part that took least, in its control group.
work() {
	local before now least=
	before=$(used)
	for _ in $(seq $PARTS); do
		(echo "$BASHPID" > "$cg/$name/cgroup.procs" && "$1" > /dev/null) || exit 1
		now=$(used)
		[ -n "$least" ] && [ $((now - before)) -ge "$least" ] || least=$((now - before))
		before=$now
	done
	awk -v us="$least" 'BEGIN { print us / 1e6 }'
}
# While the kernel measures the programs, the same work runs.
warm_up() {
	local pid
	(echo "$BASHPID" > "$cg/$name/cgroup.procs" && while :; do "$1" > /dev/null; done) &
	pid=$!
	eventually grep -q measured "$OUT"
	kill "$pid"
	wait "$pid" 2> /dev/null
	eventually is_empty
}
is_empty() { ! grep -q . "$cg/$name/cgroup.procs"; }
sum() { awk -v p="$1" 'index($0, p) == 1 { s += $2 } END { printf "%.6f", s }' "$OUT"; }
# A line per round: seconds of a part without, with, reported of one for the control group
rounds() { # WORK SETTINGS...
	local work=$1 bare watched
	shift
	: > "$tmp/rounds"
	for _ in $(seq $((ROUNDS * TRIES))); do
		[ "$(wc -l < "$tmp/rounds")" -lt "$ROUNDS" ] || break
		eventually is_alone || continue
		bare=$(work "$work")
		is_alone || continue
		watch -W "$@"
		warm_up "$work"
		watched=$(work "$work")
		unwatch
		eventually is_alone || continue
		echo "$bare $watched $(sum "sgprobe_cgroup_bpf_seconds_total{cgroup=\"/$name\"}" | awk -v n=$PARTS '{ print $1 / n }')" >> "$tmp/rounds"
	done
	[ -s "$tmp/rounds" ] || { echo "bench: others are on these hooks all the time" >&2; exit 1; }
}
median() { # EXPRESSION of the columns
	awk "{ print $1 }" "$tmp/rounds" | sort -g |
		awk '{ v[NR] = $1 } END { printf "%.2f %.2f %.2f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2, v[1], v[NR] }'
}
row() { # TEXT
	local ratio slower added
	read -ra ratio <<< "$(median '$3 / ($2 - $1)')"
	read -ra slower <<< "$(median '($2 / $1 - 1) * 100')"
	read -ra added <<< "$(median '($2 - $1) * 1000')"
	printf '%-24s %10s %10s   %s (%s to %s)\n' "$1" "${slower[0]}" "${added[0]}" "${ratio[@]}"
}

echo "# kernel $(uname -r), $(nproc) CPUs, $ROUNDS rounds, medians; wanted: 0.80 to 1.20"
printf '%-24s %10s %10s   %s\n' "work" "slowed, %" "added, ms" "reported / measured"
for w in getppid pingpong requests; do
	rounds $w probe.budget=10ms
	row "$w, default"
	rounds $w probe.budget=0s
	row "$w, full"
done
grep '^sgprobe_bpf_entry_seconds' "$OUT" | awk '{ sub(/.*variant="/, ""); sub(/"}/, ""); printf "# a run takes %.0f ns besides its program: %s\n", $2 * 1e9, $1 }'
