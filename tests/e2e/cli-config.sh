#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Settings: checked, shown with where they come from, compared with a daemon that runs, and read again by it.
PORT=19481
. "$(dirname "$0")/lib.sh"
need_root
has() { grep -qE -- "$1" "$2" || { cat "$2"; return 1; }; }
json() { jq -e "$1" "$2" >/dev/null || { head -c 500 "$2"; return 1; }; }
exits() { # STATUS ARGS...
	local want=$1
	shift
	"$SGPROBE" "$@" >"$T/out" 2>"$T/err"
	local r=$?
	[ $r = "$want" ] || { echo "status $r, not $want"; cat "$T/out" "$T/err"; return 1; }
}
C=$T/c.yaml
config() { # the rest of the file
	{
		echo "data_dir: $DATA"
		echo "socket: $SOCK"
		echo "listen: 127.0.0.1:$PORT"
		cat
	} >"$C"
}

# ---- without a daemon
"$SGPROBE" config doc >"$T/doc"
check "docs/CONFIG.md is what the binary says (make docs)" cmp "$T/doc" docs/CONFIG.md
config <<<'store: {flush: 2s}'
check "a file without a mistake is said to be so" exits 0 config check "$C"
check "with how much it sets" has 'no mistake; it sets 4 of [0-9]+ settings$' "$T/out"
config <<'EOF'
store:
  flsh: 2s
  retention: 1parsec
wbe:
  a: {b: 1}
probe:
  tcp: perhaps
EOF
check "mistakes end the check with status 7" exits 7 config check "$C"
check "all of them are told" [ "$(grep -c "^$C:[0-9]*: " "$T/out")" = 4 ]
check "with line and suggestion" has "^$C:5: store.flsh: there is no such setting; did you mean store.flush\?" "$T/out"
check "and the line itself" has '^      flsh: 2s$' "$T/out"
check "what is behind a mistake is looked at too" has "^$C:10: probe.tcp: 'perhaps' is neither true nor false" "$T/out"
exits 7 config check "$C" --json
check "as JSON too" json '.errors | length == 4' "$T/out"
check "a file that is not there is not found" exits 4 config check "$T/none"
config <<'EOF'
store:
  flush: 2s
EOF
exits 0 config show -c "$C" -d /x
check "with the line that sets it" has "^store.flush +2s +10s +$C:5$" "$T/out"
check "a default is one" has '^store.retention +7d +7d +default$' "$T/out"
check "and a flag is over the file" has '^data_dir +/x +/var/lib/sgprobe +command line$' "$T/out"
exits 0 config show -c "$C" --changed
check "--changed leaves out what is by default" [ "$(wc -l <"$T/out")" = 5 ]
exits 0 config show -c "$C" store.flush --json
check "one setting as JSON" json '.[0] | .key == "store.flush" and .value == "2s" and .default == "10s" and (.from | endswith(":5"))' "$T/out"
check "a setting that is not there is not found" exits 4 config show -c "$C" store.flsh
check "with a suggestion" has 'did you mean store.flush\?' "$T/err"
check "diff without a daemon is against the defaults" exits 7 config diff -c "$C"
check "and says so" has 'no daemon answers' "$T/out"
check "reload without a daemon ends with status 3" exits 3 config reload -c "$C"

