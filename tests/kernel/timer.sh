#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Timers: of a known number, how late they are, how long their handlers take.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
late() { field "sgprobe_timer_lateness_seconds{kind=\"$1\"}" "$2"; }
handler() { field "sgprobe_timer_handler_seconds{kind=\"$1\"}" "$2"; }

idle() { awk '/^cpu / { print $5 }' /proc/stat; }

watch probe.timer=true probe.sched=false probe.syscall=false probe.tcp=false
idle0=$(idle)
"$O/tools/work-timer" boottime 50 5
"$O/tools/work-timer" tai 40 5
"$O/tools/work-timer" itimer 30 5
"$O/tools/work-timer" wheel 20 40
idle1=$(idle)
unwatch
ok "50 timers of the boottime clock expire" is "$(late boottime 2)" 50
ok "soon after their time" between "$(late boottime 4)" 0 0.01
ok "each runs its handler" is "$(handler boottime 2)" 50
ok "for a short time" between "$(handler boottime 4)" 0.0000001 0.001
# What else runs when these expire decides whether programs may run then: some may be missing.
ok "40 sleeps by the TAI clock" between "$(late tai 2)" 30 40
ok "use the slack that they were allowed, or expire with another timer" between "$(late tai 6)" 0.000001 0.1
ok "30 times an interval timer" between "$(total 'sgprobe_timer_itimer_expires_total{which="real"}')" 25 100
ok "20 timeouts of the timer wheel" between "$(late wheel 2)" 15 100000
ok "with their handlers" between "$(handler wheel 2)" $(($(late wheel 2) * 95 / 100)) $(($(late wheel 2) + 5))
ok "the tick is a timer" between "$(late monotonic 2)" 100 1000000
ok "starts are counted" between "$(total sgprobe_timer_starts_total)" 20 10000000
ok "of high-resolution timers too" between "$(total sgprobe_timer_hrtimer_starts_total)" 120 10000000
ok "and those that were called off" between "$(total sgprobe_timer_hrtimer_cancels_total)" 1 10000000
stops=$(($(total sgprobe_timer_tick_stops_total) + $(total sgprobe_timer_tick_kept_total || true)))
if [ $((idle1 - idle0)) -ge 50 ]; then
	ok "idle CPUs stop their tick, or what keeps it is known" between "$stops" 1 10000000
else
	skip "idle CPUs stop their tick" "no CPU was idle"
fi
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

watch probe.sched=false probe.syscall=false probe.tcp=false
unwatch
ok "it is off unless it is wanted" is "$(total sgprobe_timer_starts_total)" 0
finish
