#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How good forecasts are, how long explain takes, and whether it names the right one. Figures: docs/FORECAST.md, docs/COMPARE.md.
#   bench-analysis.sh [FILE.csv ...]      files of "timestamp,value" lines, 5 minutes apart, beside synthetic series
#   RUNS=5 bench-analysis.sh              and so many real faults of each kind under a daemon of its own (root)
set -eu
cd "$(dirname "$0")/.."
O=${O:-build}
gcc -std=gnu11 -O2 -D_GNU_SOURCE -Iinclude -Iuserspace -o "$O/bench-forecast" tests/bench/forecast.c \
	userspace/analysis/*.c userspace/model/hist*.c userspace/base/{grow,arena}.c -lm
echo "forecasts, a day ahead from half the series and more"
"$O/bench-forecast" "$@"

libs=$(pkg-config --libs sqlite3 zlib)
# shellcheck disable=SC2086
gcc -std=gnu11 -O2 -D_GNU_SOURCE -Iinclude -o "$O/bench-store" tests/bench/store.c userspace/store/*.c \
	userspace/model/*.c userspace/base/*.c -Iuserspace $libs -lm -lpthread
dir=$(mktemp -d "${TMPDIR:-/tmp}/sgprobe-bench-analysis-XXXXXX")
chmod 755 "$dir" # the server process is another user
pid=
# shellcheck disable=SC2317
away() {
	[ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || :
	rm -rf "$dir"
}
trap away EXIT
"$O/bench-store" 35 5 "$dir/store" >/dev/null
took() { # NAME COMMAND...: the least CPU time of three, which a busy machine does not change much
	local name=$1 TIMEFORMAT='%U %S'
	shift
	for _ in 1 2 3; do
		{ time "$@" >/dev/null; } 2>&1
	done | awk -v name="$name" '{ s = $1 + $2; if (!n++ || s < best) best = s } END { printf "%-60s %5.0f ms of CPU\n", name, best * 1000 }'
}
echo
echo "windows of 15 minutes, from the store of a synthetic busy host (1603 series)"
took "explain, host by 60 cgroups and 110 commands" "$O/sgprobe" explain sgprobe_sched_runqueue_latency_seconds --data-dir "$dir/store" --socket "$dir/none" --json
took "explain, 330 system calls" "$O/sgprobe" explain sgprobe_syscall_latency_seconds --data-dir "$dir/store" --socket "$dir/none" --json
took "diff, all series of the host" "$O/sgprobe" diff --data-dir "$dir/store" --socket "$dir/none" --json

[ "${RUNS:-0}" -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "faults: needs root"; exit 0; }
# ---- faults -----------------------------------------------------------------------------
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
top=sgprobe-bench-$$
for name in web db batch logs; do mkdir -p "$cg/$top/$name"; done
work=$(readlink -f "$O/tools/work-calls")
file=$dir/file
jobs_end() {
	for job in $(jobs -p); do [ "$job" = "$pid" ] || kill "$job" 2>/dev/null || :; done
	sleep 0.2
}
in_cgroup() { # NAME COMMAND...
	local name=$1
	shift
	(echo "$BASHPID" >"$cg/$top/$name/cgroup.procs" && exec "$@") >/dev/null 2>&1 &
}
away_faults() {
	jobs_end
	away
	sleep 0.5
	rmdir "$cg/$top"/* "$cg/$top" 2>/dev/null || :
}
trap away_faults EXIT
echo "probe: {budget: 0s}" >"$dir/c.yaml"
"$O/sgprobe" daemon --config "$dir/c.yaml" --data-dir "$dir/live" --socket "$dir/s" --listen 127.0.0.1:19813 >"$dir/log" 2>&1 &
pid=$!
until curl -sf --unix-socket "$dir/s" http://localhost/-/ready >/dev/null; do sleep 0.2; done
sg() { "$O/sgprobe" "$@" --socket "$dir/s"; }
# What always runs: short work in each cgroup.
background() {
	for name in web db batch logs; do
		in_cgroup $name bash -c 'while :; do for i in {1..3000}; do :; done; sleep 0.05; done'
	done
}
fault() { # KIND CGROUP
	case $1 in
	cpu) for _ in 1 2 3 4; do in_cgroup "$2" bash -c 'while :; do :; done'; done ;;
	disk) in_cgroup "$2" bash -c "while :; do dd if=/dev/zero of=$file bs=256k count=16 conv=fsync; done" ;;
	calls) in_cgroup "$2" "$work" slow 100000 ;;
	esac
}
asked() { # KIND: what explain is asked
	case $1 in
	cpu) echo sched_runqueue_latency ;;
	disk | calls) echo syscall_latency --by above --threshold 20ms ;;
	esac
}
echo
echo "faults in one of four cgroups, 12 s each: whose cgroup explain names first"
names=(web db batch logs)
for kind in cpu disk calls; do
	right=0
	for run in $(seq "$RUNS"); do
		bad=${names[$((RANDOM % 4))]}
		background
		sleep 13
		sg annotate "$kind $run" --kind deploy
		fault $kind "$bad"
		sleep 12.5
		# shellcheck disable=SC2046
		first=$(sg explain $(asked $kind) --mark deploy --last 12s --json |
			jq -r '.dimensions[] | select(.dimension == "cgroup").parts[0].value')
		[[ $first == */$top/$bad ]] && right=$((right + 1)) || echo "  $kind: $bad had it, named was $first"
		jobs_end
	done
	printf '%-60s %d of %d\n' "$kind" $right "$RUNS"
done
