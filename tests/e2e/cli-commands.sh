#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every command: with a daemon, on its store alone, and used wrongly.
PORT=19455
. "$(dirname "$0")/lib.sh"
need_root
# Names in the store that try to speak to the terminal.
evil=$'\033[31mred'

sg() { "$SGPROBE" "$@" --socket "$SOCK" --data-dir "$DATA"; }
out() { sg "$@" 2>/dev/null; }
exits() { # STATUS ARGS...
	local want=$1
	shift
	"$SGPROBE" "$@" >"$T/out" 2>"$T/err"
	local r=$?
	[ $r = "$want" ] || { echo "status $r, not $want"; cat "$T/err"; return 1; }
}
has() { grep -qE -- "$1" "$2" || { cat "$2"; return 1; }; }
json() { jq -e "$1" "$2" >/dev/null || { head -c 500 "$2"; return 1; }; }

# ---- without a daemon and a store
commands=$("$SGPROBE" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
ok $(($(echo "$commands" | wc -w) < 12)) "help lists the commands"
bad=
for c in $commands; do
	case $c in
	help | config | metrics) ;; # topics of their own
	*) "$SGPROBE" help "$c" 2>/dev/null | grep -q "^Usage: sgprobe $c" || bad="$bad $c" ;;
	esac
	[ "$c" = help ] || "$SGPROBE" "$c" --help | grep -q "^Usage: sgprobe $c" || bad="$bad $c--help"
	grep -qE "^\.(B|BI) \"?$c" docs/man/sgprobe.1 2>/dev/null || bad="$bad man:$c"
