#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Probes that a user names: known numbers of calls of known lengths, and what must be refused.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/work-named" ] || skip_all "the tools are not built"
work=$tmp/work-named
cp "$O/tools/work-named" "$work"
off=()
for d in $(domains); do off+=("probe.$d=false"); done
watch_named() { # [-n "NAME ARG WHAT"]... [SETTINGS]
	watch -d "$@" "${off[@]}"
	! grep -q 'they need Linux 5.15' "$OUT" || { unwatch && skip_all "this kernel has no cookies"; }
}
refused() { grep "^refused $1 .*$2" "$OUT" || { grep "$1" "$OUT"; return 1; }; }
calls() { total "sgprobe_probe_calls_total{probe=\"$1\"}"; }
timed() { total "sgprobe_probe_latency_seconds{probe=\"$1\"}"; }
by_arg() { total "sgprobe_probe_arg_calls_total{arg=\"$2\",probe=\"$1\"}"; }
lost() { total "sgprobe_probe_untimed_total{probe=\"$1\",reason=\"$2\"}"; }
named_bpf() { bpftool prog show 2> /dev/null | grep -q 'name named_'; }

# ---- counts, times, arguments
watch_named -n "step 1 uprobe:$work:sg_step" -n "text 2:string uprobe:$work:sg_step" \
	-n "many 3 uprobe:$work:sg_step" -n "count c uprobe:$work:sg_step"
"$work" calls 300 2000 &
other=$!
"$work" calls 300 2000
wait $other
for us in $(seq 1 40); do "$work" calls 1 "$us"; done
unwatch
ok "640 calls in two processes at once are 640" is "$(calls step)" 640
ok "and all are timed" is "$(timed step)" 640
ok "600 of them took 2 ms and a little" between "$(field 'sgprobe_probe_latency_seconds{probe="step"}' 4)" 0.0019 0.0025
ok "by a number: 0" is "$(by_arg step 0)" 240
ok "by a number: 2" is "$(by_arg step 2)" 200
ok "by a text: b" is "$(by_arg text b)" 200
ok "by a text, timed" is "$(total 'sgprobe_probe_arg_latency_seconds{arg="b",probe="text"}')" 200
ok "41 values are 24 and the rest" is "$(grep -c '^sgprobe_probe_arg_calls_total.*probe="many"' "$OUT")" 25
ok "what found no room is other" is "$(by_arg many other)" 17
ok "and the sum is the total" is "$(grep '^sgprobe_probe_arg_calls_total.*probe="many"' "$OUT" | awk '{ s += $2 } END { print s }')" "$(calls many)"
ok "one that only counts counts the same" is "$(calls count)" 640
ok "and has no times" test "$(grep -c 'latency.*probe="count"' "$OUT")" = 0
ok "no call is under way" grep -qx 'calls under way 0' "$OUT"

# ---- nesting, and ways out of a function
watch_named -n "recurse - uprobe:$work:sg_recurse" -n "jump - uprobe:$work:sg_jump" -n "end - uprobe:$work:sg_end"
"$work" recurse 50 8
"$work" recurse 10 12
"$work" jump 100
"$work" exit 30
unwatch
ok "520 nested calls are counted" is "$(calls recurse)" 520
ok "of which the 480 within eight are timed" is "$(timed recurse)" 480
ok "and 40 are not, which is said" is "$(lost recurse depth)" 40
ok "100 calls that longjmp() leaves are counted" is "$(calls jump)" 100
ok "and none is timed" is "$(timed jump)" 0
ok "which is said, but for the one that the process ended with" between "$(lost jump left)" 99 100
ok "30 calls in which a thread ends are counted" is "$(calls end)" 30
ok "and none of all that is left behind" grep -qx 'calls under way 0' "$OUT"

# ---- static probes and trace points
if [ "$(uname -m)" = x86_64 ]; then
	watch_named -n "usdt 1 usdt:$work:sgwork:step" -n "const 2 usdt:$work:sgwork:step"
	semaphore=$("$work" usdt 100)
	unwatch
	ok "a static probe is counted" is "$(calls usdt)" 100
	ok "by its argument" is "$(by_arg usdt 1)" 50
	ok "by a constant one" is "$(by_arg const 7)" 100
	ok "its semaphore is up meanwhile" between "$semaphore" 1 2
	ok "and down afterwards" is "$("$work" usdt 1)" 0
fi
watch_named -n "exec 1:string tracepoint:sched:sched_process_exec" -n "fork - tracepoint:sched:sched_process_fork" \
	-n "signal 1 tracepoint:signal:signal_generate"
if refused exec "list of trace points" > /dev/null; then
	unwatch
	skip "trace points" "no tracefs here"
