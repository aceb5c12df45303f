#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The whole daemon: what it takes while nothing happens, and that nothing is lost while one of its processes
# stands still under a load of known size.
#   bench-daemon.sh [idle|stops]      O=build folder; IDLE_SECONDS, STOP_SECONDS
PORT=19461
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
SGPROBE=$O/sgprobe
[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2; exit 1; }
for t in curl jq; do
	command -v $t > /dev/null || { echo "bench: $t is missing: apt-get install $t" >&2; exit 1; }
done
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh
IDLE_SECONDS=${IDLE_SECONDS:-60}
STOP_SECONDS=${STOP_SECONDS:-30}

begin_daemon() { # [OPTIONS...]
	start "$@"
	until_true 30 is_ready || { echo "bench: the daemon does not start" >&2; failed=1; exit 1; }
}

# ---- nothing happens
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
resident_mb() { awk '/^VmRSS:/ { printf "%.1f", $2 * 1024 / 1e6 }' /proc/"$1"/status; }
percent() { awk -v ns="$1" -v s="$IDLE_SECONDS" 'BEGIN { printf "%.2f", ns / s / 1e7 }'; }
other_work() { awk 'NR == 1 { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; } # hundredths of a second, of all CPUs
idle() {
	local probe server p s o drain
	begin_daemon
	probe=$(child probe) server=$(child server)
	sleep "$IDLE_SECONDS" # to settle
	p=$(cpu_ns "$probe") s=$(cpu_ns "$server") o=$(other_work)
	sleep "$IDLE_SECONDS"
	p=$(($(cpu_ns "$probe") - p)) s=$(($(cpu_ns "$server") - s)) o=$(($(other_work) - o))
	drain=$(query "max_over_time(sgprobe_probe_drain_seconds[${IDLE_SECONDS}s])")
	echo "idle for $IDLE_SECONDS s, everything on: $(percent $((p + s))) % of one CPU" \
		"(probe $(percent $p), server $(percent $s)); wanted < 1"
	echo "  resident: probe $(resident_mb "$probe") MB, server $(resident_mb "$server") MB"
	echo "  longest drain: $(awk -v d="$drain" 'BEGIN { printf "%.2f", d * 1e3 }') ms"
	echo "  all that ran on the machine meanwhile: $(percent "${o}0000000") % of one CPU"
	stop
}

# ---- a process stands still
# How many system calls were counted of a program; its start costs some as well.
calls_of() { query "histogram_count(sgprobe_comm_syscall_latency_seconds{comm=\"$1\"})"; }
is_counted() { [ "$(calls_of "$1")" = "$2" ]; }
# Under names that no other program has, so that what is counted is ours.
GETPPID=getppid-$$ FORK=fork-$$
getppids() { "$T/$GETPPID" "$1" > /dev/null; }
forks() { "$T/$FORK" "$1" > /dev/null; }
declare -A want=() # calls that must be counted by now, by program
still_calls() { # PROGRAM: its calls, when they have stopped to grow
	local a b
	b=$(calls_of "$1")
	for _ in $(seq 20); do
		a=$b
		sleep 2
		b=$(calls_of "$1")
		[ "$a" = none ] || [ "$a" != "$b" ] || break
	done
	echo "$b"
}
GETPPIDS=1000000
FORKS=2000
load_of() { # COMMAND SIZE FILE: again and again until the file is gone; prints how often
	local n=0
	while [ -e "$3" ]; do
		"$1" "$2"
		n=$((n + 1))
	done
	echo $n
}
verdict() { # PROGRAM WHO
	local got
	until_true 30 is_counted "$1" "${want[$1]}"
	got=$(calls_of "$1")
	echo "  ${1%-*}: ${want[$1]} calls made, $got counted"
	[ "$got" = "${want[$1]}" ] || { echo "  LOST: $((${want[$1]} - got)) while the $2 stood"; failed=1; }
}
stand_still() { # probe|server
	local victim calls_pid forks_pid
	victim=$(child "$1")
	: > "$T/go"
	load_of getppids $GETPPIDS "$T/go" > "$T/getppids" &
	calls_pid=$!
	load_of forks $FORKS "$T/go" > "$T/forks" &
	forks_pid=$!
	sleep 2
	kill -STOP "$victim"
	sleep "$STOP_SECONDS"
	kill -CONT "$victim"
	sleep 2
	rm "$T/go"
	wait $calls_pid $forks_pid
	want[$GETPPID]=$((${want[$GETPPID]} + $(cat "$T/getppids") * (GETPPIDS + start_getppid)))
	want[$FORK]=$((${want[$FORK]} + $(cat "$T/forks") * (FORKS * per_fork + start_fork)))
	echo "SIGSTOP of the $1 for $STOP_SECONDS s under load:"
	verdict "$GETPPID" "$1"
	verdict "$FORK" "$1"
	[ "$(child "$1")" = "$victim" ] || { echo "  the $1 was restarted"; failed=1; }
}
calibrate() { # what a start takes, and a fork
	local a
	cp "$O/tools/work-getppid" "$T/$GETPPID"
	cp "$O/tools/work-fork" "$T/$FORK"
	getppids 0
	forks 0
	start_getppid=$(still_calls "$GETPPID")
	start_fork=$(still_calls "$FORK")
	forks 100
	a=$(still_calls "$FORK")
	per_fork=$(((a - 2 * start_fork) / 100))
	want[$GETPPID]=$start_getppid
	want[$FORK]=$a
	[ $((2 * start_fork + 100 * per_fork)) = "$a" ] || { echo "bench: the forks do not add up" >&2; failed=1; }
}
dropped() { # what was not recorded, by reason
	curl -sS -m 10 --unix-socket "$SOCK" -G http://localhost/api/v1/query --data-urlencode 'query=sgprobe_dropped_total > 0' |
		jq -r '[.data.result[] | "\(.metric.reason) \(.value[1])"] | join(", ") | if . == "" then "nothing" else . end'
}
stops() {
	printf 'probe:\n  budget: 0s\n' > "$T/conf" # each call is counted by program, whatever it costs
	begin_daemon --config "$T/conf"
	calibrate
	stand_still probe
	stand_still server
	echo "frames lost: $(url /api/sg/v1/status | jq .store.lost_frames); dropped: $(dropped)"
	stop
}

for part in ${*:-idle stops}; do
	case $part in
	idle | stops) $part ;;
	*) echo "usage: bench-daemon.sh [idle|stops]" >&2; exit 2 ;;
	esac
done
exit $failed
