#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The daemon starts, says what is wrong when it cannot, and leaves nothing behind.
PORT=19451
. "$(dirname "$0")/lib.sh"
need_root

ours() { # programs, maps and links that are loaded now
	for k in prog map link; do
		bpftool -j $k show 2>/dev/null | jq -r ".[] | \"$k \(.id) \(.name // \"\")\""
	done | sort
}
# What this daemon's own processes hold, by their descriptors: other daemons may run here too.
bpf_ids() {
	local p
	for p in "$@"; do
		cat /proc/"$p"/fdinfo/* 2>/dev/null
	done | awk '/^prog_id:/ { print "prog", $2 } /^map_id:/ { print "map", $2 } /^link_id:/ { print "link", $2 }' | sort -u
}
still_there() { # kind and id a line on stdin
	local kind id
	while read -r kind id; do
		bpftool "$kind" show id "$id" >/dev/null 2>&1 && echo "$kind $id"
	done
}

su_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
out=$(su_nobody "$SGPROBE" daemon --data-dir "$DATA" --socket "$SOCK" --listen "127.0.0.1:$PORT" 2>&1)
r=$?
ok $((r != 5)) "without root it ends with status 5" "$r: $out"
ok "$(echo "$out" | grep -q 'sudo sgprobe daemon'; echo $?)" "and says what to type" "$out"

begin=$(date +%s%3N)
start
until_true 30 is_ready
ok $? "it is ready" "$(cat "$LOG")"
took=$(($(date +%s%3N) - begin))
ok $((took > 10000)) "within ten seconds ($took ms)"
check "it prints its address" grep -q "http://127.0.0.1:$PORT/" "$LOG"

probe=$(child probe) server=$(child server)
ok "$([ "$(ps -o comm= -p "$probe")" = sgprobe-probe ]; echo $?)" "the probe process has its name"
ok "$([ "$(ps -o args= -p "$server")" = 'sgprobe: server' ]; echo $?)" "ps shows the server's title" "$(ps -o args= -p "$server")"
uid=$(awk '/^Uid:/ { print $2 }' /proc/"$server"/status)
ok $((uid == 0)) "the server process is an ordinary user ($uid)"
caps=$(awk '/^Cap(Eff|Prm|Inh|Amb|Bnd):/ { s = s $2 } END { print s }' /proc/"$server"/status)
ok "$([ -z "${caps//0/}" ]; echo $?)" "without any capability, also in its bounding set" "$caps"
check "under seccomp" grep -q '^Seccomp:.*2' /proc/"$server"/status
check "the probe process too" grep -q '^Seccomp:.*2' /proc/"$probe"/status
check "which cannot gain privileges" grep -q '^NoNewPrivs:.*1' /proc/"$server"/status
net=$(ls -l /proc/"$probe"/fd | grep -c 'socket:')
ok "$([ "$(ss -Hxp 2>/dev/null | grep -c "pid=$probe,")" -ge 1 ] && [ -z "$(ss -Htunap 2>/dev/null | grep "pid=$probe,")" ]; echo $?)" \
	"the probe process has no network socket" "$net sockets"
mode=$(stat -c %a "$DATA")
ok "$([ "$mode" = 750 ]; echo $?)" "the data folder is not for everyone ($mode)"
ok "$([ -z "$(find "$DATA" -type f -perm /077)" ]; echo $?)" "nor are the files in it" "$(ls -l "$DATA")"

out=$("$SGPROBE" daemon --data-dir "$DATA" --socket "$T/2.sock" --listen "127.0.0.1:19452" 2>&1)
r=$?
ok $((r != 1)) "a second daemon on the same data ends with status 1" "$r: $out"
ok "$(echo "$out" | grep -q "pid $pid"; echo $?)" "and names the first one's pid" "$out"
is_ready
ok $? "the first one goes on"
out=$("$SGPROBE" daemon --data-dir "$T/other" --socket "$T/2.sock" --listen "127.0.0.1:$PORT" 2>&1)
r=$?
ok $((r != 1)) "a port that is taken is said" "$r: $out"
out=$("$SGPROBE" daemon --data-dir "$T/other" --socket "$T/2.sock" --listen 0.0.0.0:19452 2>&1)
ok "$(echo "$out" | grep -q insecure_listen; echo $?)" "an address that others reach is refused" "$out"

bpf_ids "$pid" "$probe" "$server" >"$T/ids"
ok $(($(wc -l <"$T/ids") < 10)) "it has programs, maps and links ($(wc -l <"$T/ids"))"
begin=$(date +%s%3N)
kill -TERM "$pid"
wait "$pid"
r=$?
took=$(($(date +%s%3N) - begin))
pid=
ok $r "SIGTERM ends it with status 0"
ok $((took >= 2000)) "in less than two seconds ($took ms)"
gone() { ! kill -0 "$probe" 2>/dev/null && ! kill -0 "$server" 2>/dev/null; }
until_true 3 gone
ok $? "no process is left"
left() { [ -z "$(still_there <"$T/ids")" ]; }
until_true 5 left
ok $? "no program, map or link is left" "$(still_there <"$T/ids")"
ok "$([ ! -e "$SOCK" ]; echo $?)" "the socket is gone"
ok "$([ "$(ls "$T" | tr '\n' ' ')" = "data ids log other " ]; echo $?)" "nothing else was written" "$(ls "$T")"

start
until_true 30 is_ready
ok $? "it starts again on what it left"
probe=$(child probe) server=$(child server)
bpf_ids "$pid" "$probe" "$server" >"$T/ids"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
pid=
until_true 5 gone
ok $? "kill -9 of the supervisor ends both processes"
until_true 5 left
ok $? "and leaves no program, map or link" "$(still_there <"$T/ids")"
start
until_true 30 is_ready
ok $? "the next start replaces the dead one's socket"
kill -INT "$pid"
wait "$pid"
ok $? "SIGINT ends it with status 0"
pid=
plan_end
