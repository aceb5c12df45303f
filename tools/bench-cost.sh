#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whether what sgprobe says that it costs is what it costs: a piece of work is done over and over on one CPU while the
# kernel programs are taken off their hooks and put back every second, so that both are measured at the same speed
# of the machine; against what sgprobe reports for the control group of the work. The kernel measures the programs in
# one second of five, which does not count; under the daemon it does so every half minute.
#   bench-cost.sh [TURNS [WORK...]]      O=build folder
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
TURNS=${1:-12}
works=("${@:2}")
[ ${#works[@]} != 0 ] || works=(getppid pingpong requests)
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

# Who else is on the hooks slows the work too, and makes it cheaper to be there.
is_alone() { ! bpftool prog | grep -qE 'name (sys_enter|sched_switch)'; }
sum() { awk -v p="$1" 'index($0, p) == 1 { s += $2 } END { printf "%.6f", s }' "$OUT"; }
did() { awk -v k="$1" -v i="${2:-2}" '$1 == k { print $i }' "$tmp/did"; }

row() { # TEXT WORK SETTINGS...
	local text=$1 work=$2
	shift 2
	rm -f "$tmp/turn"
	eventually is_alone || { echo "bench: others are on these hooks all the time" >&2; exit 1; }
	watch -W -T "$tmp/turn" "$@"
	(echo "$BASHPID" > "$cg/$name/cgroup.procs" && exec "$O/tools/work-cost" "$work" "$tmp/turn" "$TURNS") > "$tmp/did" || exit 1
	unwatch
	sum "sgprobe_cgroup_bpf_seconds_total{cgroup=\"/$name\"}" > "$tmp/reported"
	awk -v text="$text" -v bare="$(did bare)" -v added="$(did added)" -v low="$(did from)" -v high="$(did from 4)" \
		-v units="$(did units)" -v reported="$(cat "$tmp/reported")" 'BEGIN {
		r = reported / units * 1e9
		printf "%-20s %8.0f %9.1f %7.0f (%.0f to %.0f) %9.0f %9.2f\n", text, bare, added / bare * 100, added, low, high, r, r / added }'
}

echo "# kernel $(uname -r), $(nproc) CPUs, $TURNS turns a row; ns are of a unit of the work; wanted: 0.80 to 1.20"
printf '%-20s %8s %9s %20s %9s %9s\n' work "bare, ns" "slowed, %" "added, ns (quartiles)" "reported" ratio
for w in "${works[@]}"; do
	row "$w, default" "$w" probe.budget=10ms
	row "$w, full" "$w" probe.budget=0s
done
grep '^sgprobe_bpf_entry_seconds' "$OUT" | awk '{ sub(/.*variant="/, ""); sub(/"}/, ""); printf "# a run takes %.0f ns besides its program: %s\n", $2 * 1e9, $1 }'
