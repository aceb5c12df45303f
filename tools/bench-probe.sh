#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The cost of the kernel programs, against the tools that people run today (Debian package libbpf-tools).
# What the kernel measures of each program is taken with both tools attached to the same work, in both
# orders, because the machine's speed drifts more between two rounds than they differ, and who comes first
# pays for what is not in the cache yet. What the work itself takes is measured in alternating rounds.
# Prints medians over the rounds, and ratios.
#   bench-probe.sh [ROUNDS]      O=build folder
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
args=("$@")
ROUNDS=${1:-5}
# shellcheck source=tools/benchlib.sh
. tools/benchlib.sh
bench_begin runqlat syscount bpftool

watch_nothing() { :; }
watch_sched() { watch_domain sched; }
watch_sched_full() { watch_domain sched probe.budget=0s; }
watch_syscall() { watch_domain syscall; }
watch_syscall_full() { watch_domain syscall probe.budget=0s; }
watch_all() { start "$PROBE_PRINT"; }
watch_runqlat() { start_tool 3 /usr/sbin/runqlat 1000; }
watch_syscount() { start_tool 2 /usr/sbin/syscount -L -d 1000; }
watch_sched_empty() { start "$O/tools/watch-floor" sched_wakeup sched_switch; }
watch_sched_clock() { start "$O/tools/watch-floor" -c sched_wakeup sched_switch; }
watch_syscall_empty() { start "$O/tools/watch-floor" sys_enter sys_exit; }
watch_syscall_clock() { start "$O/tools/watch-floor" -c sys_enter sys_exit; }
begin_watching() {
	watch_"$1" || { echo "bench: $1 does not start" >&2; exit 1; }
}

# ---- what is measured

pingpong() { "$O/tools/work-pingpong" "${1:-50000}"; }
getppid() { "$O/tools/work-getppid" "${1:-1000000}"; }
busy_sched() { pingpong 30000; }
busy_syscall() { getppid 300000; }
hooks_of() { [ "$1" = sched ] && echo sched_wakeup sched_switch || echo sys_enter sys_exit; }

# rounds NAME COMMAND WATCHER...: the output of COMMAND under each watcher, a line per round, in $work/NAME.WATCHER
rounds() {
	local name=$1 command=$2 w
	shift 2
	for _ in $(seq "$ROUNDS"); do
		for w; do
			begin_watching "$w"
			$command >> "$work/$name.$w"
			end_watching
		done
	done
}
per_event() { # HOOKS BEFORE AFTER: nanoseconds per run, added up over the hooks
	awk -v hooks="$1" '
		NR == FNR { ns[$1] = $2; runs[$1] = $3; next }
		index(" " hooks " ", " " $1 " ") && $3 > runs[$1] { sum += ($2 - ns[$1]) / ($3 - runs[$1]); n++ }
		END { if (n != split(hooks, h, " ")) exit 1; printf "%.1f\n", sum }' "$2" "$3"
}
# attached PART WATCHER...: while all of them watch the work of PART (sched or syscall), what the kernel measures
# of the programs of each; a line per round in $work/PART.WATCHER-WATCHER..., in their order
attached() {
	local part=$1 to w i
	shift
	to=$work/$part.$(echo "$@" | tr ' ' -)
	for _ in $(seq "$ROUNDS"); do
		for w; do begin_watching "$w"; done
		stats 1
		for i in "${!pids[@]}"; do readings "${pids[i]}" > "$work/before.$i"; done
		"busy_$part" > /dev/null
		for i in "${!pids[@]}"; do readings "${pids[i]}" > "$work/after.$i"; done
		stats 0
		for i in "${!pids[@]}"; do
			per_event "$(hooks_of "$part")" "$work/before.$i" "$work/after.$i" ||
				{ echo "bench: programs of $part did not run" >&2; exit 1; }
		done | paste -s >> "$to"
		end_watching
	done
}

# ---- what is printed

