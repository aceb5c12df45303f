#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Requests of a disk that nobody else uses, against /proc/diskstats.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
[ -f .guest ] || skip_all "it writes to a disk of its own, which only a guest has"
stat_of() { awk -v f="$1" '$3 == "vda" { print $f }' /proc/diskstats; }
block() { field "sgprobe_block_$1{device=\"vda\",operation=\"$2\"}" "${3:-2}"; }

r0=$(stat_of 4)
watch_only block -s
dd if=/dev/zero of=/dev/vda oflag=direct bs=4k count=300 2> /dev/null
dd if=/dev/vda of=/dev/null iflag=direct bs=64k count=100 2> /dev/null
unwatch
count_missed
ok "each write is counted" between "$(block requests_total write)" $((300 - missed)) 300
ok "as time in the queue" between "$(block queue_seconds write)" $((300 - missed)) 300
ok "as time of the device" between "$(block device_seconds write)" $((300 - missed)) 300
ok "its bytes are counted" between "$(block bytes_total write)" $(((300 - missed) * 4096)) $((300 * 4096))
ok "its size is in the right bucket" is "$(block size_bytes write 6)" 4096
ok "each read is counted" between "$(block requests_total read)" $((100 - missed)) 100
ok "as /proc/diskstats counts them" is "$(($(stat_of 4) - r0))" 100

# Write-back, with merges, where there is a scheduler; without its cache, a flush of which would be a write there.
echo mq-deadline > /sys/block/vda/queue/scheduler
echo "write through" > /sys/block/vda/queue/write_cache
w0=$(stat_of 8) m0=$(stat_of 9)
watch_only block -s
dd if=/dev/zero of=/dev/vda bs=64k count=64 conv=fsync 2> /dev/null
unwatch
count_missed
ios=$(($(stat_of 8) - w0)) merges=$(($(stat_of 9) - m0))
ok "buffered writes are those of /proc/diskstats" between "$(block requests_total write)" $((ios - missed)) $ios
merged=$(block merges_total write)
ok "their merges too" between "${merged:-0}" $((merges - missed)) $merges
[ "$missed" != 0 ] || ok "all bytes arrive" is "$(block bytes_total write)" $((64 * 65536))
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"
finish
