#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Timers of a known number, how late they are, how long their handlers take.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
late() { field "sgprobe_timer_lateness_seconds{kind=\"$1\"}" "$2"; }
handler() { field "sgprobe_timer_handler_seconds{kind=\"$1\"}" "$2"; }

# There timers run in a thread, which has to wait while the tool keeps the CPU.
realtime() { case $(uname -v) in *PREEMPT_RT*) ;; *) false ;; esac; }
watch_only timer -s
realtime || "$O/tools/work-timer" boottime 50 5
"$O/tools/work-timer" tai 40 5
"$O/tools/work-timer" itimer 30 5
"$O/tools/work-timer" wheel 20 40
unwatch
count_missed
if realtime; then
	skip "50 timers of the boottime clock expire" "the tool that makes them starves the thread that runs them"
else
	ok "50 timers of the boottime clock expire" between "$(late boottime 2)" $((50 - missed)) 50
	ok "soon after their time" between "$(late boottime 4)" 0 0.05
	ok "each runs its handler" is "$(handler boottime 2)" "$(late boottime 2)"
	ok "for a short time" between "$(handler boottime 4)" 0.0000001 0.01
fi
ok "40 sleeps by the TAI clock" between "$(late tai 2)" $((40 - missed)) 40
ok "30 times an interval timer" between "$(total 'sgprobe_timer_itimer_expires_total{which="real"}')" $((30 - missed)) 31
ok "20 timeouts of the timer wheel" between "$(late wheel 2)" $((20 - missed)) 100000
ok "with their handlers" between "$(handler wheel 2)" $(($(late wheel 2) * 95 / 100 - missed)) "$(late wheel 2)"
ok "starts of high-resolution timers are counted" between "$(total sgprobe_timer_hrtimer_starts_total)" 120 10000000
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"
finish
