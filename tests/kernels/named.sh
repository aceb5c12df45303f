#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Probes that a user names, on any kernel: functions of programs and of the kernel, trace points.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
work=$(readlink -f "$O/tools/work-named")
off=()
for d in $(domains); do off+=("probe.$d=false"); done
calls() { total "sgprobe_probe_calls_total{probe=\"$1\"}"; }
timed() { total "sgprobe_probe_latency_seconds{probe=\"$1\"}"; }

watch "${off[@]}" -n "step 1 uprobe:$work:sg_step" -n "recurse - uprobe:$work:sg_recurse" -n "end - uprobe:$work:sg_end" \
	-n "usdt 1 usdt:$work:sgwork:step" -n "exec - tracepoint:sched:sched_process_exec" \
	-n "kernel - kernel:__x64_sys_getppid" -n "lock - kernel:_raw_spin_lock" -n "none - kernel:no_such_function"
if grep -q '^refused step .*they need Linux 5.15' "$OUT"; then
	unwatch
	ok "a kernel without cookies is told apart, and says so" grep -q '^refused kernel .*they need Linux 5.15' "$OUT"
	finish
fi
"$work" calls 90 2000
"$work" recurse 10 8
"$work" exit 20
semaphore=$("$work" usdt 50)
"$O/tools/work-getppid" 20000 > /dev/null
for _ in 1 2 3 4 5; do /usr/bin/true; done
unwatch
grep -E '^(refused|attached)' "$OUT" | sed 's/^/# /'
ok "90 calls are counted" is "$(calls step)" 90
ok "and timed" is "$(timed step)" 90
ok "rightly" between "$(field 'sgprobe_probe_latency_seconds{probe="step"}' 4)" 0.0019 0.02
ok "by argument" is "$(total 'sgprobe_probe_arg_calls_total{arg="1",probe="step"}')" 30
ok "80 nested ones" is "$(timed recurse)" 80
ok "20 that never return" is "$(calls end)" 20
ok "nothing of them is left behind" grep -qx 'calls under way 0' "$OUT"
ok "a static probe" is "$(calls usdt)" 50
ok "with its semaphore" between "$semaphore" 1 2
ok "a trace point" test "$(calls exec)" -ge 10
ok "a function of the kernel is counted" between "$(calls kernel)" 20000 20100
ok "and timed" is "$(timed kernel)" "$(calls kernel)"
ok "one that could hang the machine is refused" grep -q '^refused lock .*could hang the machine' "$OUT"
ok "and one that is not there" grep -q '^refused none .*no function' "$OUT"
finish