done
ok $((${#bad})) "each has a page and a paragraph in the manual" "$bad"
bad=
for k in $(sed -n 's/^SETTING("\([^"]*\)".*/\1/p' userspace/config/settings.def); do
	grep -qF ".B ${k//-/\\-}" docs/man/sgprobe.yaml.5 || bad="$bad $k"
done
ok $((${#bad})) "each setting is in sgprobe.yaml(5)" "$bad"
"$SGPROBE" help metrics > "$T/metrics"
check "docs/METRICS.md is what the binary says (make docs)" cmp "$T/metrics" docs/METRICS.md
check "no command is a usage error" exits 2
check "a misspelt command is a usage error" exits 2 statsu
check "that suggests the right one" has "did you mean status" "$T/err"
check "a misspelt option too" exits 2 heat --onec x
check "that suggests the right one" has "did you mean --once" "$T/err"
check "a missing value is said" exits 2 heat x --last
check "a bad duration is said" exits 2 report --last 10parsecs
check "a bad setting is said" exits 2 daemon --listen nowhere
check "an unknown topic is not found" exits 4 help nothing
check "version prints one" exits 0 version
check "version --json is JSON" exits 0 version --json
check "with a version in it" json '.version and .libbpf and .kernel' "$T/out"
for c in status "query up" metrics "report" "heat sched_runqueue" top; do
	check "$c without a daemon and a store ends with status 3" exits 3 $c --socket "$SOCK" --data-dir "$T/none"
done
check "and says how to start one" has "sudo sgprobe daemon" "$T/err"
check "doctor --json is JSON" sh -c "\"$SGPROBE\" doctor --socket $SOCK --json --config /dev/null | jq -e '.checks | length > 10'"
hooks() { "$SGPROBE" doctor --socket "$SOCK" --json --config /dev/null | jq -e "$1"; }
check "doctor tries every hook" hooks '.asked == "kernel" and ([.hooks[] | select(.state == "taken" and .variant != "")] | length > 60)'
check "and has a reason for each that is not taken" hooks '[.hooks[] | select(.state != "taken" and .reason == "")] | length == 0'
check "and says what to set for one that is off" hooks '[.hooks[] | select(.domain == "timer")] | all(.state == "off" and .variant != "" and .cure == "probe.timer: true in the configuration")'

# ---- with a daemon
start
until_true 30 is_ready
ok $? "the daemon is ready" "$(cat "$LOG")"
hooks_of_daemon() { hooks '.asked == "daemon" and ([.hooks[] | select(.domain == "sched" and .state == "taken")] | length > 4)'; }
until_true 20 hooks_of_daemon
ok $? "doctor asks a daemon that runs"
cp /bin/sleep "$T/$evil"
"$T/$evil" 1000 &
evil_pid=$!
has_data() { [ "$(url /api/sg/v1/status | jq '.tick.t_ms - .store.oldest_ms')" -ge 5000 ]; }
until_true 20 has_data
ok $? "there are five seconds of data"
sg status >"$T/out" 2>"$T/err"
ok $? "status works"
check "and says that all is well" has "is well" "$T/out"
check "status --check agrees" exits 0 status --check --socket "$SOCK"
sg status --json >"$T/out"
check "status --json is the daemon's document" json '.processes.probe.pid > 1 and .store.ok and (.probes | length) >= 3' "$T/out"
sg probes >"$T/out"
check "probes lists what is measured" has "sgprobe_tcp_rtt_seconds" "$T/out"
check "and which probe is on" has "^sched .*: on" "$T/out"
sg probes --json >"$T/out"
check "probes --json has both" json '(.metrics | length) > 30 and (.probes | length) >= 3' "$T/out"
sg query 'rate(sgprobe_sched_switches_total[3s])' >"$T/out"
check "query prints a value" has "^ *[0-9.]+$" "$T/out"
sg query 'sgprobe_sched_switches_total' --from -3s --step 1s >"$T/out"
ok $(($(grep -cE '^[0-9-]+ [0-9:]+  sgprobe_sched_switches_total +[0-9]+$' "$T/out") < 2)) "query over a range prints a line per step" "$(cat "$T/out")"
sg query --json 'sgprobe_sched_runqueue_latency_seconds' >"$T/out"
check "query --json is Prometheus'" json '.resultType == "vector" and .result[0].histogram[1].buckets' "$T/out"
check "a bad expression is a usage error" exits 2 query 'rate(' --socket "$SOCK"
check "with the place of the error" has "parse error" "$T/err"
sg top --once >"$T/out"
check "top --once shows the host" has "^Run-queue latency" "$T/out"
check "and who it was" has "PROGRAM" "$T/out"
sg top --once --by cgroup >"$T/out"
check "or which cgroup" has "CGROUP" "$T/out"
sg heat sched_runqueue --once >"$T/out"
check "heat draws" has "p99" "$T/out"
sg heat sched_runqueue --json >"$T/out"
check "heat --json has columns" json '.columns | length > 0' "$T/out"
check "an ambiguous probe is a usage error" exits 2 heat tcp_ --socket "$SOCK"
check "an unknown probe is not found" exits 4 heat nonsense --socket "$SOCK"
check "and the answer names those there are" has "sgprobe_sched_runqueue_latency_seconds" "$T/err"
check "a counter is no heat map" exits 2 heat 'sgprobe_sched_switches_total{}' --socket "$SOCK"
sg report --last 1m >"$T/out" 2>"$T/err"
ok $? "report works" "$(cat "$T/err")"
sg report --last 1m --json >"$T/out"
check "report --json is JSON" json 'type == "object"' "$T/out"
sg query 'sgprobe_comm_sched_oncpu_seconds' >"$T/out"
sg top --once >>"$T/out"
sg status >>"$T/out"
ok "$(grep -q $'\033' "$T/out"; [ $? = 1 ]; echo $?)" "a process name cannot speak to the terminal"
kill $evil_pid
sg query 'sgprobe_syscall_calls_total' | head -n 1 >/dev/null
ok $((${PIPESTATUS[0]} != 0)) "a reader that goes away is no error"

# ---- recordings
sg record -o "$T/r.sgf" --seconds 3 2>"$T/err"
ok $? "record works" "$(cat "$T/err")"
"$SGPROBE" replay "$T/r.sgf" --json >"$T/out"
ok $? "replay finds it whole"
check "with frames of at least two seconds" json '.frames >= 4 and .events > 0' "$T/out"
"$SGPROBE" replay "$T/r.sgf" --print >"$T/out"
check "replay --print shows samples" has "^sgprobe_sched_switches_total [0-9]" "$T/out"
head -c 30000 "$T/r.sgf" >"$T/cut.sgf"
check "a recording that is cut off is said" exits 7 replay "$T/cut.sgf"
printf 'XXXXXXXX' | dd of="$T/cut.sgf" bs=1 seek=9000 conv=notrunc 2>/dev/null
check "a damaged one too" exits 7 replay "$T/cut.sgf"
check "a file that is none is said" exits 7 replay /bin/sh
check "a missing file is not found" exits 4 replay "$T/missing"
"$SGPROBE" replay "$T/r.sgf" --data-dir "$T/copy" >"$T/out" 2>"$T/err"
ok $? "replay fills a store" "$(cat "$T/err")"
"$SGPROBE" query 'sgprobe_sched_switches_total' --data-dir "$T/copy" --socket "$T/none.sock" >"$T/out" 2>"$T/err"
check "that can be asked" has "sgprobe_sched_switches_total +[0-9]+" "$T/out"

# ---- on the store alone
stop
sg status >"$T/out" 2>"$T/err"
ok $(($? != 3)) "status without a daemon ends with status 3" "$(cat "$T/out" "$T/err")"
check "and says what the store holds" has "not running" "$T/out"
check "query reads the store" sg query 'sgprobe_sched_switches_total'
sg report --last 1m >"$T/out" 2>"$T/err"
ok $? "report reads the store" "$(cat "$T/err")"
sg heat sched_runqueue --once >"$T/out"
check "heat reads the store" has "p99" "$T/out"
sg top --once >"$T/out"
check "top reads the store" has "^Run-queue latency" "$T/out"
sg record -o "$T/past.sgf" --last 1m 2>"$T/err"
ok $? "record takes what is stored" "$(cat "$T/err")"
check "and it is whole" "$SGPROBE" replay "$T/past.sgf"

# ---- the dashboard on a recording
"$SGPROBE" replay "$T/past.sgf" --serve --listen "127.0.0.1:$PORT" >"$T/out" 2>"$T/err" &
serve=$!
until_true 10 curl -sf -m 2 "http://127.0.0.1:$PORT/-/ready"
ok $? "replay --serve shows it" "$(cat "$T/err")"
got=$(curl -s "http://127.0.0.1:$PORT/api/v1/query?query=sgprobe_sched_switches_total&time=$(jq -n "$(curl -s "http://127.0.0.1:$PORT/api/sg/v1/status" | jq .store.newest_ms) / 1000")" | jq '.data.result | length')
ok $((got != 1)) "with its data" "$got"
kill -TERM $serve
wait $serve
ok $? "and ends with status 0"
ok "$(ls -d /tmp/sgprobe-replay-* >/dev/null 2>&1; [ $? != 0 ]; echo $?)" "its folder is gone" "$(ls -d /tmp/sgprobe-replay-*/* 2>/dev/null)"
plan_end
