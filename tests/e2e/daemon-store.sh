#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the disk does wrong is said, and collection goes on.
PORT=19457
. "$(dirname "$0")/lib.sh"
need_root

healthy() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" http://localhost/-/healthy)" = 200 ]; }
message() { url /api/sg/v1/status | jq -r .store.message; }
store_ok() { [ "$(url /api/sg/v1/status | jq .store.ok)" = true ]; }
store_bad() { [ "$(url /api/sg/v1/status | jq .store.ok)" = false ]; }
lasts() { [ "$(query 'sgprobe_sched_switches_total')" != none ]; }

# ---- a store of a newer sgprobe
start
until_true 20 is_ready
stop
sqlite3 "$DATA/metrics.db" 'PRAGMA user_version=9999'
start
until_true 20 healthy
ok $? "a store that cannot be opened does not keep the server from running" "$(cat "$LOG")"
until_true 5 store_bad
ok "$([ -n "$(message)" ]; echo $?)" "its status says what is wrong" "$(message)"
ok "$(is_ready; [ $? != 0 ]; echo $?)" "it is not ready"
out=$(url '/api/v1/query?query=sgprobe_sched_switches_total')
ok "$(echo "$out" | jq -e '.status == "error" and (.error | length) > 10' >/dev/null; echo $?)" "a query is told why" "$out"
"$SGPROBE" status --check --socket "$SOCK" >"$T/out" 2>&1
ok $(($? != 7)) "status --check finds it" "$(cat "$T/out")"
since=$(url /api/sg/v1/status | jq .start_ms)
sleep 5 # some seconds of frames for the queue
rm -f "$DATA"/metrics.db*
until_true 15 is_ready
ok $? "once the file is gone it goes on by itself" "$(message; cat "$LOG")"
until_true 10 lasts
first=$(url /api/sg/v1/status | jq .store.oldest_ms)
ok $((first - since > 4000)) "with what the probe had kept meanwhile ($((first - since)) ms after the start)"
stop

# ---- a full disk
rm -rf "$DATA" && mkdir "$DATA"
if mount -t tmpfs -o size=4M tmpfs "$DATA" 2>/dev/null; then
	printf 'store:\n  flush: 1s\n  min_free_bytes: 8MiB\n' >"$T/full.yaml"
	start --config "$T/full.yaml"
	until_true 20 store_bad
	ok $? "a disk without room is noticed" "$(message; cat "$LOG")"
	ok "$(message | grep -qi 'free'; echo $?)" "and said" "$(message)"
	until_true 10 lasts
	ok $? "what is measured meanwhile can be asked for"
	before=$(query 'sgprobe_store_frames_total')
	mount -o remount,size=64M "$DATA"
	until_true 15 store_ok
	ok $? "with room again it is written" "$(message; cat "$LOG")"
	until_true 10 is_ready
	ok $? "and the daemon is ready"
	ok "$([ "$(url /api/sg/v1/status | jq .store.lost_frames)" = 0 ]; echo $?)" "nothing was lost"
	stop
	umount "$DATA"
else
	skip "a disk without room is noticed" "no tmpfs may be mounted here"
fi

# ---- a damaged file
rm -rf "$DATA" && mkdir "$DATA"
start
until_true 20 is_ready
stop
dd if=/dev/urandom of="$DATA/metrics.db" bs=4096 count=4 conv=notrunc 2>/dev/null
start
until_true 20 is_ready
ok $? "a damaged file does not keep the daemon from starting" "$(cat "$LOG")"
ok "$(ls "$DATA" | grep -q 'metrics.db.corrupt-'; echo $?)" "it is set aside" "$(ls "$DATA")"
ok "$([ -n "$(url /api/sg/v1/status | jq -r .store.quarantined)" ]; echo $?)" "and its place is in the status"
stop

# ---- the service manager
rm -rf "$DATA"
python3 - "$T/notify" >"$T/states" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    m = s.recv(4096).decode()
    print(m, flush=True)
    if m.startswith("STOPPING"):
        break
PY
manager=$!
until_true 5 test -S "$T/notify"
NOTIFY_SOCKET=$T/notify start
until_true 20 grep -q READY=1 "$T/states"
ok $? "the service manager hears when it is ready" "$(cat "$T/states")"
until_true 5 grep -q WATCHDOG=1 "$T/states"
ok $? "and that it lives"
stop
wait $manager
ok "$(grep -q STOPPING=1 "$T/states"; echo $?)" "and that it ends" "$(cat "$T/states")"

# ---- a user of its own
ok "$(grep -q 'no user sgprobe' "$LOG" || getent passwd sgprobe >/dev/null; echo $?)" "without the user sgprobe it says whom it uses instead"
rm -rf "$DATA"
start --user daemon
until_true 20 is_ready
ok $? "another user can be chosen"
ok "$([ "$(stat -c %U "$DATA")" = daemon ] && [ "$(ps -o user= -p "$(child server)")" = daemon ]; echo $?)" "the server and the data are that user's"
stop
start
until_true 20 is_ready
ok $? "a folder that was another user's is taken over" "$(cat "$LOG")"
ok "$([ -z "$(find "$DATA" -user daemon)" ]; echo $?)" "with its files" "$(ls -l "$DATA")"
stop
out=$("$SGPROBE" daemon --user root --data-dir "$DATA" --socket "$SOCK" --listen "127.0.0.1:$PORT" 2>&1)
ok "$(echo "$out" | grep -q 'ordinary user'; echo $?)" "root is refused as the server's user" "$out"
plan_end
