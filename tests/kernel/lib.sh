# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What kernel tests share: TAP, and the probe alone (probe_print) around a workload.
#
#   begin                   starts a test file: skips it without root or BPF; builds what it needs
#   watch [SETTINGS...]     starts the probe; unwatch stops it, and its totals are in $OUT
#   watch_only DOMAIN [SETTINGS...]     the same with this domain alone
#   total METRIC            what the series that match the (fixed) text at line start added up to
#   ok TEXT CONDITION...    one result; CONDITION is a command
O=${O:-build}
PROBE_PRINT=$O/tests/kernel/probe_print
tap_n=0
tap_failed=0
probe_pid=
OUT=

ok() {
	local text=$1
	shift
	tap_n=$((tap_n + 1))
	if "$@" > "$tmp/why" 2>&1; then
		echo "ok $tap_n - $text"
	else
		echo "not ok $tap_n - $text"
		echo "# failed: $*"
		sed 's/^/# /' "$tmp/why"
		tap_failed=1
	fi
}

skip() { # TEXT REASON
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

skip_all() {
	[ ! -f .guest ] || { echo "not ok - $1"; exit 1; } # a guest has what a test needs
	echo "1..0 # SKIP $1"
	exit 0
}

finish() {
	echo "1..$tap_n"
	exit "$tap_failed"
}

build_probe_print() {
	local lib=$O/libsgprobe.a
	[ ! -f .guest ] || return 0 # it came with what else is here
	[ -f "$lib" ] || { echo "# no $lib: make first"; return 1; }
	[ "$PROBE_PRINT" -nt "$lib" ] && [ "$PROBE_PRINT" -nt tests/kernel/probe_print.c ] && return 0
	mkdir -p "$(dirname "$PROBE_PRINT")"
	# shellcheck disable=SC2046
	gcc -std=gnu11 -O2 -D_GNU_SOURCE -Iinclude -o "$PROBE_PRINT.$$" tests/kernel/probe_print.c "$lib" \
		$(pkg-config --libs libbpf libelf zlib yaml-0.1 jansson libseccomp libcap sqlite3 libwebsockets) \
		-lm -lpthread && mv "$PROBE_PRINT.$$" "$PROBE_PRINT"
}

begin() {
	cd "$(dirname "$0")/../.." || exit 1
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	tmp=$(mktemp -d)
	OUT=$tmp/totals
	trap 'unwatch; rm -rf "$tmp"' EXIT
	build_probe_print || skip_all "the test program was not built"
}

# Waits until COMMAND succeeds, 20 s at most.
eventually() {
	for _ in $(seq 400); do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
}

watch() {
	: > "$OUT"
	# Counts and latencies whole: tests of the budget set one.
	"$PROBE_PRINT" probe.budget=0s "$@" > "$OUT" 2> "$tmp/err" &
	probe_pid=$!
	eventually grep -q ready "$OUT" && return 0
	sed 's/^/# /' "$tmp/err"
	skip_all "the probe does not start here"
}

# Every domain that can be switched off, by name.
domains() { sed -n 's/^SETTING("probe\.\([a-z]*\)", BOOL, domain_.*/\1/p' userspace/config/settings.def; }

watch_only() { # DOMAIN [SETTINGS...]
	local d only=$1 off=()
	shift
	for d in $(domains); do off+=("probe.$d=$([ "$d" = "$only" ] && echo true || echo false)"); done
	watch "${off[@]}" "$@" # task has no switch: it is there in any case
}

unwatch() {
	[ -n "$probe_pid" ] || return 0
	kill -TERM "$probe_pid" 2> /dev/null
	wait "$probe_pid" 2> /dev/null
	probe_pid=
}

# Sets $missed: runs that the kernel left out, known with 'watch -s'. Since Linux 7.0 a task may be
# preempted in a program, and until it runs again the kernel leaves out what others do on its CPU; on
# kernels before, a task's own events are not missed.
count_missed() {
	missed=$(total 'sgprobe_dropped_total{reason="run_missed"}')
	case $(uname -r) in
	[1-6].*) ok "no event was missed" is "$missed" 0 ;;
	*) echo "# $missed events were missed" ;;
	esac
}

# Sum of the values (counts, for histograms) of all series whose line begins with the text.
total() { awk -v p="$1" 'index($0, p) == 1 { s += $2; n++ } END { printf "%.0f", s; exit !n }' "$OUT"; }
# Field of the one series: 2 value or count, 3 sum, 4 median, 5 p99, 6 upper end of the highest bucket
field() { awk -v p="$1" -v f="$2" 'index($0, p) == 1 { print $f; exit }' "$OUT"; }
is() { [ "$1" = "$2" ] || { echo "got '$1', want '$2'"; return 1; }; }
between() { # VALUE LOW HIGH
	awk -v v="$1" -v a="$2" -v b="$3" 'BEGIN { if (v == "" || v < a || v > b) { print "got " v ", want " a " to " b; exit 1 } }'
}
