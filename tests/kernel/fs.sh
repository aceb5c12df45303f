#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# File systems on loop devices: what was asked of ext4, and what its journal says of itself.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
mem=$(mktemp -d /dev/shm/sgprobe-fs.XXXXXX)
devs=
top=
cg=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cleanup() {
	unwatch
	[ -z "$top" ] || rmdir "$cg/$top" 2> /dev/null
	umount "$tmp/mnt" "$tmp/full" 2> /dev/null
	for d in $devs; do losetup -d "$d"; done
	umount "$mem/small" 2> /dev/null
	rm -rf "$tmp" "$mem"
}
trap cleanup EXIT
device() { # FILE SIZE: a loop device with ext4 on it, in $dev
	truncate -s "$2" "$1" && dev=$(losetup -f --show "$1") && devs="$devs $dev" && mkfs.ext4 -q "$dev" 2> /dev/null
}
grep -qw ext4 /proc/filesystems || skip_all "no ext4"
device "$mem/image" 256M || skip_all "no loop device, or no mkfs.ext4"
main=$dev
mkdir "$tmp/mnt"
mount "$main" "$tmp/mnt" || skip_all "no mount"
name=${main#/dev/}
info=/proc/fs/jbd2/$name-8/info
[ -n "$cg" ] && mkdir "$cg/sgprobe-fs-$$" 2> /dev/null && top=sgprobe-fs-$$

commits() { awk 'NR == 1 { print $1 }' "$info"; }
dd_file() { dd if=/dev/zero of="$tmp/mnt/$1" bs=1M count="$2" "${@:3}" 2> /dev/null; }
fsyncs() {
	[ -z "$top" ] || echo "$BASHPID" > "$cg/$top/cgroup.procs"
	for i in $(seq 7); do dd_file "file$i" 1 conv=fsync; done
	for i in $(seq 3); do dd_file "file$i" 1 conv=fdatasync; done
}
fsync() { field "sgprobe_fs_fsync_seconds{device=\"$name\",filesystem=\"ext4\"}" "${1:-2}"; }
page=$(getconf PAGESIZE)
mib=$((1024 * 1024 / page)) # pages of one

dd_file old 8 conv=fsync
umount "$tmp/mnt" && mount "$main" "$tmp/mnt" # its pages leave the cache
sync -f "$tmp/mnt"
watch_only fs
c0=$(commits)
(fsyncs)
dd_file new 4 conv=fsync
cat "$tmp/mnt/old" > /dev/null
cp "$tmp/mnt/new" "$tmp/mnt/copy"
sync -f "$tmp/mnt"
c1=$(commits)
unwatch
ok "each fsync and fdatasync is counted" is "$(fsync)" 11
ok "so says the count by file system" between "$(field 'sgprobe_fs_fsyncs_total{filesystem="ext4"}' 2)" 11 1000
ok "it took some time" between "$(fsync 3)" 0.0001 60
ok "it is known who waited" between "$(field 'sgprobe_comm_fs_fsync_seconds{comm="dd"}' 2)" 11 1000
if [ -n "$top" ]; then
	ok "in which control group" is "$(field "sgprobe_cgroup_fs_fsync_seconds{cgroup=\"/$top\"}" 2)" 10
else
	skip "in which control group" "no writable cgroup2"
fi
host=$(total 'sgprobe_fs_fsync_seconds{')
ok "the sum over cgroups is the total" is "$(total 'sgprobe_cgroup_fs_fsync_seconds{')" "$host"
ok "the sum over comms is the total" is "$(total 'sgprobe_comm_fs_fsync_seconds{')" "$host"
seen=$(field "sgprobe_fs_commit_seconds{device=\"$name\"}" 2)
ok "fsyncs commit" between "$((c1 - c0))" 8 100
# One may be made by time before the first reading, or after the last.
ok "commits are those that the journal counts" between "$seen" $((c1 - c0)) $((c1 - c0 + 2))
for phase in wait request_delay running locked flushing logging; do
	phases="$phases $(field "sgprobe_fs_commit_phase_seconds{phase=\"$phase\"}" 2)"
done
# shellcheck disable=SC2086
ok "each commit has every phase" is "$(printf '%s\n' $phases | sort -u | wc -l)" 1
ok "blocks went to the journal" between "$(total sgprobe_fs_commit_blocks_total)" "$seen" 1000000
ok "operations too" between "$(total sgprobe_fs_commit_handles_total)" "$seen" 1000000
ok "pages that were read are misses" is \
	"$(awk -v n="$(field 'sgprobe_comm_fs_cache_added_pages{comm="cat"}' 3)" -v m=$((8 * mib)) 'BEGIN { print (n >= m && n < m + 200) }')" 1
dirtied=$(field 'sgprobe_comm_fs_dirtied_pages{comm="cp"}' 3)
ok "pages that were written became dirty" between "$dirtied" $((4 * mib)) $((4 * mib + 200))
ok "flushers wrote them" between "$(total sgprobe_fs_writeback_pages_total)" $((4 * mib)) 100000000
ok "in a pass" between "$(field 'sgprobe_fs_writeback_pass_seconds{reason="sync"}' 2)" 1 1000000
ok "nothing failed" is "$(total sgprobe_fs_fsync_errors_total)" 0
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

# Pages leave the cache with their file.
watch_only fs
rm "$tmp/mnt/copy" "$tmp/mnt/new"
unwatch
# Eviction is a tight loop: a program that interrupts itself there is left out by the kernel, a few times.
ok "pages of a removed file are evicted" between "$(total sgprobe_fs_cache_removed_pages_total)" $((8 * mib * 98 / 100)) 100000000

# A device that may hold one MiB of dirty pages.
bdi=/sys/class/bdi/$(mountpoint -d "$tmp/mnt")
if echo 1 > "$bdi/strict_limit" 2> /dev/null && echo $((1024 * 1024)) > "$bdi/max_bytes"; then
	watch_only fs
	dd_file fast 64
	unwatch
	ok "who dirties too fast is paused" between "$(field 'sgprobe_comm_fs_dirty_pause_seconds{comm="dd"}' 2)" 1 100000
	ok "for some time" between "$(field 'sgprobe_comm_fs_dirty_pause_seconds{comm="dd"}' 3)" 0.001 600
	ok "nobody else: the sum is the total" is "$(total 'sgprobe_comm_fs_dirty_pause_seconds{')" \
		"$(total 'sgprobe_fs_dirty_pause_seconds ')"
else
	skip "who dirties too fast is paused" "no strict limit of a device"
fi

# A device that says no: the disk below it is full.
mkdir "$mem/small" "$tmp/full"
if mount -t tmpfs -o size=16M sgprobe "$mem/small" && device "$mem/small/image" 64M &&
	mount "$dev" "$tmp/full"; then
	watch_only fs
	dd if=/dev/zero of="$tmp/full/file" bs=1M count=32 conv=fsync 2> /dev/null
	unwatch
	ok "an fsync that fails is an error" is "$(field 'sgprobe_fs_fsync_errors_total{filesystem="ext4"}' 2)" 1
	ok "of write-back" between "$(total sgprobe_fs_writeback_errors_total)" 1 1000000
else
	skip "an fsync that fails is an error" "no file system in memory"
fi
for type in xfs btrfs f2fs; do
	if command -v mkfs.$type > /dev/null && grep -qw $type /proc/filesystems; then
		truncate -s 512M "$mem/$type" && mkfs.$type -q "$mem/$type" > /dev/null 2>&1 && mkdir "$tmp/$type" &&
			mount -o loop "$mem/$type" "$tmp/$type" || continue
		watch_only fs
		for i in 1 2 3; do dd if=/dev/zero of="$tmp/$type/f" bs=64k count=1 conv=fsync 2> /dev/null; done
		unwatch
		umount "$tmp/$type"
		ok "an fsync of $type is counted" between "$(field "sgprobe_fs_fsyncs_total{filesystem=\"$type\"}" 2)" 3 1000
	else
		skip "an fsync of $type is counted" "no mkfs.$type, or not in this kernel"
	fi
done
finish