row() { printf '%-60s %10s %10s %8s %8s\n' "$@"; }
verdict() { awk -v a="$1" -v b="$2" -v limit="$3" 'BEGIN { w = a > b ? a : b; print w, w <= limit ? "kept" : "missed" }'; }
floor() { echo "  the floor: two programs that do nothing $1 ns, two that only read the clock $2 ns"; }
attached_rows() { # TEXT PART OTHER WATCHER [LIMIT]
	local text=$1 part=$2 o=$3 w=$4 limit=${5:-}
	row "$text, ns (kernel), $o first" "$(median '$1' "$part.$o-$w")" "$(median '$2' "$part.$o-$w")" \
		"$(median '$2 / $1' "$part.$o-$w")" "${limit:+<= $limit}"
	row "$text, ns (kernel), sgprobe first" "$(median '$2' "$part.$w-$o")" "$(median '$1' "$part.$w-$o")" \
		"$(median '$1 / $2' "$part.$w-$o")" "${limit:+<= $limit}"
	[ -z "$limit" ] ||
		echo "  the worse of the two: $(verdict "$(median '$2 / $1' "$part.$o-$w")" "$(median '$1 / $2' "$part.$w-$o")" "$limit")"
}
added_row() { # TEXT NAME OTHER WATCHER LIMIT
	row "$1" "$(median '$2 - $1' "$2.nothing" "$2.$3")" "$(median '$2 - $1' "$2.nothing" "$2.$4")" \
		"$(median '($3 - $1) / ($2 - $1)' "$2.nothing" "$2.$3" "$2.$4")" "$5"
}
slowed_row() { # TEXT WATCHER LIMIT
	local slower='($2 / $1 - 1) * 100'
	row "$1" "$(median "$slower" pingpong.nothing pingpong.runqlat)" "$(median "$slower" pingpong.nothing "pingpong.$2")" \
		"$(median '($3 - $1) / ($2 - $1)' pingpong.nothing pingpong.runqlat "pingpong.$2")" "$3"
}

if bpftool prog | grep -qE 'name (sys_enter|sched_switch)'; then
	echo "# WARNING: other programs are on these hooks already: the ratios of what is added are off"
fi
echo "# kernel $(uname -r), $(nproc) CPUs, $ROUNDS rounds, medians"
for w in sched sched_full; do
	attached sched runqlat $w
	attached sched $w runqlat
done
attached sched sched_empty sched_clock
for w in syscall syscall_full; do
	attached syscall syscount $w
	attached syscall $w syscount
done
attached syscall syscall_empty syscall_clock
rounds pingpong pingpong nothing runqlat sched sched_full
rounds getppid getppid nothing syscount syscall syscall_full syscall_empty syscall_clock

row what other sgprobe ratio wanted
attached_rows "wake-up + switch" sched runqlat sched 0.50
attached_rows "  in full detail" sched runqlat sched_full
floor "$(median '$1' sched.sched_empty-sched_clock)" "$(median '$2' sched.sched_empty-sched_clock)"
attached_rows "sys_enter + sys_exit" syscall syscount syscall 0.50
attached_rows "  in full detail" syscall syscount syscall_full
floor "$(median '$1' syscall.syscall_empty-syscall_clock)" "$(median '$2' syscall.syscall_empty-syscall_clock)"
slowed_row "pipe ping-pong slowed by %, against runqlat" sched "< 1.00"
slowed_row "  in full detail" sched_full "< 1.00"
added_row "added to getppid, ns, against syscount -L" getppid syscount syscall "<= 0.50"
added_row "  in full detail" getppid syscount syscall_full ""
floor "$(median '$2 - $1' getppid.nothing getppid.syscall_empty)" \
	"$(median '$2 - $1' getppid.nothing getppid.syscall_clock)"

# What the probe process itself takes, everything switched on, nothing happening.
begin_watching all
sleep 10
stop
grep -E '^sgprobe_probe_(cpu_seconds_total|resident_bytes|drain_seconds) ' "$work/out.0" |
	awk '/cpu_seconds/ { printf "probe process: %.2f %% of one CPU, ", $2 * 10 }
	/resident/ { printf "%.1f MB resident, ", $2 / 1e6 }
	/drain/ { printf "last drain %.2f ms\n", $2 * 1e3 }'
