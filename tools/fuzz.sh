#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs every fuzz target for FUZZ_SECONDS with its corpus. What it finds new lies under
# $O/fuzz/NAME and is used again; an input that crashes is kept in $O/fuzz/crash and named.
#   fuzz.sh [NAME...]    only these
set -u
cd "$(dirname "$0")/.."
O=${O:-build}
seconds=${FUZZ_SECONDS:-60}
crash=$O/fuzz/crash
failed=0
mkdir -p "$crash"

one() { # NAME
	local bin=$O/tests/fuzz/fuzz_$1 found=$O/fuzz/$1 log=$O/fuzz/$1.log r
	if [ ! -x "$bin" ]; then
		echo "$1: there is no $bin; run 'make fuzz-bins'"
		return 1
	fi
	mkdir -p "$found" "tests/fuzz/corpus/$1"
	"$bin" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="$crash/$1-" \
		"$found" "tests/fuzz/corpus/$1" >"$log" 2>&1
	r=$?
	printf '%-16s %12s runs, %6s inputs kept%s\n' "$1" \
		"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
		"$(find "$found" -type f | wc -l)" "$([ $r = 0 ] || echo ', FAILED')"
	[ $r = 0 ] && return 0
	grep -E '^(==[0-9]+==ERROR|SUMMARY|.*runtime error|artifact_prefix)' "$log" | head -n 10
	return 1
}

if [ $# = 0 ]; then
	for t in tests/fuzz/fuzz_*.c; do
		t=${t#tests/fuzz/fuzz_}
		set -- "$@" "${t%.c}"
	done
fi
for name in "$@"; do
	one "$name" || failed=1
done
exit $failed
