#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Locks of address spaces: one for each mmap and munmap. Off unless it is asked for.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/work-mem" ] || skip_all "the tools are not built"
room="probe.slots=2048 probe.max_comms=2048" # others start programs too
cp "$O/tools/work-mem" "$tmp/sg-mmap"

watch
unwatch
ok "it is off by default" is "$(grep -c '^sgprobe_mm_' "$OUT")" 0
[ -d /sys/kernel/tracing/events/mmap_lock ] || skip_all "the kernel has no trace points of mmap_lock"
watch_only mm $room
"$tmp/sg-mmap" mmap 20000
unwatch
s='sgprobe_comm_mm_lock_wait_seconds{comm="sg-mmap",mode="write"}'
ok "20,000 mappings, advised and undone, take the lock to write 40,000 times" between "$(field "$s" 2)" 40000 80500
ok "at once, when nobody else wants it" between "$(field "$s" 4)" 0.00000001 0.00001
for m in read write; do
	host=$(field "sgprobe_mm_lock_wait_seconds{mode=\"$m\"}" 2)
	sum=$(awk -v l="mode=\"$m\"}" 'index($1, "sgprobe_cgroup_mm_lock_wait_seconds") == 1 && index($1, l) { s += $2 } END { print s }' "$OUT")
	ok "$m: the sum over cgroups equals the host's" is "$sum" "$host"
done
ok "translations are flushed, too" between "$(total sgprobe_mm_tlb_flushes_total)" 1000 10000000
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