# ---- with one
off=$(sed -n 's/^SETTING("probe\.\([a-z]*\)", BOOL.*/\1/p' userspace/config/settings.def | grep -vxE 'tcp|worst')
config <<EOF
probe:
$(for p in $off; do echo "  $p: false"; done)
EOF
"$SGPROBE" daemon -c "$C" >>"$LOG" 2>&1 &
pid=$!
until_true 30 is_ready
ok $? "the daemon is ready" "$(cat "$LOG")"
server=$(child server) probe=$(child probe)
check "nothing differs" exits 0 config diff -c "$C"
sed -i 's/^listen:.*/listen: 127.0.0.1:1/' "$C"
echo 'store: {flush: 3s}' >>"$C"
check "diff says what a reload would change" exits 7 config diff -c "$C"
check "at once" has '^store.flush +10s -> 3s +\(at a reload\)$' "$T/out"
check "or not" has "^listen +127.0.0.1:$PORT -> 127.0.0.1:1 +\(at a restart\)$" "$T/out"
echo 'store: {flush: 99h}' >"$T/bad"
cp "$C" "$T/good"
sed -i 's/flush: 3s/flush: 99h/; s/tcp: .*/tcp: false/' "$C"
kill -HUP $pid
refused() { grep -q 'the settings stay as they are: .*store.flush' "$LOG"; }
until_true 5 refused
ok $? "a file with a mistake is refused as a whole, and the log says why" "$(tail -n 3 "$LOG")"
check "nothing was taken of it" [ "$(url /api/sg/v1/config | jq -r '."store.flush", ."probe.tcp"' | xargs)" = "10s true" ]
check "no process was started again" [ "$(child server) $(child probe)" = "$server $probe" ]
cp "$T/good" "$C"
check "reload takes what may change" exits 0 config reload -c "$C"
check "and tells what waits for a restart" has "^changed: store.flush 10s -> 3s; only at a restart of the daemon: listen" "$T/out"
taken() { [ "$(url /api/sg/v1/config | jq -r '."store.flush"')" = 3s ] && is_ready; }
until_true 10 taken
ok $? "it is in force"
check "the probe process is the same" [ "$(child probe)" = "$probe" ]
check "nothing restarted of itself" [ "$(url /api/sg/v1/status | jq '.processes.server.restarts + .processes.probe.restarts')" = 0 ]
sed -i 's/timer: false/timer: true/' "$C"
kill -HUP $pid
timer_on() { url /api/sg/v1/status | jq -e '.probes[] | select(.name == "timer" and .up)'; }
until_true 30 timer_on
ok $? "SIGHUP switches a probe on" "$(tail -n 5 "$LOG")"
check "in a new probe process" [ "$(child probe)" != "$probe" ]
ticks() { [ "$(query 'sum(increase(sgprobe_tcp_received_bytes_total[5s])) >= 0 or vector(1)')" != none ]; }
until_true 10 ticks
ok $? "frames go on"
printf 'probe: {max_map_memory: 1MiB}\n' >"$T/tail"
cp "$C" "$T/good"
sed -i 's/^probe:$/probe:\n  max_map_memory: 1MiB/' "$C"
check "settings with which the probe cannot work are taken" exits 0 config reload -c "$C"
back() { grep -q 'those before are in force again' "$LOG" && is_ready && url /api/sg/v1/config | jq -e '."probe.max_map_memory" == "512MiB"'; }
until_true 20 back
ok $? "and taken back when it does not" "$(tail -n 5 "$LOG")"

# ---- the store's files beside a daemon that writes
has_blocks() { "$SGPROBE" sql -c "$C" 'SELECT count(*) > 2 AS enough FROM journal' | grep -qx ' *1'; }
until_true 20 has_blocks
ok $? "sql reads beside the daemon"
check "db backup copies beside it" exits 0 db backup "$T/backup" -c "$C"
check "what it copied is whole" exits 0 db check -d "$T/backup" -c "$C"
check "db check finds nothing wrong beside it" exits 0 db check -c "$C"
check "compact has to wait" exits 1 db compact -c "$C"
check "and says for whom" has "another sgprobe \(pid [0-9]+\)" "$T/err"
check "so has restore" exits 1 db restore "$T/backup" -c "$C"
check "metrics asks the daemon" exits 0 metrics sgprobe_tcp_rtt -c "$C"
reload_as_nobody() { setpriv --reuid=65534 --regid="$(stat -c %g "$SOCK")" --clear-groups "$SGPROBE" config reload -s "$SOCK" -c /dev/null; }
reload_as_nobody >"$T/out" 2>"$T/err"
check "only root may reload" [ $? = 5 ]
stop
plan_end
