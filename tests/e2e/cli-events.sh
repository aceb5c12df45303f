#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Events from the kernel to the command: from the store and live, over HTTP and the WebSocket, from the store when
# there is no daemon, in a recording, over a death of either process, and a start of the machine.
PORT=19797
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
WORK=$(readlink -f "${O:-build}/tools/work-events")
[ -x "$WORK" ] || skip_all "no $WORK: make tools"
printf '\x1b[31mevil' >"$T/name"
cp "$(readlink -f "$(type -P bash)")" "$T/$(cat "$T/name")" # a name that would colour a terminal
cat >"$T/c.yaml" <<Y
probe: {budget: 0s}
event: {stall: 1s, forks: 1000000}
Y
sg() { "$SGPROBE" "$@" --socket "$SOCK" --data-dir "$DATA"; }
events() { sg events --last 5m "$@"; } # OPTIONS
crash() { (ulimit -c 0 && exec "$T/$(cat "$T/name")" -c 'kill -SEGV $$') 2>/dev/null; }
crashes() { events --kind crash | grep -c 'evil'; }
are() { [ "$("$1")" = "$2" ] || { echo "got $("$1"), want $2"; return 1; }; } # COMMAND N
told() { events --kind "$1" | grep -q "$2"; } # KIND TEXT
new_child() { local now; now=$(child "$1") && [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$2" ] && is_ready; }

start --config "$T/c.yaml"
check "the daemon is ready" until_true 30 is_ready
crash
check "a crash arrives" until_true 10 are crashes 1
check "with what is known of it" told crash '(.*) of .* died of SIGSEGV'
check "names are escaped" bash -c "! grep -q $'\x1b' <<<'$(events)'"
events --json --kind crash >"$T/json"
check "JSON has a line for each" jq -e '.kind == "crash" and .severity == "warning" and .fields.signal == "SIGSEGV" and (.fields.pid | type == "number")' "$T/json"
check "its time is now" jq -e "(.t_ms / 1000 - $(date +%s) | fabs) < 30" "$T/json"
url "/api/v1/events?kind=crash&limit=1" >"$T/api"
check "the API answers the same" test "$(jq -c '.data.events[0]' "$T/api")" = "$(jq -c . "$T/json")"
check "over TCP too" jq -e '.status == "success"' <(curl -sS -m 10 "http://127.0.0.1:$PORT/api/v1/events")
check "an end before it has none" jq -e '.data.events == []' <(url "/api/v1/events?end=1000000000&start=999999999")
for bad in kind=x limit=0 limit=x limit=99999999 start=x "start=2&end=1"; do
	check "$bad is refused" jq -e '.status == "error" and .errorType == "bad_data"' <(url "/api/v1/events?$bad")
done
sg events --kind nonsense 2>"$T/err"
check "an unknown kind is exit status 2" test $? = 2
check "and the kinds are named" grep -q oom_kill "$T/err"
check "it is counted" until_true 5 test "$(query 'sgprobe_events_total{kind="crash"}')" = 1
check "the report has it" jq -e '.events.list | any(.kind == "crash")' <(sg report --last 5m --json)
sg report --last 5m >"$T/report"
check "its text too" grep -q 'Crash: .*died of SIGSEGV' "$T/report"

# ---- live ----
sg events --last 1s --follow >"$T/follow" 2>&1 &
follower=$!
if command -v node >/dev/null; then
	node -e '
		import("./tests/e2e/http-lib.mjs").then(async ({ Ws }) => {
			const ws = await Ws.open({ port: '$PORT' });
			for (;;) console.log(JSON.stringify(await ws.next((m) => m.type)));
		});' >"$T/feed" 2>&1 &
	feed=$!
	check "a client of the feed is welcome" until_true 5 grep -q welcome "$T/feed"
fi
"$WORK" vfork 3 # longer than event.stall
check "a stall is followed" until_true 10 grep -q 'stall_end .*work-events' "$T/follow"
check "once each" test "$(grep -c 'stall .*work-events.* is blocked' "$T/follow")" = 1
kill $follower
wait $follower 2>/dev/null
if [ -n "${feed:-}" ]; then
	check "the feed tells it too" until_true 5 grep -q '"type":"events".*"kind":"stall".*work-events' "$T/feed"
	kill $feed 2>/dev/null
	wait $feed 2>/dev/null
else
	skip "the feed tells it too" "no node"
fi

# ---- deaths: of one that sent, after all was committed, and of one that had not acknowledged ----
on_disk() { "$SGPROBE" events --socket "$T/none" --data-dir "$DATA" --last 5m --kind stall_end | grep -q work-events; }
check "what happened so far is on the disk" until_true 15 on_disk
probe=$(child probe)
kill -9 "$probe"
check "the probe process is started again" until_true 20 new_child probe "$probe"
check "which is an event" until_true 10 told restart 'probe process'
check "and so is the kill" told killed "sgprobe-probe ($probe)"
crash
check "the next one sees events" until_true 10 are crashes 2
server=$(child server)
kill -9 "$server"
check "the server process is started again" until_true 20 new_child server "$server"
check "which is an event" until_true 10 told restart 'server process'
check "no event was lost or came twice" until_true 10 are crashes 2
stop
check "all are in the store" are crashes 2
sg record -o "$T/r.sgf" --last 5m >"$T/out" 2>&1
"$SGPROBE" replay "$T/r.sgf" --data-dir "$T/replayed" >>"$T/out" 2>&1
replayed() { "$SGPROBE" events --socket "$T/none" --data-dir "$T/replayed" --last 10m --kind crash | grep -c evil; }
check "a recording keeps them" are replayed 2
if command -v sqlite3 >/dev/null; then
	sqlite3 "$DATA/state.db" "UPDATE kv SET value = 'another' WHERE key = 'host_boot_id'"
	start --config "$T/c.yaml"
	check "the daemon is ready again" until_true 30 is_ready
	check "a start of the machine is an event" until_true 10 told reboot 'was started again'
	check "the time without it is one" until_true 10 told gap 'did not run'
	stop
else
	skip "a start of the machine is an event" "no sqlite3"
fi
plan_end
