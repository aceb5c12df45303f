#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The slowest events from the kernel to the command and to Prometheus' API: live, from the store, over
# a death of the server, and out of a recording.
PORT=19799
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
WORK=$(readlink -f "${O:-build}/tools/work-worst")
[ -x "$WORK" ] || skip_all "no $WORK: make tools"
cp "$WORK" "$T/sg-worst"
cat >"$T/c.yaml" <<Y
probe:
  budget: 0s
  worst_stacks: 1000
Y
sg() { "$SGPROBE" "$@" --socket "$SOCK" --data-dir "$DATA"; }
CALL='sgprobe_syscall_latency_seconds{syscall="nanosleep"}'
mine() { sg worst "$CALL" --last 5m --limit 1000 --json "$@" | jq -c 'select(.labels.comm == "sg-thread" and (.value | tonumber) > 0.29)'; }
is_there() { [ -n "$(mine)" ]; }
times() { mine | wc -l; }
api() { url "/api/v1/query_exemplars?query=$(jq -rn --arg q "$1" '$q | @uri')${2:-}"; }

start --config "$T/c.yaml"
check "the daemon is ready" until_true 30 is_ready
sleep 5
"$T/sg-worst" 1000 300 sg-thread >"$T/said"
read -r worst_pid tid from upto <"$T/said"
check "the slow call arrives" until_true 15 is_there
mine >"$T/mine"
check "once" test "$(wc -l <"$T/mine")" = 1
check "with process and thread" jq -e --arg p "$worst_pid" --arg t "$tid" '.labels.pid == $p and .labels.tid == $t' "$T/mine"
check "and its time" jq -e --argjson a "$from" --argjson b "$upto" '.timestamp * 1000 >= $a - 50 and .timestamp * 1000 <= $b + 50' "$T/mine"
check "and the function that slept" jq -e '.frames | index("sg_long_sleep")' "$T/mine"
sg worst "$CALL" --last 5m >"$T/text"
check "people see who it was" grep -q "sg-thread (pid $worst_pid, thread $tid)" "$T/text"
check "and its stack, innermost first" grep -A1 '^ *sg_long_sleep$' "$T/text"
check "without a metric it is one of each latency" bash -c "[ \$('$SGPROBE' worst --socket '$SOCK' --data-dir '$DATA' --last 5m --limit 100 --json | jq -r .series.__name__ | sort | uniq -d | wc -l) = 0 ]"

api "$CALL" >"$T/api"
check "the API answers as Prometheus does" jq -e '.status == "success" and (.data | length == 1) and .data[0].seriesLabels.syscall == "nanosleep" and (.data[0].exemplars | all((.value | type == "string") and (.timestamp | type == "number") and (.labels | type == "object")))' "$T/api"
check "labels of one have at most 128 characters" jq -e '[.data[].exemplars[].labels | to_entries | map((.key | length) + (.value | length)) | add // 0] | max <= 128' "$T/api"
check "selectors of an expression count" jq -e '.data[0].seriesLabels.syscall == "nanosleep"' <(api "histogram_quantile(0.99, rate(${CALL}[1m]))")
check "of each step the slowest alone" jq -e '[.data[].exemplars[] | .timestamp / 60 | ceil] | length == (unique | length)' <(api "$CALL" "&step=60")
check "another series has none of it" jq -e '[.data[].exemplars[] | select(.labels.comm == "sg-thread")] | length == 0' <(api 'sgprobe_syscall_latency_seconds{syscall="read"}')
for bad in query= "query=%7B" "query=x&start=2&end=1"; do
	check "$bad is refused" jq -e '.status == "error" and .errorType == "bad_data"' <(url "/api/v1/query_exemplars?$bad")
done

kill -9 "$(child server)"
check "the server is back" until_true 20 is_ready
check "what was there is there, once" until_true 10 test "$(times)" = 1
"$SGPROBE" record --socket "$SOCK" --data-dir "$DATA" -o "$T/r.sgf" --seconds 6 >/dev/null &
record=$!
sleep 1
"$T/sg-worst" 1000 400 sg-thread >/dev/null
wait $record
stop
check "the store answers without a daemon" test "$(times)" -ge 1
mkdir "$T/again"
"$SGPROBE" replay "$T/r.sgf" --data-dir "$T/again" --socket "$T/none" >/dev/null
check "a recording has them" bash -c "'$SGPROBE' worst '$CALL' --socket '$T/none' --data-dir '$T/again' --json | jq -e 'select(.labels.comm == \"sg-thread\" and (.value | tonumber) > 0.39)' | grep -q ."
plan_end
