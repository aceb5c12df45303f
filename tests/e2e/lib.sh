# SPDX-License-Identifier: GPL-2.0
# What the end-to-end tests share: TAP, a daemon of their own, conditions instead of sleeps.
# Environment: SGPROBE (the binary). PORT: a private port of the test.
set -u
SGPROBE=$(readlink -f "${SGPROBE:-build/sgprobe}")
T=$(mktemp -d /tmp/sgprobe-e2e.XXXXXX)
chmod 755 "$T"
DATA=$T/data SOCK=$T/sgprobe.sock LOG=$T/log
export SGPROBE_NO_PAGER=1 NO_COLOR=1
n=0 failed=0 pid=

ok() { # 0|1 NAME: 0 is good, as an exit status
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		[ -z "${3:-}" ] || echo "$3" | sed 's/^/# /'
	fi
}
check() { # NAME COMMAND...
	local name=$1 out
	shift
	out=$("$@" 2>&1)
	ok $? "$name" "$out"
}
skip() { n=$((n + 1)) && echo "ok $n - $1 # SKIP $2"; }
plan_end() {
	echo "1..$n"
	exit $failed
}
skip_all() { echo "1..0 # SKIP $1" && echo "ok 1 - all # SKIP $1" && exit 0; }

until_true() { # SECONDS COMMAND...: polls ten times a second
	local end=$(($(date +%s%3N) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%3N)" -lt $end ] || return 1
		sleep 0.1
	done
}
start() { # [ARGS...]: the daemon in the background; $pid is the supervisor
	"$SGPROBE" daemon --data-dir "$DATA" --socket "$SOCK" --listen "127.0.0.1:$PORT" "$@" >>"$LOG" 2>&1 &
	pid=$!
}
url() { curl -sS -m 10 --unix-socket "$SOCK" "http://localhost$1"; }
is_ready() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" http://localhost/-/ready)" = 200 ]; }
query() { # EXPR [SECONDS]: the first value
	curl -sS -m 10 --unix-socket "$SOCK" -G http://localhost/api/v1/query --data-urlencode "query=$1" \
		${2:+--data-urlencode "time=$2"} | jq -r '.data.result[0].value[1] // "none"'
}
child() { # probe|server: its pid
	url /api/sg/v1/status | jq ".processes.$1.pid"
}
stop() {
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	pid=
}
cleanup() {
	if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
		kill -TERM "$pid"
		wait "$pid" 2>/dev/null
	fi
	if [ $failed != 0 ] && [ -s "$LOG" ]; then
		echo "# the daemon's log:"
		tail -n 40 "$LOG" | sed 's/^/# /'
	fi
	! mountpoint -q "$DATA" 2>/dev/null || umount "$DATA"
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM # cleanup runs then too
need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }
