#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The truth test on a machine where little else happens: a known load of everything that the kernel counts, too.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
[ -f .guest ] || skip_all "it writes to a disk of its own, which only a guest has"
trap 'unwatch; umount "$tmp/mnt" 2> /dev/null; rm -rf "$tmp"' EXIT
release=$(uname -r)
ratio() { field "sgprobe_truth_ratio{signal=\"$1\"}" 2; }
exact() { ok "$1: the ratio is 1" between "$(ratio "$1")" "${2:-1}" "${3:-1}"; } # SIGNAL [LOW HIGH]
# Fewer than a ratio is told of: both counts themselves.
equal() { # SIGNAL OURS KERNEL LEAST
	ok "$1: there were some" between "$(total "$3")" "$4" 1000000000
	ok "$1: sgprobe counts what the kernel counts" is "$(total "$2")" "$(total "$3")"
}
udp() { # N ADDRESS
	"$O/tools/udp-send" -l -a "$2" -n "$1" -b 1000000 > "$tmp/received" &
	eventually grep -q listening "$tmp/received"
	"$O/tools/udp-send" -a "$2" -n "$1" -s 200 > /dev/null
	wait $!
}
full() { # N
	"$O/tools/udp-send" -l -q -n "$1" -b 5000 > "$tmp/received" &
	local pid=$!
	eventually grep -q listening "$tmp/received"
	"$O/tools/udp-send" -n "$1" -s 500 > /dev/null
	kill -USR1 $pid
	wait $pid
}
load() { # N
	dd if=/dev/zero of=/dev/vda oflag=direct bs=4k seek=8192 count="$1" conv=notrunc 2> /dev/null
	dd if=/dev/vda of=/dev/null iflag=direct bs=4k count="$1" 2> /dev/null
	"$O/tools/tcp-churn" -n "$1" -s 100 -r 300 > /dev/null
	"$O/tools/tcp-churn" -c -n "$1" > /dev/null # nobody listens
	for address in 127.0.0.1 ::1; do udp "$1" $address; done
	full "$1"
	"$O/tools/work-fork" "$1"
	"$O/tools/work-calls" thread 5
	"$O/tools/work-mem" touch $((20 * $1))
	"$O/tools/work-mem" major "$tmp/mnt/file" > /dev/null
	dd if=/dev/zero of="$tmp/mnt/dirty" bs=4k count="$1" 2> /dev/null
	"$O/tools/work-pingpong" $((2 * $1)) 0 0 > /dev/null
}

# A file system at the beginning of the disk, whose cache writes through: a flush would be a write of nothing.
echo "write through" > /sys/block/vda/queue/write_cache
mkdir "$tmp/mnt"
mke2fs -b 4096 /dev/vda 4096 > /dev/null 2>&1
mount -t ext4 -o noatime /dev/vda "$tmp/mnt"
mounted=$?
dd if=/dev/zero of="$tmp/mnt/file" bs=4k count=200 conv=fsync 2> /dev/null
sync
settle() { sleep 2.5; } # two whole ticks: the two readings of a tick are some milliseconds apart
watch_all() { watch -s $(domains | sed 's/.*/probe.&=true/') "$@"; }
watch_all
load 10 # so that all are there
settle
echo 3 > /proc/sys/vm/drop_caches
load 150
sync
echo 1 > /proc/sys/vm/compact_memory
dd if=/dev/vda of=/dev/null bs=1M 2> /dev/null
echo 1 > /proc/sys/vm/overcommit_memory
"$O/tools/work-mem" eat 3000000000 2> /dev/null
settle
unwatch
missed=$(total 'sgprobe_dropped_total{reason="run_missed"}')
least=1
[ "$missed" = 0 ] || least=0.98 # of few and frequent programs; that is said in sgprobe_dropped_total
for s in forks process_starts disk_reads disk_writes disk_bytes hard_interrupts tcp_active_opens tcp_passive_opens; do
	exact $s $least
done
for s in loopback_sent loopback_received; do exact $s $least; done
case $release in
[1-5].* | 6.[0-2].*) skip "udp_sent, udp_received: the ratio is 1" "the trace point came with Linux 6.3" ;;
*) for s in udp_sent udp_received udp_drops; do exact $s $least; done ;;
esac
case $release in
[1-5].* | 6.[0-9].*) exact tcp_resets_sent 0 1 ;; # those of no socket are not seen
*) exact tcp_resets_sent $least ;;
esac
exact exits 0.98 1.02 # what ended before the first reading may be reaped after it
# These never stop, so what happens between the two readings makes a difference.
for s in context_switches softirqs; do exact $s 0.98 1.02; done
exact page_faults 0.9 1.05 # but for those ahead of an access, and those of an access to nothing
[ $mounted != 0 ] || for s in pages_dirtied major_faults; do exact $s $least; done

# Memory was short: kswapd ran, tasks had to free some themselves, one was killed.
equal migrations 'sgprobe_mem_migrated_bytes_total{' 'sgprobe_vm_migrated_bytes_total ' 0
equal kswapd_runs 'sgprobe_mem_kswapd_wakes_total ' 'sgprobe_vm_kswapd_runs_total ' 1
equal oom_kills 'sgprobe_mem_oom_victims_total ' 'sgprobe_vm_oom_kills_total ' 1
stalls=$(total 'sgprobe_mem_reclaim_stall_seconds{kind="direct"}')
ok "truth: reclaim_stalls: the kernel counts each try of one" between "$(total 'sgprobe_vm_allocation_stalls_total{')" $((stalls - 1)) $((3 * stalls + 1))
finish
