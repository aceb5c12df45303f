#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The disk fills, the file is damaged, another daemon has it: the daemon goes on and says what is wrong.
PORT=19643
. "$(dirname "$0")/lib.sh"
need_root
trap 'cleanup; umount -l "$DATA" 2>/dev/null; rm -rf "$T"' EXIT

health() { url /api/sg/v1/status | jq -r ".store.$1"; }
is_well() { [ "$(health ok)" = true ]; }
is_ill() { [ "$(health ok)" = false ]; }
newest() { url /api/sg/v1/status | jq .tick.t_ms; }
switches() { query sgprobe_sched_switches_total; }
has_fresh_ticks() { [ "$(newest)" -gt $(($(date +%s%3N) - 3000)) ] && [ "$(switches)" != none ]; }
outside() { "$SGPROBE" query --data-dir "$DATA" --socket "$T/none.sock" "$1"; }

# ---- a full disk
mkdir -p "$DATA"
if mount -t tmpfs -o size=24m,mode=0777 none "$DATA" 2>/dev/null; then
	printf 'store:\n  min_free_bytes: 2MiB\n  flush: 1s\n' >"$T/conf"
	start --config "$T/conf"
	until_true 30 is_ready
	ok $? "it is ready on a small disk" "$(cat "$LOG")"
	head -c 32M /dev/zero >"$DATA/ballast" 2>/dev/null
	until_true 20 is_ill
	ok $? "a full disk is noticed" "$(url /api/sg/v1/status)"
	case $(health message) in *free*) r=0 ;; *) r=1 ;; esac
	ok $r "and said in a sentence" "$(health message)"
	sleep 3 # of being full: what is asked for below was measured in this time
	ok "$(has_fresh_ticks; echo $?)" "collection and queries go on" "$(url /api/sg/v1/status)"
	before=$(switches)
	rm "$DATA/ballast"
	until_true 20 is_well
	ok $? "it writes again by itself once there is room" "$(url /api/sg/v1/status)"
	ok "$([ "$(health lost_frames)" = 0 ]; echo $?)" "no frame was lost"
	ok "$([ "$(switches)" -ge "$before" ]; echo $?)" "the counters went on"
	ok "$([ "$(health quarantined)" = "" ]; echo $?)" "a full disk is no damage"

	"$SGPROBE" daemon --data-dir "$DATA" --socket "$T/2.sock" --listen 127.0.0.1:$((PORT + 1)) >"$T/second" 2>&1 &
	second=$!
	until_true 10 grep -q "another sgprobe" "$T/second"
	ok $? "a second daemon on the same folder says so" "$(cat "$T/second")"
	kill "$second" 2>/dev/null
	wait "$second" 2>/dev/null
	stop
	umount "$DATA"
else
	skip "a full disk is noticed" "cannot mount a tmpfs"
fi

# ---- kill -9 of everything, then reading without a daemon
start
until_true 30 is_ready
sleep 2
server=$(child server) probe=$(child probe)
kill -KILL "$pid" "$server" "$probe"
wait "$pid" 2>/dev/null
pid=
case $(outside sgprobe_sched_switches_total) in *sgprobe_sched_switches_total*) r=0 ;; *) r=1 ;; esac
ok $r "what a killed daemon left is read without one" "$(outside sgprobe_sched_switches_total 2>&1)"

# ---- damage
head -c 20000 /dev/urandom >"$T/junk"
dd if="$T/junk" of="$DATA/metrics.db" conv=notrunc status=none
rm -f "$DATA"/metrics.db-wal "$DATA"/metrics.db-shm
start
until_true 30 is_ready
ok $? "it starts on a damaged file" "$(cat "$LOG")"
ok "$(ls "$DATA"/metrics.db.corrupt-* >/dev/null 2>&1; echo $?)" "which is set aside" "$(ls -la "$DATA")"
case $(health quarantined) in metrics.db.corrupt-*) r=0 ;; *) r=1 ;; esac
ok $r "and named in the status" "$(health quarantined)"
stop

# ---- a newer schema
sqlite3 "$DATA/metrics.db" 'PRAGMA user_version = 99' 2>/dev/null ||
	python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("PRAGMA user_version = 99"); c.commit()' "$DATA/metrics.db"
cp "$DATA/metrics.db" "$T/newer.db"
start
until_true 15 grep -q "schema version 99" "$LOG"
ok $? "a newer schema is refused with a sentence" "$(tail -3 "$LOG")"
stop
ok "$(cmp -s "$DATA/metrics.db" "$T/newer.db"; echo $?)" "and the file is left as it is"
plan_end
