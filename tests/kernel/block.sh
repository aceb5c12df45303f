#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Block I/O on loop devices against what was asked for, /proc/diskstats and a known delay.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
mem=$(mktemp -d /dev/shm/sgprobe-block.XXXXXX)
top= slow= dev= scheduler=
cg=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cleanup() {
	unwatch
	[ -z "$top" ] || rmdir "$cg/$top" 2> /dev/null
	[ ! -d "$tmp/mnt" ] || fsfreeze -u "$tmp/mnt" 2> /dev/null
	wait
	[ -z "$slow" ] || losetup -d "/dev/$slow"
	umount "$tmp/mnt" 2> /dev/null
	for d in $dev $slow; do [ -z "$scheduler" ] || echo "$scheduler" > "/sys/block/$d/queue/scheduler"; done
	[ -z "$dev" ] || losetup -d "/dev/$dev"
	rm -rf "$tmp" "$mem"
}
trap cleanup EXIT
truncate -s 64M "$mem/image"
dev=$(losetup -f --show "$mem/image") || skip_all "no loop device"
dev=${dev#/dev/}
scheduler=$(sed 's/.*\[\(.*\)].*/\1/' "/sys/block/$dev/queue/scheduler") # settings outlive the device

stat_of() { awk -v d="$dev" -v f="$1" '$3 == d { print $f }' /proc/diskstats; }
block() { field "sgprobe_block_$1{device=\"$dev\",operation=\"$2\"}" "${3:-2}"; }
write() { dd if=/dev/zero of="/dev/$dev" oflag=direct "$@" 2> /dev/null; }
read_in() { dd of=/dev/null if="/dev/$dev" iflag=direct "$@" 2> /dev/null; }
# Kernels may be built to run no programs on top of chosen tasks; what completes there is not seen.
# COMMAND... causes exactly N requests of operation OP: at most five times, until they are seen.
exactly() { # N OP COMMAND...
	local n=$1 op=$2
	shift 2
	for _ in 1 2 3 4 5; do
		watch_only block
		"$@"
		unwatch
		[ "$(block requests_total "$op")" != "$n" ] || return 0
	done
}

in_group() { (echo "$BASHPID" > "$cg/$top/cgroup.procs" && "$@"); }
[ -n "$cg" ] && mkdir "$cg/sgprobe-block-$$" 2> /dev/null && top=sgprobe-block-$$
[ -n "$top" ] || in_group() { "$@"; }

both() {
	write bs=4k count=300
	ios=$(stat_of 4)
	read_in bs=64k count=100
	ios=$(($(stat_of 4) - ios))
}
exactly 300 write in_group write bs=4k count=300
ok "each write is counted" is "$(block requests_total write)" 300
ok "as a latency" is "$(block latency_seconds write)" 300
ok "as time in the queue" is "$(block queue_seconds write)" 300
ok "as time of the device" is "$(block device_seconds write)" 300
ok "its bytes are counted" is "$(block bytes_total write)" $((300 * 4096))
ok "its size is in the right bucket" is "$(block size_bytes write 6)" 4096
ok "nothing was read" is "$(block requests_total read)" ""
ok "each begins where the last one ended" is "$(block sequential_total write)" 299
parts=$(awk -v a="$(block queue_seconds write 3)" -v b="$(block device_seconds write 3)" 'BEGIN { print a + b }')
all=$(block latency_seconds write 3)
ok "queue and device make the latency" between "$parts" "$(awk -v a="$all" 'BEGIN { print a * .999 }')" \
	"$(awk -v a="$all" 'BEGIN { print a * 1.001 }')"
ok "it is known who wrote" between "$(field 'sgprobe_comm_block_size_bytes{comm="dd"}' 3)" $((300 * 4096)) 1e9
if [ -n "$top" ]; then
	ok "in which control group" between "$(field "sgprobe_cgroup_block_latency_seconds{cgroup=\"/$top\"}" 2)" 300 310
else
	skip "in which control group" "no writable cgroup2"
fi
host=$(total 'sgprobe_block_latency_seconds{')
ok "the sum over cgroups is the total" is "$(total 'sgprobe_cgroup_block_latency_seconds{')" "$host"
ok "the sum over comms is the total" is "$(total 'sgprobe_comm_block_latency_seconds{')" "$host"
ok "nothing is left in flight" is "$(total 'sgprobe_block_in_flight{operation="write"}')" 0
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

exactly 100 read both
ok "as many reads as in /proc/diskstats" is "$(block requests_total read)" "$ios"
ok "their size too is in the right bucket" is "$(block size_bytes read 6)" 65536
apart() { for at in 9 3 27 1 81; do write bs=4k count=1 seek=$at; done; }
exactly 5 write apart
ok "scattered writes are not sequential" is "$(block sequential_total write)" ""
exactly 1 discard blkdiscard -o 0 -l 1M "/dev/$dev"
ok "a discard is one" is "$(block requests_total discard)" 1
flushes() { for _ in 1 2 3; do python3 -c 'import os, sys; os.fsync(os.open(sys.argv[1], os.O_RDWR))' "/dev/$dev"; done; }
if [ "$(cat "/sys/block/$dev/queue/write_cache")" = "write back" ] && command -v python3 > /dev/null; then
	exactly 3 flush flushes
	ok "a flush is one" is "$(block requests_total flush)" 3
else
	skip "a flush is one" "the device has no cache, or there is no python3"
fi

# Without its statistics the kernel stamps no request.
echo 0 > "/sys/block/$dev/queue/iostats"
exactly 200 write write bs=4k count=200
ok "unstamped requests are timed too" is "$(block latency_seconds write)" 200
ok "and in their parts" is "$(block queue_seconds write)" "$(block device_seconds write)"
ok "none takes longer than it can" between "$(block latency_seconds write 6)" 0.0000001 10
echo 1 > "/sys/block/$dev/queue/iostats"

# A file that ends in the middle of a request: a part is done, the rest asked for again, and fails.
write bs=64k count=4
truncate -s $((64 * 1024 + 4096)) "$mem/image"
exactly 2 read read_in bs=64k count=2
truncate -s 64M "$mem/image"
ok "a request in parts is one" is "$(block requests_total read)" 2
ok "with all of its bytes" is "$(block bytes_total read)" $((2 * 65536))
ok "the rest was requeued" is "$(block requeues_total read)" 1
ok "its error has a name" is "$(field "sgprobe_block_errors_total{device=\"$dev\",error=\"ioerr\"}" 2)" 1

# Merges, of a scheduler that waits for neighbours.
if echo mq-deadline > "/sys/block/$dev/queue/scheduler" 2> /dev/null; then
	# A flush without data is a write of nothing in /proc/diskstats.
	echo "write through" > "/sys/block/$dev/queue/write_cache"
	merging() {
		merges=$(stat_of 9) ios=$(stat_of 8)
		dd if=/dev/zero of="/dev/$dev" bs=64k count=64 conv=fsync 2> /dev/null
		merges=$(($(stat_of 9) - merges)) ios=$(($(stat_of 8) - ios))
	}
	for _ in 1 2 3 4 5; do
		watch_only block
		merging
		unwatch
		[ "$(block requests_total write)" != "$ios" ] || break
	done
	ok "buffered writes are those of /proc/diskstats" is "$(block requests_total write)" "$ios"
	merged=$(block merges_total write)
	ok "their merges too" is "${merged:-0}" "$merges"
	ok "all bytes arrive" is "$(block bytes_total write)" $((64 * 65536))
else
	skip "buffered writes are those of /proc/diskstats" "no mq-deadline"
	skip "their merges too" "no mq-deadline"
	skip "all bytes arrive" "no mq-deadline"
fi

# A known delay: the device lies on a file system that is frozen for half a second.
thaw_after() { sleep "$1" && fsfreeze -u "$tmp/mnt"; }
frozen() { # SECONDS COMMAND...
	fsfreeze -f "$tmp/mnt"
	thaw_after "$1" &
	shift
	"$@"
	wait $!
}
mkdir "$tmp/mnt"
lower=/dev/$dev
if mkfs.ext4 -q "$lower" 2> /dev/null && mount "$lower" "$tmp/mnt" && truncate -s 32M "$tmp/mnt/image" &&
	slow=$(losetup -f --show "$tmp/mnt/image"); then
	slow=${slow#/dev/}
	dev=$slow
	exactly 1 write frozen 0.5 write bs=4k count=1
	ok "a delay of the device is device time" between "$(block device_seconds write 3)" 0.4 5
	ok "and not of the queue" between "$(block queue_seconds write 3)" 0 0.1
	ok "a late request is in the bucket of its latency" between "$(block latency_seconds write 6)" 0.4 5
	# One write of more requests than the device takes at a time: the rest wait in the scheduler.
	echo mq-deadline > "/sys/block/$dev/queue/scheduler"
	sectors=$(cat "/sys/block/$dev/queue/max_sectors_kb")
	echo 64 > "/sys/block/$dev/queue/max_sectors_kb"
	exactly 192 write frozen 0.5 write bs=12M count=1
	echo "$sectors" > "/sys/block/$dev/queue/max_sectors_kb"
	ok "what the device has no room for waits in the queue" between "$(block queue_seconds write 3)" 5 1000
	watch_only block
	fsfreeze -f "$tmp/mnt"
	write bs=4k count=1 &
	writer=$!
	eventually grep -q '^ *0 *1$' "/sys/block/$dev/inflight"
	unwatch
	fsfreeze -u "$tmp/mnt"
	wait $writer
	ok "what a device has is in flight" between "$(total 'sgprobe_block_in_flight{operation="write"}')" 1 100
	dev=${lower#/dev/}
else
	skip "a delay of the device is device time" "no ext4 to freeze"
fi
skip "write-back is paid by who dirtied the pages" "it takes the io controller in the version 2 hierarchy, and is not written"
finish
