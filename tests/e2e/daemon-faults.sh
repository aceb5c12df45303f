#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Either process dies or is stopped under load: no count is lost.
PORT=19453
. "$(dirname "$0")/lib.sh"
need_root

# A system call that nobody else makes, so that its count is ours alone.
calls() { # N
	python3 -c 'import os, sys
for _ in range(int(sys.argv[1])): os.sched_get_priority_max(0)' "$1"
}
total() { query 'sgprobe_syscall_calls_total{syscall="sched_get_priority_max"}'; }
reaches() { [ "$(total)" = "$1" ]; }
counts() { # N NAME: makes N calls and waits until they are seen, and not more
	want=$((want + $1))
	calls "$1"
	until_true 10 reaches $want
	ok $? "$2" "wanted $want, got $(total)"
}
# How many of the seconds (FROM, TO] have a sample of the probe; per millisecond arguments.
seconds_of() { # SERIES FROM_MS TO_MS
	curl -sS -m 10 --unix-socket "$SOCK" -G http://localhost/api/sg/v1/heat --data-urlencode "match=$1" \
		--data "from=$2&to=$3&step=1000" | jq '.columns | length'
}
ticks() { # FROM_MS TO_MS
	curl -sS -m 10 --unix-socket "$SOCK" -G http://localhost/api/v1/query \
		--data-urlencode "query=sgprobe_sched_switches_total[$((($2 - $1) / 1000))s]" --data "time=$(($2 / 1000))" |
		jq '.data.result[0].values | length'
}
newest() { url /api/sg/v1/status | jq .tick.t_ms; }
newer() { [ "$(newest 2>/dev/null)" -gt "$1" ] 2>/dev/null; }
other_pid() { local p; p=$(child "$1" 2>/dev/null) && [ -n "$p" ] && [ "$p" != 0 ] && [ "$p" != "$2" ]; }
gaps() { url "/api/sg/v1/gaps?from=$1&to=$2" | jq -c .gaps; }

want=0
start
until_true 30 is_ready
ok $? "it is ready" "$(cat "$LOG")"
counts 20000 "calls are counted exactly"
from=$(newest)

# ---- the server dies
server=$(child server)
calls 150000 &
load=$!
sleep 0.3
kill -KILL "$server"
until_true 10 other_pid server "$server"
ok $? "a killed server process is started again"
wait $load
want=$((want + 150000))
until_true 15 reaches $want
ok $? "kill -9 of the server loses no count" "wanted $want, got $(total)"
until_true 10 newer $((from + 5000))
to=$(newest)
got=$(ticks "$from" "$to")
ok $((got != (to - from) / 1000)) "and no second: $got of $(((to - from) / 1000))" "$(gaps "$from" "$to")"
ok "$([ "$(gaps "$from" "$to")" = '[]' ]; echo $?)" "no gap is marked" "$(gaps "$from" "$to")"
ok "$([ "$(url /api/sg/v1/status | jq .processes.server.restarts)" = 1 ]; echo $?)" "the restart is counted"

# ---- the server dies again and again
for _ in 1 2 3; do
	server=$(child server)
	kill -KILL "$server"
	until_true 10 other_pid server "$server" || break
	until_true 10 is_ready || break
done
counts 30000 "three more deaths lose nothing"

# ---- the probe dies
from=$(newest)
probe=$(child probe)
kill -KILL "$probe"
until_true 20 other_pid probe "$probe"
ok $? "a killed probe process is started again"
until_true 15 newer $((from + 2000))
ok $? "and frames come again"
to=$(newest)
ok "$([ "$(gaps "$from" "$to" | jq 'length')" = 1 ]; echo $?)" "the time that it did not watch is one gap" "$(gaps "$from" "$to")"
ok "$([ "$(gaps "$from" "$to" | jq -r '.[0].reason')" = "probe restarted" ]; echo $?)" "which says why" "$(gaps "$from" "$to")"
ms=$(gaps "$from" "$to" | jq '.[0].to_ms - .[0].from_ms')
ok $((ms > 2000)) "it is short ($ms ms)"
want=$(total)
counts 20000 "counting goes on from what was there"
ok "$([ "$(query sgprobe_sched_switches_total "$((from / 1000))")" != none ]; echo $?)" "the past is still served"

# ---- either is stopped
stopped() { # probe|server
	local victim
	victim=$(child "$1")
	kill -STOP "$victim"
	calls 100000
	sleep 5
	calls 100000
	kill -CONT "$victim"
	want=$((want + 200000))
	until_true 15 reaches $want
	ok $? "SIGSTOP of the $1 for 5 s loses no count" "wanted $want, got $(total)"
	ok "$([ "$(child "$1")" = "$victim" ]; echo $?)" "and the stopped $1 is not restarted"
}
from=$(newest)
stopped server
to=$(newest)
ok "$([ "$(gaps "$from" "$to")" = '[]' ]; echo $?)" "no gap while the server stood" "$(gaps "$from" "$to")"
stopped probe
sum=$(url /api/sg/v1/status | jq .store.lost_frames)
ok "$([ "$sum" = 0 ]; echo $?)" "the store lost no frame"
ok "$([ "$(query 'sum(sgprobe_dropped_total{reason="link_queue_full"})')" != 1 ]; echo $?)" "the queue between them never ran over"

# ---- the whole daemon ends in the middle of it and starts again
before=$(total)
begin=$(date +%s%3N)
stop
ok $(($(date +%s%3N) - begin >= 2000)) "it ends in less than two seconds under load"
start
until_true 30 is_ready
same() { [ "$(total)" = "$before" ]; }
until_true 5 same
ok $? "a restart of the daemon keeps what was counted" "before $before, after $(total)"
until_true 10 newer "$begin"
ok "$([ "$(gaps $((begin - 3000)) "$(date +%s%3N)" | jq -r '[.[].reason] | join(",")')" = "sgprobe did not run" ]; echo $?)" \
	"and marks the time between" "$(gaps $((begin - 3000)) "$(date +%s%3N)")"
stop
plan_end
