#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What watching services costs: the programs of the domain beside programs that do nothing, attached at once
# to the same hooks and the same work, with the kernel's own measurement of each. And what the work loses by it.
# Prints medians over the rounds.
#   bench-service.sh [ROUNDS]      O=build folder
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
args=("$@")
ROUNDS=${1:-5}
requests=30000 port=19440
hooks="tcp_probe tcp_rcv_space_adjust tcp_sendmsg_locked inet_sock_set_state"
# shellcheck source=tools/benchlib.sh
. tools/benchlib.sh
bench_begin bpftool ss

watch_services() { watch_domain service "$@"; } # SETTINGS...
older=
# A connection whose listener was closed before the probe starts is no service.
begin_older() {
	"$O/tools/service-play" -p $port -o -n 100000000 > /dev/null &
	older=$!
	pids+=($older)
	eventually no_listener
}
no_listener() { ss -Htan "( sport = :$port )" | grep -q ESTAB && ! ss -Htln "( sport = :$port )" | grep -q .; }
converse() { "$O/tools/service-play" -p $port -n $requests > "$work/did"; }
takes() { # nanoseconds per request
	local from
	from=$(date +%s%N)
	converse
	echo $((($(date +%s%N) - from) / requests))
}
# As the kernel shortens the names of programs without types.
runs_of() { readings "$1" | awk '{ $1 = substr($1, 1, 15); print }'; } # PID
measure() { # NAME WORK SETTINGS...
	local name=$1 work_load=$2 i two
	shift 2
	for _ in $(seq "$ROUNDS"); do
		start "$O/tools/watch-floor" $hooks
		[ "$work_load" = converse ] || begin_older
		watch_services "$@"
		stats 1
		two=("${pids[0]}" "${pids[-1]}")
		for i in 0 1; do runs_of "${two[i]}" > "$work/before.$i"; done
		$work_load
		for i in 0 1; do runs_of "${two[i]}" > "$work/after.$i"; done
		stats 0
		for i in 0 1; do
			awk -v who=$i -v per=$requests '
				NR == FNR { ns[$1] = $2; runs[$1] = $3; next }
				$3 - runs[$1] > 100 {
					printf "%s %s %.1f %.3f\n", who, $1, ($2 - ns[$1]) / ($3 - runs[$1]), ($3 - runs[$1]) / per
					sum += $2 - ns[$1]
				}
				END { printf "%s request %.1f 1\n", who, sum / per }' "$work/before.$i" "$work/after.$i"
		done >> "$work/$name"
		stop
	done
}
middle_of() { # FILE WHO HOOK COLUMN
	awk -v w="$2" -v h="$3" -v c="$4" '$1 == w && $2 == h { print $c }' "$work/$1" | sort -g |
		awk '{ v[NR] = $1 } END { printf "%s", v[int((NR + 1) / 2)] }'
}
middle() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

measure full converse probe.budget=0s
measure default converse
measure others "sleep 1"
printf '%-24s %16s %10s %10s %10s %10s\n' "hook" "runs per request" "empty, ns" "default" "full" "others"
for h in tcp_probe tcp_rcv_space_a tcp_sendmsg_loc request; do
	printf '%-24s %16s %10s %10s %10s %10s\n' "$h" "$(middle_of full 1 $h 4)" "$(middle_of full 0 $h 3)" \
		"$(middle_of default 1 $h 3)" "$(middle_of full 1 $h 3)" \
		"$([ "$h" = request ] || middle_of others 1 "$h" 3)"
done
for _ in $(seq "$ROUNDS"); do
	takes >> "$work/alone"
	watch_services
	takes >> "$work/with.default"
	stop
	watch_services probe.budget=0s
	takes >> "$work/with.full"
	stop
done
echo "a request takes $(middle "$work/alone") ns, $(middle "$work/with.default") ns by default, $(middle "$work/with.full") ns in full"
