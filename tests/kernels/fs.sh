#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# File systems, in a guest, by functions of the kernel: exact counts of fsyncs, whatever the type, and the page
# cache's accesses.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
dir=$(mktemp -d /dev/shm/sgprobe-fs.XXXXXX)
trap 'unwatch; rm -rf "$tmp" "$dir"' EXIT
dd if=/dev/zero of="$dir/old" bs=64k count=16 2> /dev/null

for by in fentry kprobe; do
	flag=
	[ $by = fentry ] || flag=-k
	watch_only fs $flag -s probe.cache_accesses=true
	for i in 1 2 3 4 5 6 7; do dd if=/dev/zero of="$dir/f$i" bs=4k count=1 conv=fsync 2> /dev/null; done
	for i in 1 2 3; do dd if=/dev/zero of="$tmp/f$i" bs=4k count=1 conv=fsync 2> /dev/null; done
	dd if="$dir/old" of=/dev/null bs=4k 2> /dev/null
	unwatch
	ok "$by: fsync is hooked" grep -q "program_attached{program=\"fs/vfs_fsync_range\",variant=\"$by\"} 1" "$OUT"
	ok "$by: 10 fsyncs of two file systems are seen" is "$(total sgprobe_fs_sync_seconds)" 10
	ok "$by: 7 of them of tmpfs" between "$(total 'sgprobe_fs_sync_seconds{filesystem="tmpfs"}')" 7 10
	ok "$by: the page cache is hooked" grep -q "program_attached{program=\"fs/folio_mark_accessed\",variant=\"$by\"} 1" "$OUT"
	ok "$by: each page that is read is used" between "$(total sgprobe_fs_cache_accesses_total)" 256 100000
	ok "$by: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
done

watch_only fs
dd if="$dir/old" of=/dev/null bs=4k 2> /dev/null
unwatch
ok "where nobody asked for accesses of the page cache there are none" is "$(total sgprobe_fs_cache_accesses_total)" 0
finish
