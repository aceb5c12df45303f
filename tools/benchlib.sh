# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the benchmarks of the kernel programs share: who watches is started and stopped, and the kernel's own
# measurement of each program is read while several of them watch the same work.
#
#   bench_begin TOOL...        asks for root and these tools; mounts tracefs where only this script sees it
#   watch_domain DOMAIN [SETTINGS...]    one domain of sgprobe; without settings as it is by default
#   start COMMAND...           something that prints "ready" when it watches
#   start_tool LINKS COMMAND...          something that says nothing and attaches so many programs
#   readings PID               a line "HOOK NANOSECONDS RUNS" per program that the process holds
#   median EXPR NAME...        over the lines of $work/NAME..., side by side
# shellcheck source=tests/kernel/lib.sh
. tests/kernel/lib.sh
work=$(mktemp -d)
pids=()
stats_were=$(cat /proc/sys/kernel/bpf_stats_enabled)
stats() { echo "$1" > /proc/sys/kernel/bpf_stats_enabled; }

bench_begin() { # TOOL...
	local t
	[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2; exit 1; }
	# Some tools look for their trace points in tracefs.
	if [ ! -d /sys/kernel/tracing/events ] && [ -z "${SG_BENCH_NS:-}" ]; then
		rm -rf "$work"
		SG_BENCH_NS=1 exec unshare -m sh -c 'mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"' - "$0" "${args[@]}"
	fi
	trap 'stop; stats "$stats_were"; rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	for t; do
		[ -x "/usr/sbin/$t" ] || command -v "$t" > /dev/null ||
			{ echo "bench: $t is missing: tools/setup.sh bench" >&2; exit 1; }
	done
	build_probe_print || exit 1
}

# ---- who watches: each starts something, and returns when its programs are attached

stop() {
	for p in ${pids[@]+"${pids[@]}"}; do
		kill -TERM "$p" 2> /dev/null && wait "$p" 2> /dev/null
	done
	pids=()
}
await() { # PID COMMAND...: until it succeeds, 20 s at most, and no longer than the process lives
	local pid=$1
	shift
	for _ in $(seq 400); do
		"$@" && return 0
		kill -0 "$pid" 2> /dev/null || return 1
		sleep 0.05
	done
	return 1
}
is_ready() { grep -q ready "$1"; }
start() { # COMMAND...: something that prints "ready"
	local out=$work/out.${#pids[@]}
	: > "$out"
	"$@" > "$out" 2> /dev/null &
	pids+=($!)
	await $! is_ready "$out"
}
# By what the process itself holds: other programs may have the same names.
links() { [ "$(cat /proc/"$1"/fdinfo/* 2> /dev/null | grep -c '^link_type')" -ge "$2" ]; }
start_tool() { # LINKS COMMAND...: something that says nothing and attaches so many programs
	local n=$1
	shift
	"$@" > /dev/null 2>&1 &
	pids+=($!)
	await $! links $! "$n"
}
# One domain as it is by default, or with settings, such as probe.budget=0s: every event is timed.
watch_domain() { # DOMAIN [SETTINGS...]
	local d only=$1 off=()
	shift
	for d in $(domains); do [ "$d" = "$only" ] || off+=("probe.$d=false"); done
	start "$PROBE_PRINT" "${off[@]}" "probe.$only=true" "$@"
}
end_watching() {
	stop
	if grep -s '^sgprobe_domain_up.*reason="[^s]' "$work"/out.*; then # not: "switched off"
		echo "bench: a domain was refused" >&2
		exit 1
	fi
	rm -f "$work"/out.*
}

# ---- what is measured

readings() { # PID: a line "HOOK NANOSECONDS RUNS" per program that the process holds
	bpftool prog | awk '$3 == "name" { print "name", $1 + 0, $4 }' > "$work/names"
	cat /proc/"$1"/fdinfo/* 2> /dev/null | awk '
		NR == FNR { sub(/_(btf|raw)$/, "", $3); name[$2] = $3; next }
		$1 == "prog_id:" { id = $2 }
		$1 == "run_time_ns:" { ns = $2 }
		$1 == "run_cnt:" { print name[id], ns, $2 }' "$work/names" - | sort -u
}

# ---- what is printed

# Median over the rounds of an expression of the columns of the files, side by side: median EXPR NAME...
median() {
	local expr=$1
	shift
	(cd "$work" && paste "$@") | awk "{ print $expr }" | sort -g |
		awk '{ v[NR] = $1 } END { printf "%.2f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
