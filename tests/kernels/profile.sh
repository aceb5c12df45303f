#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Samples of what the CPUs do, on any kernel.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
watch_only profile -p
"$O/tools/work-profile" hot 3000 > /dev/null
unwatch
ok "a loop of three seconds is sampled 49 times a second" between "$(total sgprobe_profile_samples_total)" 100 1200
ok "and most of it is in its stacks" between \
	"$(awk '$1 == "STACK" && $2 == "cpu" && index($5, ";work-profile;") { s += $3 } END { print s / 1e6 }' "$OUT")" 1.5 4
finish
