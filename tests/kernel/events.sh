#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Events: each kind is caused, a known number of times, and seen as one whole event each.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/work-events" ] || skip_all "the tools are not built"
room="probe.slots=2048 probe.max_comms=2048" # others start programs too
named() { cp "$(type -P "$1")" "$tmp/$2"; } # PROGRAM NAME
# Events of a kind whose JSON has the text; how many, or field F of the one.
told() { grep "^EVENT $1 " "$OUT" | grep -cF -- "${2:-}"; } # KIND [TEXT]
field_of() { grep "^EVENT $1 " "$OUT" | grep -F -- "$2" | head -1 | sed "s/.*\"$3\":\"\{0,1\}\([^,\"}]*\).*/\1/"; } # KIND TEXT FIELD
counted() { total "sgprobe_events_$1{kind=\"$2\"}"; } # total|suppressed_total|dropped_total KIND
is_told() { [ "$(told "$@")" -ge 1 ]; }
events_only() { # SETTINGS...
	local d off=()
	for d in $(domains); do
		case $d in event | process | syscall | mem) ;; *) off+=("probe.$d=false") ;; esac
	done
	watch "${off[@]}" "$@"
}
named bash sg-crash
named sleep sg-target
named "$O/tools/work-fork" sg-storm

# ---- crashes, kills, mounts --------------------------------------------------------------
events_only event.forks=1000000 $room
for signal in SEGV ABRT BUS; do
	"$tmp/sg-crash" -c "ulimit -c 0; kill -$signal \$\$" 2> /dev/null
done
"$tmp/sg-crash" -c 'ulimit -c 0; kill -TERM $$' 2> /dev/null # no crash
"$tmp/sg-crash" -c 'kill -KILL $$' 2> /dev/null # by itself
"$tmp/sg-target" 30 &
target=$!
is_target() { grep -q sg-target "/proc/$target/comm"; }
eventually is_target
kill -KILL $target
wait $target 2> /dev/null
mkdir "$tmp/m" "$tmp/bind"
if unshare -m sh -c "mount -t tmpfs sg-source $tmp/m && mount -o remount,ro $tmp/m && mount --bind $tmp/m $tmp/bind &&
	umount $tmp/bind && umount $tmp/m && ! umount $tmp/m" 2> "$tmp/mount"; then
	mounted=1
fi
eventually is_told unmount "$tmp/m\""
unwatch
for signal in SEGV ABRT BUS; do
	ok "SIG$signal is a crash" is "$(told crash "\"comm\":\"sg-crash\",\"pid\"" | grep -c .) $(grep '^EVENT crash ' "$OUT" | grep sg-crash | grep -c "\"signal\":\"SIG$signal\"")" "1 1"
done
ok "SIGTERM and SIGKILL are none" is "$(told crash sg-crash)" 3
ok "a crash has its cgroup" is "$([ -n "$(field_of crash sg-crash cgroup)" ] && echo yes)" yes
ok "SIGKILL from outside is an event" is "$(told killed "\"comm\":\"sg-target\",\"pid\":$target")" 1
ok "with the sender" is "$(field_of killed sg-target by_pid)" $$
ok "SIGKILL to itself is none" is "$(told killed sg-crash)" 0
if [ -n "${mounted:-}" ]; then
	ok "a mount in a private namespace is seen" is "$(told mount "\"action\":\"mount\",\"source\":\"sg-source\",\"target\":\"$tmp/m\",\"type\":\"tmpfs\"")" 1
	ok "and that it becomes read-only" is "$(told mount "\"action\":\"remount read-only\"" )" 1
	ok "and a bind mount" is "$(told mount "\"action\":\"bind mount\",\"source\":\"$tmp/m\",\"target\":\"$tmp/bind\"")" 1
	ok "both unmounts, and not the one that failed" is "$(told unmount "\"target\":\"$tmp/")" 2
else
	skip "mounts" "not allowed here: $(cat "$tmp/mount")"
fi
ok "as many as are counted" is "$(told crash) $(told killed) $(told mount) $(told unmount)" \
	"$(counted total crash) $(counted total killed) $(counted total mount) $(counted total unmount)"
ok "nothing was dropped" is "$(total sgprobe_events_dropped_total)" 0

# ---- more than event.rate, and more than the ring holds ------------------------------------
burst=3000
named "$O/tools/work-events" sg-killer
seen() { grep -c '^EVENT killed ' "$OUT"; }
adds_up() { # caused: told + suppressed + dropped, of all that was counted
	[ "$(counted total killed)" = $(($(seen) + $(counted suppressed_total killed) + $(counted dropped_total killed))) ]
}
events_only event.forks=1000000 event.rate=5 $room
"$tmp/sg-killer" kill $burst
unwatch
ok "with event.rate=5 all $burst are counted" between "$(counted total killed)" $burst $((burst + 20))
ok "few of them are told" between "$(seen)" 5 300
ok "told and suppressed are all" adds_up
ok "none found no room" is "$(counted dropped_total killed)" 0