else
	cp /bin/true "$tmp/sgtrue"
	for _ in $(seq 25); do "$tmp/sgtrue"; done
	bash -c "trap '' 45; exec sleep 20" &
	sleeper=$!
	eventually grep -qE "SigIgn:\s*.{4}[13579bdf]" "/proc/$sleeper/status"
	for _ in $(seq 25); do kill -45 $sleeper; done
	kill $sleeper
	unwatch
	ok "25 signals of a number that nobody else sends are 25 of that trace point" is "$(by_arg signal 45)" 25
	# Others start programs too: their names may fill the table before.
	ok "25 programs started are 25 of another, or among the others" test "$(by_arg exec "$tmp/sgtrue" || by_arg exec other)" -ge 25
	ok "and as many processes made, or more" test "$(calls fork)" -ge 25
fi

# ---- Go: no return probe, but one at each RET
if [ "$(uname -m)" = x86_64 ] && command -v objcopy > /dev/null; then
	{ printf '\377 Go buildinf:\010\002%16s\010go1.19.8' ""; printf '%64s' ""; } | tr ' ' '\0' | sed '1s/\x00Go\x00buildinf/ Go buildinf/' > "$tmp/info"
	objcopy --add-section .go.buildinfo="$tmp/info" "$work" "$tmp/go" 2> /dev/null
	objcopy --add-section .gopclntab=/bin/true "$work" "$tmp/oldgo" 2> /dev/null
	watch_named -n "go 1 uprobe:$tmp/go:sg_step" -n "oldgo - uprobe:$tmp/oldgo:sg_step"
	"$tmp/go" calls 60 3000
	"$tmp/oldgo" calls 60 100
	unwatch
	ok "a Go program's function is counted" is "$(calls go)" 60
	ok "and timed without a return probe" is "$(timed go)" 60
	ok "rightly" between "$(field 'sgprobe_probe_latency_seconds{probe="go"}' 4)" 0.0029 0.0036
	ok "of an old one calls are counted" is "$(calls oldgo)" 60
	ok "and not timed, which is said" grep -q '^attached oldgo 0 calls are counted but not timed.*Go 1.18' "$OUT"
else
	skip "a Go program" "no objcopy here"
fi

# ---- refusals
strip -o "$tmp/stripped" "$work" 2> /dev/null
echo '#!/bin/sh' > "$tmp/script"
head -c 5000 "$work" > "$tmp/cut"
watch_named -n "near - uprobe:$work:sg_stop" -n "strip - uprobe:$tmp/stripped:sg_step" -n "script - uprobe:$tmp/script:main" \
	-n "cut - uprobe:$tmp/cut:sg_step" -n "none - uprobe:$tmp/nothing:main" -n "dev - uprobe:/dev/zero:main" \
	-n "event - tracepoint:sched:sched_process_exex" -n "usdt - usdt:$work:sgwork:stop"
unwatch
ok "a name that is not there: the nearest is told" refused near "did you mean sg_step"
[ ! -s "$tmp/stripped" ] || ok "a stripped program" refused strip "no symbol table"
ok "a script" refused script "not an ELF file"
ok "half a file" refused cut ""
ok "no file" refused none "No such file"
ok "a device" refused dev "not a file"
ok "no trace point" refused event "did you mean sched_process_exec?\|list of trace points"
ok "no static probe" refused usdt "did you mean step?"
watch_named -n "lock - kernel:_raw_spin_lock" -n "copy - kernel:memcpy" -n "rcu - kernel:rcu_read_lock" -n "bpf - kernel:bpf_prog_run" \
	-n "read - kernel:vfs_read"
unwatch
for n in lock copy rcu bpf; do ok "a function that could hang the machine: $n" refused $n "could hang the machine"; done
[ -e /sys/bus/event_source/devices/kprobe/type ] || ok "functions of a kernel without kprobes" refused read "built without CONFIG_KPROBE_EVENTS"
if command -v bpftool > /dev/null; then ok "and nothing is loaded for those" eventually eval '! named_bpf'; fi

# ---- too hot
"$work" hot 30 &
hot=$!
watch_named -n "hot c uprobe:$work:sg_hot" probe.named_rate=2000
ok "one that runs all the time is taken off at once" refused hot "taken off at once"
kill $hot
wait $hot 2> /dev/null
unwatch
watch_named -n "later c uprobe:$work:sg_hot" probe.named_rate=2000
"$work" hot 30 &
hot=$!
ok "one that does so later is taken off too" eventually grep -qx 'hot later' "$OUT"
kill $hot
wait $hot 2> /dev/null
unwatch
finish
