#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Work items: those of a loop device, which has a workqueue of its own.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
others="probe.sched=false probe.syscall=false probe.tcp=false probe.irq=false"
seen() { field "sgprobe_workqueue_$1_seconds{workqueue=\"$2\"}" "$3"; }

truncate -s 4M "$tmp/disk"
loop=$(losetup --find --show "$tmp/disk" 2> "$tmp/why") || loop=
trap 'unwatch; [ -z "$loop" ] || losetup -d "$loop"; rm -rf "$tmp"' EXIT
if [ -z "$loop" ]; then
	skip "the work items of a loop device" "no loop device: $(cat "$tmp/why")"
else
	name=${loop#/dev/}
	blockdev --getsize64 "$loop" > "$tmp/size"
	# shellcheck disable=SC2086
	watch -i 50 probe.budget=0s $others
	# One by one: an item that is queued already is not queued again.
	for i in $(seq 60); do dd if="$loop" of=/dev/null bs=4096 skip="$i" count=1 iflag=direct 2> /dev/null; done
	unwatch
	ok "60 reads of a loop device are 60 work items of its workqueue" is "$(seen wait "$name" 2)" 60
	ok "that run" is "$(seen run "$name" 2)" 60
	ok "soon" between "$(seen wait "$name" 4)" 0.0000001 0.05
	ok "and not for long" between "$(seen run "$name" 4)" 0.000001 0.05
	ok "their function is named" grep -qE '^sgprobe_workqueue_function_seconds_total\{function="loop_[a-z_]*workfn' "$OUT"
	ok "what was queued ran" between "$(total sgprobe_workqueue_executed_total)" 60 $(($(total sgprobe_workqueue_queued_total) + 20))
	ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
fi

# shellcheck disable=SC2086
watch probe.budget=0s $others
for _ in $(seq 10); do echo x >> "$tmp/file"; sync "$tmp/file"; done
sleep 1
unwatch
ok "other work of the kernel has names" between "$(grep -c '^sgprobe_workqueue_wait_seconds{' "$OUT")" 1 1000
ok "each is listed once" is "$(grep '^sgprobe_workqueue' "$OUT" | sed 's/} .*//' | sort | uniq -d | wc -l)" 0
ok "so are the functions" between "$(grep -c '^sgprobe_workqueue_function_seconds_total{' "$OUT")" 1 1000
ok "no address of the kernel is told" is "$(grep -ciE '^sgprobe_workqueue.*(0x)?ffff[0-9a-f]{8}' "$OUT")" 0
ok "no work item is left over" between "$(total sgprobe_workqueue_unmatched_total)" 0 20
finish