# While nobody reads the ring, which holds 64 KB.
events_only event.forks=1000000 event.rate=100000 $room
kill -STOP "$probe_pid"
"$tmp/sg-killer" kill $burst
kill -CONT "$probe_pid"
sleep 5 # a tick takes in so many
unwatch
ok "with no rate all $burst are counted" between "$(counted total killed)" $burst $((burst + 20))
ok "what the ring has no room for is dropped" between "$(counted dropped_total killed)" 1000 $burst
ok "none is suppressed" is "$(counted suppressed_total killed)" 0
ok "told and dropped are all" adds_up
ok "the loss is an event of its own" is "$(field_of events_lost '' dropped)" "$(counted dropped_total killed)"

# ---- a storm ------------------------------------------------------------------------------
events_only event.forks=100 $room
"$tmp/sg-storm" 3000
for _ in $(seq 30); do "$tmp/sg-target" 0; done # each is a start of this shell: 30 are none
sleep 5
unwatch
ok "a storm of forks is one event" is "$(told process_storm '"comm":"sg-storm"')" 1
ok "it is above the bound" between "$(field_of process_storm sg-storm forks)" 101 3000
ok "it ends once" is "$(told process_storm_end '"comm":"sg-storm"')" 1
ok "its forks are those that were made" between "$(field_of process_storm_end sg-storm forks)" 2700 3000
ok "what is below the bound is no storm" is "$(told process_storm sg-target)" 0

# ---- a task that is blocked ------------------------------------------------------------------
named "$O/tools/work-events" sg-stall
events_only event.stall=2s $room
"$tmp/sg-stall" vfork 5
is_over() { is_told stall_end sg-stall; }
eventually is_over
unwatch
ok "a blocked task is one stall" is "$(told stall '"comm":"sg-stall"')" 1
ok "told when it is longer than event.stall" between "$(field_of stall sg-stall seconds)" 2 4
ok "its end is told" is "$(told stall_end '"comm":"sg-stall"')" 1
ok "with all of its time" between "$(field_of stall_end sg-stall seconds)" 3.5 7
ok "its sleeping child is none" is "$(grep -c '^EVENT stall ' "$OUT")" 1

# ---- a long wait for a CPU --------------------------------------------------------
named bash sg-spin
watch_only sched event.slow=300ms $room
# One that real-time rights put first keeps the other waiting.
spin='end=$((SECONDS + 3)); while [ $SECONDS -lt $end ]; do :; done'
taskset -c 0 timeout 10 chrt -f 1 "$tmp/sg-spin" -c "$spin" 2> /dev/null &
first=$!
taskset -c 0 timeout 10 "$tmp/sg-spin" -c "$spin"
wait $first
unwatch
if [ "$(told slow '"what":"run_queue"')" -ge 1 ]; then
	ok "a long wait for a CPU is an event" between "$(field_of slow '"what":"run_queue"' seconds)" 0.3 6
else
	skip "a long wait for a CPU" "nobody waited for 300 ms here"
fi

# ---- out of memory -----------------------------------------------------------------------------
group=
memory_group() {
	local v1 v2
	v1=$(awk '$0 ~ / - cgroup / && $NF ~ /memory/ { print $5; exit }' /proc/self/mountinfo)
	v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	if [ -n "$v1" ] && mkdir "$v1/sgprobe-events-$$" 2> /dev/null; then
		group=$v1/sgprobe-events-$$
		echo 32M > "$group/memory.limit_in_bytes"
	elif grep -qw memory "$v2/cgroup.subtree_control" 2> /dev/null && mkdir "$v2/sgprobe-events-$$"; then
		group=$v2/sgprobe-events-$$
		echo 32M > "$group/memory.max" && echo 0 > "$group/memory.swap.max"
	fi
}
memory_group 2> "$tmp/why-not"
if [ -n "$group" ]; then
	trap 'unwatch; rmdir "$group"; rm -rf "$tmp"' EXIT
	cp "$O/tools/work-mem" "$tmp/sg-eater"
	watch_only mem $room
	(echo "$BASHPID" > "$group/cgroup.procs" && echo "$BASHPID" > "$tmp/eater" && exec "$tmp/sg-eater" eat 100000000) 2> /dev/null
	unwatch
	ok "an OOM kill is one event" is "$(told oom_kill "\"comm\":\"sg-eater\",\"pid\":$(cat "$tmp/eater")")" 1
	ok "its memory is what the cgroup may have" between "$(field_of oom_kill sg-eater rss_bytes)" 20000000 40000000
	ok "who had asked for memory is known" is "$(field_of oom_kill sg-eater by_comm)" sg-eater
	ok "it is no kill from outside" is "$(told killed sg-eater)" 0
else
	skip "an OOM kill" "no memory controller: $(cat "$tmp/why-not")"
fi
finish
