#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Real faults, and whether diff and explain name them: busy loops in one cgroup, system calls that begin to wait in
# another. Notes, forecasts, and what is refused. From the daemon, and from the store without one.
PORT=19811
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
cp "$(readlink -f "$(type -P bash)")" "$T/waiter" # a command that nobody else has
mkfifo "$T/fifo"
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
top=sgprobe-e2e-$$
[ -n "$cg" ] && mkdir -p "$cg/$top/hog" "$cg/$top/waits" 2>/dev/null || skip_all "no writable cgroup2"
jobs_end() {
	for job in $(jobs -p); do
		[ "$job" = "$pid" ] || kill "$job" 2>/dev/null
	done
}
away() {
	jobs_end
	cleanup
	until_true 5 rmdir "$cg/$top/hog" "$cg/$top/waits" "$cg/$top"
}
trap away EXIT
cat >"$T/c.yaml" <<Y
probe: {budget: 0s, tcp: false, service: false, net: false, udp: false, dns: false, irq: false, lock: false, iouring: false, mem: false, fault: false, fs: false, process: false, profile: false, worst: false}
Y
sg() { "$SGPROBE" "$@" --socket "$SOCK" --data-dir "$DATA"; }
in_cgroup() { # NAME COMMAND...
	local name=$1
	shift
	(echo "$BASHPID" >"$cg/$top/$name/cgroup.procs" && exec "$@") &
}
old() { # SECONDS: ticks that there are since $t0
	[ "$(query "count_over_time(sgprobe_cpu_online[5m])")" -ge "$1" ]
}
first() { # FILE DIMENSION: who is first
	jq -r --arg d "$2" '.dimensions[] | select(.dimension == $d).parts[0].value' "$1"
}
sums() { # FILE MEASURE: of each dimension the shares add up to 1
	jq -e --arg m "$2" '[.dimensions[] | ([.parts[].share[$m]] | add) + .others.share[$m]] | all(. > 0.999 and . < 1.001)' "$1"
}

start --config "$T/c.yaml"
check "the daemon is ready" until_true 30 is_ready
check "there is a past to compare with" until_true 30 old 10
sg annotate "shop 2.4.1" --kind deploy
check "a deploy can be noted" test $? = 0
mark=$(date +%s%3N)
for i in 1 2 3 4 5 6 7 8; do in_cgroup hog bash -c 'while :; do :; done'; done
for i in 1 2 3 4 5 6 7 8; do in_cgroup waits "$T/waiter" -c "exec 9<>$T/fifo; while :; do read -rt 0.05 -u 9; done"; done
sleep 9.5 # what is compared needs its time
sg explain sched_runqueue_latency --mark deploy --last 9s --json >"$T/run"
check "explain answers" jq -e '.dimensions | length == 2' "$T/run"
check "busy loops: their cgroup is named first" grep -q "/$top/hog\$" <(first "$T/run" cgroup)
for m in time mean quantile above; do check "shares of $m add up" sums "$T/run" $m; done
sg explain 'syscall_latency{syscall!="futex"}' --mark "$((mark / 1000))" --last 9s --by quantile --q 0.5 --json >"$T/calls"
check "calls of another kind are seen in the median" jq -e '.by == "quantile" and .q == 0.5' "$T/calls"
sg explain syscall_latency --mark deploy --last 9s --by above --threshold 20ms --json >"$T/above"
check "waits above 20 ms: the call is named first" grep -qE '^p?select6?$' <(first "$T/above" syscall)
check "the command, too" test "$(first "$T/above" comm)" = waiter
check "and its cgroup" grep -q "/$top/waits\$" <(first "$T/above" cgroup)
check "these shares add up" sums "$T/above" above
sg diff --mark deploy --last 9s --limit 1000 --json >"$T/diff"
check "diff has it among what it compared" jq -e '.changes | any(.name == "sgprobe_syscall_calls_total" and (.labels.syscall | test("^p?select6?$")))' "$T/diff"
check "what is called changed is sure and large" jq -e '[.changes[] | select(.significant)] | all(.q <= 0.01 and .distance > 0.32)' "$T/diff"
check "the largest first" jq -e '[.changes[].significant] | . == (sort | reverse)' "$T/diff"
check "with the deploy between its windows" jq -e "(.windows[0].to_ms - $mark | fabs) < 2000 and .windows[0].to_ms == .windows[1].from_ms" "$T/diff"
sg explain sched_runqueue_latency --mark deploy --last 9s >"$T/text"
check "its text has a table of shares" grep -Eq '^ +[0-9.]+% #+ +\+.*hog' "$T/text"
sg diff --mark deploy --last 9s >"$T/text"
check "diff says of how many" grep -q ' of [0-9]* series that were tested changed' "$T/text"
jobs_end
check "the API answers the same" jq -e '.changes' <(url "/api/sg/v1/diff?mark=deploy&from=$((mark - 9000))&to=$((mark + 9000))")

# ---- notes ----
sg events --kind deploy --last 5m --json >"$T/events"
check "the deploy is an event, with who noted it" jq -e '.fields.note == "shop 2.4.1" and .fields.uid == 0' "$T/events"
sg annotate "earlier" --at -1m
check "one of the past has its time" until_true 5 bash -c "'$SGPROBE' events --socket '$SOCK' --kind annotation --last 5m --json | jq -e '(.t_ms / 1000 - $(date +%s) + 60 | fabs) < 5'"
check "not over TCP" test "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$PORT/api/sg/v1/annotate?text=x")" = 405
for bad in "" "text=" "text=a%0Ab" "text=x&kind=oom_kill" "text=x&at=99999999999999" "text=%ff" "text=$(printf '%300s' | tr ' ' x)"; do
	check "a note '${bad:0:24}' is refused" jq -e '.errorType == "bad_data"' <(curl -s -X POST --unix-socket "$SOCK" "http://localhost/api/sg/v1/annotate?$bad")
done

# ---- forecasts ----
# Each resource has values enough: some are seconds later than others.
is_forecast() { sg forecast --json >"$T/all" && jq -e '.resources | length > 5 and all(.points == null or (.points | length > 3))' "$T/all" >"$T/is" 2>&1; }
until_true 60 is_forecast
sg forecast --json >"$T/all"
check "what can run out is forecast" jq -e '[.resources[].name] | contains(["memory", "cpu", "pids", "file_handles", "disk"])' "$T/all"
check "with its limit and its error" jq -e '.resources | all(.limit >= 0 and (.backtest | has("mase") and has("coverage")))' "$T/all"
sg forecast sgprobe_memory_available_bytes --cross 1EiB --json >"$T/err" 2>&1
check "a size that is none is refused" test $? = 2
sg forecast sgprobe_memory_available_bytes --cross 64MiB --json >"$T/one"
check "one expression, with points and trend" jq -e '.series[0] | (.points | length > 3) and .cross.value == 67108864 and (.trends | length > 0)' "$T/one"
sg forecast >"$T/text"
check "its text is a table" grep -q '^Memory .* MiB\|^Memory .* GiB' "$T/text"

# ---- what is refused ----
for bad in "explain?metric=x" "explain?metric=sgprobe_nothing" "explain?metric=sgprobe_load" "explain?metric=sgprobe_sched_runqueue_latency_seconds&by=x" \
	"explain?metric=sgprobe_sched_runqueue_latency_seconds&q=1" "diff?from=1&to=2" "diff?mark=nonsense" "diff?ago=-1" "diff?limit=0" \
	"forecast?query=sum(" "forecast?query=sgprobe_load&cross=x" "forecast?from=5&to=1" "diff?base_from=1&base_to=9999999999999999"; do
	check "$bad is refused" jq -e '.status == "error" and (.errorType | IN("bad_data", "not_found"))' <(url "/api/sg/v1/$bad")
done
sg explain nonsense_metric 2>"$T/err"
check "an unknown metric is not found" test $? = 4
sg explain sched_runqueue_latency --by x 2>"$T/err"
check "an unknown measure is a usage error" test $? = 2

# ---- from the store ----
stop
sg explain sched_runqueue_latency --mark deploy --last 9s --json >"$T/store"
check "without a daemon the store tells the same" test "$(first "$T/store" cgroup)" = "$(first "$T/run" cgroup)"
sg diff --mark deploy --last 9s --json >"$T/store"
check "diff too" jq -e '.tested > 100' "$T/store"
sg forecast --json >"$T/store"
check "forecast too" jq -e '.resources | length > 4' "$T/store"
sg annotate x 2>"$T/err"
check "a note needs the daemon" test $? = 3
plan_end
