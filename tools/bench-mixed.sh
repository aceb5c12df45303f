#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What programs lose by the whole daemon, everything on as it is by default, on a host that has many users: all works run
# at once, for so long with and without it, in turns. Before a turn is measured the works have run for a while, as the
# budget is kept over seconds. Prints medians of the ratios of neighbouring turns, and how sure they are: half the distance
# of their quartiles, by the root of their number.
#   bench-mixed.sh [ROUNDS]      O=build folder; TURN, WARM=seconds
PORT=19481
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
SGPROBE=$O/sgprobe
ROUNDS=${1:-5}
TURN=${TURN:-20} WARM=${WARM:-45}
[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2; exit 1; }
for t in nginx wrk redis-server redis-benchmark redis-cli fio hackbench jq curl; do
	command -v $t > /dev/null || { echo "bench: $t is missing: tools/setup.sh bench" >&2; exit 1; }
done
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh
http=19482 redis=19483
others=()
end_others() {
	kill "${others[@]}" 2> /dev/null
	wait "${others[@]}" 2> /dev/null
}
trap 'end_others; rm -rf "$O/bench-disk"; cleanup' EXIT

mkdir -p "$O/bench-disk" "$T/html"
head -c 4096 /dev/zero > "$T/html/page"
chmod -R a+rX "$T"
cat > "$T/nginx.conf" << END
daemon off; pid $T/nginx.pid; error_log $T/nginx.err; worker_processes 1;
events {}
http { access_log off; server { listen 127.0.0.1:$http; root $T/html; } }
END
nginx -c "$T/nginx.conf" -p "$T" 2> /dev/null &
others+=($!)
redis-server --port $redis --bind 127.0.0.1 --save '' --appendonly no --dir "$T" > /dev/null &
others+=($!)
until_true 10 curl -sf -o /dev/null "http://127.0.0.1:$http/page" || { echo "bench: nginx does not start" >&2; failed=1; exit 1; }
until_true 10 redis-cli -p $redis ping || { echo "bench: redis does not start" >&2; failed=1; exit 1; }

# ---- works: each prints how much of it was done in a second, in so many seconds

do_pingpong() { # in pieces, as it knows no end
	local n=0 from until now
	from=$(date +%s%N) until=$(($(date +%s%N) + $1 * 1000000000))
	while now=$(date +%s%N) && [ "$now" -lt "$until" ]; do
		"$O/tools/work-pingpong" 10000 > /dev/null
		n=$((n + 10000))
	done
	awk -v n="$n" -v ns=$((now - from)) 'BEGIN { printf "%.1f\n", n / (ns / 1e9) }'
}
do_nginx() { wrk -t 1 -c 16 -d "$1" "http://127.0.0.1:$http/page" | awk '/^Requests\/sec/ { print $2 }'; }
do_fio() {
	fio --name=work --directory="$O/bench-disk" --size=64m --bs=4k --ioengine=psync --rw=randrw --direct=1 --time_based \
		--runtime="$1" --output-format=json 2> /dev/null | jq '.jobs[0] | .read.iops + .write.iops'
}
do_redis() {
	local before
	redis_calls() { redis-cli -p $redis info stats | awk -F: '/^total_commands_processed/ { print $2 + 0 }'; }
	before=$(redis_calls)
	timeout "$1" redis-benchmark -p $redis -c 16 -n 1000000000 -t get -q > /dev/null
	awk -v n=$(($(redis_calls) - before)) -v s="$1" 'BEGIN { printf "%.1f\n", n / s }'
}
do_hackbench() {
	local n=0 from until now
	from=$(date +%s%N) until=$(($(date +%s%N) + $1 * 1000000000))
	while now=$(date +%s%N) && [ "$now" -lt "$until" ]; do
		hackbench -g 1 -l 200 > /dev/null
		n=$((n + 1))
	done
	awk -v n="$n" -v ns=$((now - from)) 'BEGIN { printf "%.3f\n", n / (ns / 1e9) }'
}
works="pingpong nginx fio redis hackbench"
work_for() { # SECONDS: what each of them got done meanwhile, in $T/now.WORK
	local w pids=()
	for w in $works; do
		"do_$w" "$1" > "$T/now.$w" &
		pids+=($!)
	done
	wait "${pids[@]}"
}
cost='sum(rate(sgprobe_bpf_run_seconds_total[SPAN]))+sum(rate(sgprobe_probe_cpu_seconds_total[SPAN]))+sum(rate(sgprobe_server_cpu_seconds_total[SPAN]))'
turn() { # alone|watched
	local w
	if [ "$1" = watched ]; then
		start
		until_true 30 is_ready || { echo "bench: the daemon does not start" >&2; failed=1; exit 1; }
	fi
	work_for "$WARM"
	work_for "$TURN"
	for w in $works; do cat "$T/now.$w" >> "$T/$w.$1"; done
	[ "$1" = watched ] || return 0
	query "${cost//SPAN/${TURN}s}" >> "$T/cost"
	echo "# the governor: $(sed -n 's/.*domain \([a-z]* is [a-z]* now\).*/\1/p' "$LOG" | awk '{ last[$1] = $3 } END { for (d in last) printf "%s %s, ", d, last[d] }')"
	: > "$LOG"
	stop
}
for ((i = 0; i < ROUNDS; i++)); do
	if ((i % 2)); then turn watched && turn alone; else turn alone && turn watched; fi
done

# ---- what is printed

losses() { paste "$T/$1.alone" "$T/$1.watched" | awk '$1 > 0 && $2 > 0 { print (1 - $2 / $1) * 100 }'; }
summary() { # of lines: their median, and how sure it is
	sort -g | awk '{ v[NR] = $1 } END {
		printf "%8.2f %8.2f\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2,
			(v[int(NR * 3 / 4 + 1)] - v[int(NR / 4 + 1)]) / 2 / sqrt(NR) }'
}
echo "# $ROUNDS rounds, $TURN s a turn, kernel $(uname -r), $(nproc) CPUs"
printf '%-12s %8s %8s\n' work "lost, %" "+-"
for w in $works; do printf '%-12s %s\n' "$w" "$(losses "$w" | summary)"; done
# A turn's loss is the mean of its works': what one of them loses, another may win on the same CPUs.
for w in $works; do losses "$w" > "$T/losses.$w"; done
(cd "$T" && paste losses.*) | awk '{ s = 0; for (i = 1; i <= NF; i++) s += $i; print s / NF }' > "$T/all"
printf '%-12s %s   wanted <= 2\n' "all of them" "$(summary < "$T/all")"
echo "the daemon says that it took $(summary < "$T/cost" | awk '{ print $1 * 100 }') % of one CPU"
stop
exit 0
