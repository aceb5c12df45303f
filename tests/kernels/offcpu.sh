#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Long waits and their stacks, where the kernel tells when a task ends after its last moment.
# expect: 5.* off lacks the trace point
# expect: 6.[0-9].* off lacks the trace point
# expect: 6.1[0-5]* off lacks the trace point
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
watch_only offcpu -p probe.offcpu_min=100ms probe.offcpu_stacks=10000
"$O/tools/work-profile" wait 3 1000 > /dev/null
unwatch
ok "a wait of three seconds is seen" between "$(total sgprobe_offcpu_waits_total)" 1 100000
ok "in the function that it was spent in" between \
	"$(awk '$1 == "STACK" && $2 == "offcpu" && index($5, ";work-profile;") { s += $3 } END { print s / 1e6 }' "$OUT")" 2.5 8
finish
