#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Events in a guest: of the domains that send them, and of tasks that are blocked.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
told() { grep "^EVENT $1 " "$OUT" | grep -cF -- "${2:-}"; } # KIND [TEXT]
counted() { total "sgprobe_events_$1{kind=\"$2\"}"; }
is_told() { [ "$(told "$@")" -ge 1 ]; }

off=()
for d in $(domains); do
	case $d in event | process | syscall | mem) ;; *) off+=("probe.$d=false") ;; esac
done
watch "${off[@]}" event.stall=2s event.rate=10 event.forks=100 -s
(ulimit -c 0 && exec bash -c 'kill -SEGV $$') 2> /dev/null
"$O/tools/work-events" kill 300
mkdir -p "$tmp/m"
mount -t tmpfs sg-source "$tmp/m" && umount "$tmp/m"
"$O/tools/work-events" vfork 5
is_over() { is_told stall_end work-events; }
eventually is_over
sleep 3
unwatch
count_missed
ok "a crash is an event" between "$(told crash '"signal":"SIGSEGV"')" $((1 - missed)) 1
ok "300 kills are counted" between "$(counted total killed)" $((300 - missed)) 300
ok "those that are told and those that are suppressed are all" is \
	$(($(told killed) + $(counted suppressed_total killed) + $(counted dropped_total killed))) "$(counted total killed)"
ok "a mount is an event" between "$(told mount '"type":"tmpfs"')" $((1 - missed)) 1
ok "an unmount is an event" between "$(told unmount "\"target\":\"$tmp/m\"")" $((1 - missed)) 1
ok "a blocked task is an event" is "$(told stall '"comm":"work-events"')" 1
ok "its end is an event" is "$(told stall_end '"comm":"work-events"')" 1
ok "nothing was dropped" is "$(total sgprobe_events_dropped_total)" 0
finish
