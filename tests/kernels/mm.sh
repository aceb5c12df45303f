#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Locks of address spaces: of a known number of mappings.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
watch_only mm -s
"$O/tools/work-mem" mmap 5000
unwatch
count_missed
if grep -q '^sgprobe_bpf_program_attached{program="mm/mmap_lock_acquire_returned"' "$OUT"; then
	s='sgprobe_comm_mm_lock_wait_seconds{comm="work-mem",mode="write"}'
	ok "5,000 mappings, advised and undone, take the lock to write 15,000 times" between "$(field "$s" 2)" $((15000 - missed)) 15100
	for m in read write; do
		host=$(field "sgprobe_mm_lock_wait_seconds{mode=\"$m\"}" 2)
		sum=$(awk -v l="mode=\"$m\"}" 'index($1, "sgprobe_cgroup_mm_lock_wait_seconds") == 1 && index($1, l) { s += $2 } END { print s + 0 }' "$OUT")
		ok "$m: the sum over cgroups equals the host's" is "$sum" "${host:-0}"
	done
else
	case $(uname -r) in
	5.10.*) skip "the lock of 5,000 mappings" "trace points of the lock came with Linux 5.11" ;;
	*) ok "the lock of 5,000 mappings is seen" false ;;
	esac
fi
ok "address translations are flushed" between "$(total sgprobe_mm_tlb_flushes_total)" 1 10000000
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"
finish
