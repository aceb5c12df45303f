#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The cost of the kernel programs, against the tools that people run today (Debian package libbpf-tools):
# alternating rounds on the same machine; prints the median of what each round gives, and ratios.
#   bench-probe.sh [ROUNDS]      O=build folder
set -u
# syscount looks for its tracepoints in tracefs: mount it where only this script sees it.
if [ "$(id -u)" = 0 ] && [ ! -d /sys/kernel/tracing/events ] && [ -z "${SG_BENCH_NS:-}" ]; then
	SG_BENCH_NS=1 exec unshare -m sh -c 'mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"' - "$0" "$@"
fi
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
ROUNDS=${1:-5}
work=$(mktemp -d)
pid=
stats() { echo "$1" > /proc/sys/kernel/bpf_stats_enabled; }
trap 'stop; stats 0; rm -rf "$work"' EXIT

[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2; exit 1; }
for t in runqlat syscount bpftool; do
	[ -x /usr/sbin/$t ] || { echo "bench: $t is missing: apt-get install libbpf-tools bpftool" >&2; exit 1; }
done
# shellcheck source=tests/kernel/lib.sh
. tests/kernel/lib.sh
build_probe_print || exit 1

stop() {
	[ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	pid=
}
# Each starts something that watches, and returns when its programs are attached.
watch_nothing() { :; }
watch_sched() { start_print probe.syscall=false probe.tcp=false; }
watch_syscall() { start_print probe.sched=false probe.tcp=false; }
watch_all() { start_print; }
start_print() {
	: > "$work/out"
	"$PROBE_PRINT" "$@" > "$work/out" 2>/dev/null &
	pid=$!
	until grep -q ready "$work/out"; do sleep 0.05; kill -0 "$pid" || return 1; done
}
watch_tool() { # HOOK COMMAND...: until one more program than now bears the name of the hook
	local hook=$1 before
	shift
	before=$(bpftool prog | grep -c "name $hook ")
	"$@" > /dev/null 2>&1 &
	pid=$!
	until [ "$(bpftool prog | grep -c "name $hook ")" -gt "$before" ]; do sleep 0.05; kill -0 $pid || return 1; done
	sleep 0.2
}
watch_runqlat() { watch_tool sched_switch /usr/sbin/runqlat 1000; }
watch_syscount() { watch_tool sys_exit /usr/sbin/syscount -L -d 1000; }

newest_program() { bpftool -j prog | grep -o '"id":[0-9]*' | cut -d: -f2 | sort -n | tail -1; }
# rounds NAME COMMAND WATCHER...: the output of COMMAND under each watcher, a line per round, in $work/NAME.WATCHER
rounds() {
	local name=$1 command=$2 w
	shift 2
	for _ in $(seq "$ROUNDS"); do
		for w; do
			last_id=$(newest_program)
			watch_$w || { echo "bench: $w does not start" >&2; return 1; }
			$command >> "$work/$name.$w"
			stop
			if grep -s '^sgprobe_domain_up.*reason="[^s]' "$work/out"; then # not: "switched off"
				echo "bench: a domain was refused" >&2
				return 1
			fi
		done
	done
}
# Median over the rounds of an expression of the outputs under the watchers, $1 the first: median NAME EXPR WATCHER...
median() {
	local name=$1 expr=$2 w files=
	shift 2
	for w; do files="$files $work/$name.$w"; done
	# shellcheck disable=SC2086
	paste $files | awk "{ print $expr }" | sort -g | awk '{ v[NR] = $1 } END { printf "%.2f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
calc() { awk "BEGIN { printf \"%.2f\", $1 }"; }

# Nanoseconds per run of the programs whose names are given, added up, while the ping-pong goes.
program_cost() {
	local sum=0 id ns
	stats 1
	bpftool -j prog | tr '}' '\n' > "$work/before"
	"$O/tools/work-pingpong" 30000 > /dev/null
	bpftool -j prog | tr '}' '\n' > "$work/after"
	stats 0
	for h in sched_wakeup sched_switch; do
		# Programs of the watcher only: those that were loaded since.
		ns=$(awk -v h="$h" -v last="${last_id:-0}" '
			match($0, /"id":[0-9]+/) { id = substr($0, RSTART + 5, RLENGTH - 5) }
			id + 0 <= last + 0 || $0 !~ "\"name\":\"" h "(_btf|_raw)?\"" { next }
			{
				t = c = 0
				if (match($0, /"run_time_ns":[0-9]+/)) t = substr($0, RSTART + 14, RLENGTH - 14)
				if (match($0, /"run_cnt":[0-9]+/)) c = substr($0, RSTART + 10, RLENGTH - 10)
				if (FNR == NR) { t0[id] = t; c0[id] = c; next }
				if (c > c0[id]) { dt += t - t0[id]; dc += c - c0[id] }
			}
			END { printf "%.1f", dc ? dt / dc : 0 }' "$work/before" "$work/after")
		sum=$(calc "$sum + $ns")
	done
	echo "$sum"
}
pingpong() { "$O/tools/work-pingpong" 50000; }
getppid() { "$O/tools/work-getppid" 1000000; }

if bpftool prog | grep -qE 'name (sys_enter|sched_switch)'; then
	echo "# WARNING: other programs are on these hooks already: the ratios of what is added are off"
fi
echo "# kernel $(uname -r), $(nproc) CPUs, $ROUNDS alternating rounds, medians"
rounds cost program_cost runqlat sched || exit 1
rounds pingpong pingpong nothing runqlat sched || exit 1
rounds getppid getppid nothing syscount syscall || exit 1

row() { printf '%-52s %10s %10s %8s %10s\n' "$@"; }
row what other sgprobe ratio wanted
row "wake-up + switch, ns per event, against runqlat" "$(median cost '$1' runqlat)" "$(median cost '$1' sched)" \
	"$(median cost '$2 / $1' runqlat sched)" "<= 0.50"
slower='($2 / $1 - 1) * 100'
row "pipe ping-pong slowed by %, against runqlat" "$(median pingpong "$slower" nothing runqlat)" \
	"$(median pingpong "$slower" nothing sched)" \
	"$(median pingpong '($3 - $1) / ($2 - $1)' nothing runqlat sched)" "< 1.00"
row "added to getppid, ns, against syscount -L" "$(median getppid '$2 - $1' nothing syscount)" \
	"$(median getppid '$2 - $1' nothing syscall)" \
	"$(median getppid '($3 - $1) / ($2 - $1)' nothing syscount syscall)" "<= 0.50"

# What the probe process itself takes, everything switched on, nothing happening.
watch_all || exit 1
sleep 10
stop
grep -E '^sgprobe_probe_(cpu_seconds_total|resident_bytes|drain_seconds) ' "$work/out" |
	awk '/cpu_seconds/ { printf "probe process: %.2f %% of one CPU, ", $2 * 10 }
	/resident/ { printf "%.1f MB resident, ", $2 / 1e6 }
	/drain/ { printf "last drain %.2f ms\n", $2 * 1e3 }'
