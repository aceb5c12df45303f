#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kill -9 of the probe process: its programs stay attached and count on, the next process goes on
# where it stopped, and what is handed over is dropped when it is what the probe dies of.
PORT=19458
. "$(dirname "$0")/lib.sh"
need_root
GETPPID=$(readlink -f "$(dirname "$0")/../../${O:-build}/tools/work-getppid")

# Programs, links and maps of a process, by its descriptors: other daemons may run here too.
bpf_of() {
	cat /proc/"$1"/fdinfo/* 2>/dev/null |
		awk '/^prog_id:/ { print "prog", $2 } /^map_id:/ { print "map", $2 } /^link_id:/ { print "link", $2 }' | sort -u
}
attached() { bpf_of "$1" | grep -E '^(prog|link)'; }
still_there() { # kind and id a line on stdin
	local kind id
	while read -r kind id; do
		bpftool "$kind" show id "$id" >/dev/null 2>&1 && echo "$kind $id"
	done
}
# A system call that nobody else makes, so that its count is ours alone.
calls() { # N
	python3 -c 'import os, sys
for _ in range(int(sys.argv[1])): os.sched_rr_get_interval(0)' "$1"
}
total() { query "sgprobe_syscall_calls_total{syscall=\"${1:-sched_rr_get_interval}\"}"; }
reaches() { [ "$(total)" = "$want" ]; }
newest() { url /api/sg/v1/status | jq .tick.t_ms; }
newer() { [ "$(newest 2>/dev/null)" -gt "$1" ] 2>/dev/null; }
gaps() { url "/api/sg/v1/gaps?from=$1&to=$2" | jq -c .gaps; }
# How many of the seconds in (FROM, TO] have a sample of the kernel's own counting.
seconds_of() { # FROM_MS TO_MS
	curl -sS -m 10 --unix-socket "$SOCK" -G http://localhost/api/v1/query \
		--data-urlencode "query=sgprobe_sched_switches_total[$((($2 - $1) / 1000))s]" --data "time=$(($2 / 1000))" |
		jq '.data.result[0].values | length'
}
other_probe() { local p; p=$(child probe 2>/dev/null) && [ -n "$p" ] && [ "$p" != 0 ] && [ "$p" != "$1" ]; }
# Sleeps until so many milliseconds into a second: for a kill between two ticks.
until_ms() { sleep "$(awk -v n="$(date +%s%N)" -v w="$1" 'BEGIN { ms = n / 1e6; d = w - ms % 1000; printf "%.3f", (d < 0 ? d + 1000 : d) / 1000 }')"; }
kill_probe() { # waits until another one has sent a frame
	local probe t
	probe=$(child probe)
	kill -KILL "$probe"
	until_true 20 other_probe "$probe" || return 1
	t=$(date +%s%3N)
	until_true 15 newer "$t"
}

# Samples of the CPUs are a process' own: they end with it, and the next one begins anew.
printf 'probe:\n  profile: false\n' >"$T/config"

want=0
start --config "$T/config"
until_true 30 is_ready
ok $? "it is ready" "$(cat "$LOG")"
until_true 10 newer "$(date +%s%3N)"
probe=$(child probe)
attached "$probe" >"$T/first"
ok $(($(wc -l <"$T/first") < 10)) "programs are attached ($(wc -l <"$T/first") programs and links)"
ok "$([ "$(attached "$pid")" = "$(cat "$T/first")" ]; echo $?)" "the supervisor holds them too" "$(attached "$pid" | diff - "$T/first")"
ok "$([ -z "$(bpf_of "$(child server)")" ]; echo $?)" "the server process holds none"

# ---- between two ticks, under load
calls 400000 &
load=$!
sleep 1.2
from=$(newest)
until_ms 500
kill_probe
ok $? "a killed probe process is started again and goes on"
ok "$([ "$(attached "$(child probe)")" = "$(cat "$T/first")" ]; echo $?)" "the same programs and links are attached" \
	"$(attached "$(child probe)" | diff - "$T/first")"
wait $load
want=$((want + 400000))
until_true 15 reaches
ok $? "of what was counted meanwhile nothing is lost" "wanted $want, got $(total)"
until_true 10 newer $((from + 5000))
to=$(newest)
got=$(seconds_of "$from" "$to")
ok $(((to - from) / 1000 - got > 1)) "at most one second has no sample: $got of $(((to - from) / 1000)) have"
ok "$([ "$(gaps "$from" "$to" | jq length)" = 1 ]; echo $?)" "one gap is marked" "$(gaps "$from" "$to")"
ms=$(gaps "$from" "$to" | jq '.[0].to_ms - .[0].from_ms')
ok $((ms > 1000)) "of one second at most ($ms ms)" "$(gaps "$from" "$to")"

# ---- counting is exact after it; others may call getppid too: a second before and one after show it
settled() { until_true 10 newer $(($(date +%s%3N) + 1000)); }
quiet=
for _ in $(seq 15); do
	settled && before=$(total getppid)
	settled && [ "$(total getppid)" = "$before" ] || continue
	"$GETPPID" 12345 >/dev/null
	settled && got=$(($(total getppid) - before))
	settled && [ $(($(total getppid) - before)) = $got ] && quiet=1
	[ -z "$quiet" ] || [ $got != 12345 ] || break
done
if [ -n "$quiet" ]; then
	ok $((got != 12345)) "getppid is counted to the unit after it ($got of 12345)"
else
	skip "getppid is counted to the unit after it" "others call it all the time"
fi

# ---- while it reads, when that is worst: at most that second is lost
want=$(total)
sleep 10 # what it took over is trusted again
from=$(newest)
until_ms 2
kill_probe
ok $? "killed at a tick it goes on too"
until_true 10 newer $((from + 4000))
to=$(newest)
got=$(seconds_of "$from" "$to")
ok $(((to - from) / 1000 - got > 1)) "at most one second has no sample: $got of $(((to - from) / 1000)) have" "$(gaps "$from" "$to")"
ok "$([ "$(gaps "$from" "$to" | jq length)" = 1 ]; echo $?)" "one gap is marked" "$(gaps "$from" "$to")"
want=$((want + 20000))
calls 20000
until_true 10 reaches
ok $? "and counts exactly from there" "wanted $want, got $(total)"

# ---- the server process never gets any of it
server=$(child server)
kill -KILL "$server"
other_server() { local p; p=$(child server 2>/dev/null) && [ -n "$p" ] && [ "$p" != 0 ] && [ "$p" != "$server" ]; }
until_true 10 other_server
ok $? "the server process is started again"
ok "$([ -z "$(bpf_of "$(child server)")" ]; echo $?)" "and holds nothing of the probe's" "$(bpf_of "$(child server)")"

# ---- twice in a row right after it took over: the third one starts afresh
sleep 10
kill_probe
kill_probe
ok "$([ "$(attached "$(child probe)")" = "$(cat "$T/first")" ]; echo $?)" "after one early death it is tried once more"
kill_probe
ok $? "after two it still comes back"
attached "$(child probe)" >"$T/fresh"
ok "$([ -s "$T/fresh" ] && [ -z "$(comm -12 "$T/first" "$T/fresh")" ]; echo $?)" "with everything loaded anew" "$(comm -12 "$T/first" "$T/fresh")"
left() { [ -z "$(still_there <"$T/first")" ]; }
until_true 10 left
ok $? "and nothing of the old is left" "$(still_there <"$T/first")"
ok "$([ "$(attached "$pid")" = "$(cat "$T/fresh")" ]; echo $?)" "the supervisor holds the new ones"
want=$(($(total) + 20000))
calls 20000
until_true 10 reaches
ok $? "which count exactly" "wanted $want, got $(total)"
check "the log says why" grep -q "loads everything anew" "$LOG"

# ---- killed while it stands: what came meanwhile is in one frame
want=$(($(total) + 50000))
probe=$(child probe)
until_ms 500
kill -STOP "$probe"
calls 50000
kill -KILL "$probe"
until_true 20 other_probe "$probe"
until_true 10 reaches
ok $? "killed while it is stopped, nothing is lost either" "wanted $want, got $(total)"

# ---- the end
probe=$(child probe)
{ bpf_of "$pid"; bpf_of "$probe"; } | sort -u >"$T/ids"
ok $(($(wc -l <"$T/ids") < 20)) "it has programs, maps and links ($(wc -l <"$T/ids"))"
kill -TERM "$pid"
wait "$pid"
ok $? "SIGTERM ends it with status 0"
pid=
left() { [ -z "$(still_there <"$T/ids")" ]; }
until_true 10 left
ok $? "no program, map or link is left" "$(still_there <"$T/ids")"
plan_end
