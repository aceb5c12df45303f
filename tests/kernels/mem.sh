#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory shortage in a small cgroup, one OOM kill, compaction, against the kernel's counters.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
vm() { awk -v k="$1" '$1 == k { print $2 }' /proc/vmstat; }
group=/sys/fs/cgroup/sgmem
inside() { bash -c 'echo $$ > '$group'/cgroup.procs && exec "$@"' inside "$@"; }
of() { total "sgprobe_comm_mem_$1"; }

echo +memory > /sys/fs/cgroup/cgroup.subtree_control
if mkdir $group && echo 16M > $group/memory.max; then
	echo 3 > /proc/sys/vm/drop_caches
	watch_only mem -s
	inside dd if=/dev/vda of=/dev/null bs=1M 2> /dev/null # 64 MB, through the page cache
	unwatch
	count_missed
	ok "64 MB in a cgroup of 16 MB stall" between "$(of 'reclaim_stall_seconds{comm="dd",kind="memcg"}')" 10 100000
	stolen=$(($(awk '$1 == "pgsteal" { print $2 }' $group/memory.stat) * 4096))
	ok "and free what does not fit" between "$stolen" 40000000 1000000000
	ok "which is what the cgroup counted, and slabs" between "$(of 'reclaimed_bytes_total{comm="dd",kind="memcg"}')" "$stolen" $((stolen * 11 / 10))
	for m in reclaim_stall_seconds reclaimed_bytes_total; do
		host=$(total "sgprobe_mem_$m{")
		for d in cgroup comm; do
			ok "$m: the sum over ${d}s equals the host's" is "$(total "sgprobe_${d}_mem_$m{")" "$host"
		done
	done

	k0=$(vm oom_kill)
	watch_only mem
	inside "$O/tools/work-mem" eat 100000000 2> /dev/null
	status=$?
	unwatch
	ok "a program of 100 MB is killed in it" is $status 137
	ok "which is one OOM victim" is "$(of 'oom_victims_total{comm="work-mem"}')" 1
	ok "of as many as the kernel counted" is "$(total 'sgprobe_mem_oom_victims_total ')" $(($(vm oom_kill) - k0))
	rmdir $group
else
	skip "a full cgroup" "no memory controller"
fi

m0=$(vm pgmigrate_success)
watch_only mem
echo 1 > /proc/sys/vm/compact_memory
unwatch
moved=$(total 'sgprobe_mem_migrated_bytes_total{' )
ok "compaction on request is compaction by who asked" between "$(of 'compaction_seconds{comm="bash"}')" 1 1000
ok "each has a result" is "$(total sgprobe_mem_compactions_total)" "$(total 'sgprobe_mem_compaction_seconds ')"
ok "it moved what the kernel counted" is "$moved" $((($(vm pgmigrate_success) - m0) * 4096))
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
