#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory shortage: stalls in a small cgroup, one OOM kill, compaction, against the kernel's counters.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/work-mem" ] || skip_all "the tools are not built"
room="probe.slots=2048 probe.max_comms=2048" # others start programs too
page=$(getconf PAGESIZE)
vm() { awk -v k="$1" '$1 == k { print $2 }' /proc/vmstat; }
named() { cp "$O/tools/work-mem" "$tmp/$1" && echo "$tmp/$1"; }

# A cgroup of 32 MB, by whichever version has the memory controller.
group=
memory_group() {
	local v1 v2
	v1=$(awk '$0 ~ / - cgroup / && $NF ~ /memory/ { print $5; exit }' /proc/self/mountinfo)
	v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	if [ -n "$v1" ] && mkdir "$v1/sgprobe-mem-$$" 2> /dev/null; then
		group=$v1/sgprobe-mem-$$
		echo 32M > "$group/memory.limit_in_bytes"
	elif grep -qw memory "$v2/cgroup.subtree_control" 2> /dev/null && mkdir "$v2/sgprobe-mem-$$"; then
		group=$v2/sgprobe-mem-$$
		echo 32M > "$group/memory.max" && echo 0 > "$group/memory.swap.max"
	fi
}
cleanup() {
	unwatch
	[ -z "$group" ] || rmdir "$group"
	rm -rf "$tmp"
}
trap cleanup EXIT
inside() { (echo "$BASHPID" > "$group/cgroup.procs" && exec "$@"); }

memory_group 2> "$tmp/why"
if [ -n "$group" ]; then
	cp "$(command -v dd)" "$tmp/sg-reader"
	dd if=/dev/zero of="$tmp/file" bs=1M count=128 conv=fsync status=none
	dd of="$tmp/file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
	watch_only mem probe.process=true $room
	inside "$tmp/sg-reader" if="$tmp/file" of=/dev/null bs=1M status=none
	unwatch
	s='sgprobe_comm_mem_reclaim_stall_seconds{comm="sg-reader",kind="memcg"}'
	ok "reading 128 MB in a cgroup of 32 MB stalls" between "$(field "$s" 2)" 10 100000
	ok "for some time" between "$(field "$s" 3)" 0.0001 30
	ok "and frees what does not fit" between \
		"$(total 'sgprobe_comm_mem_reclaimed_bytes_total{comm="sg-reader",kind="memcg"}')" 100000000 140000000
	for m in reclaim_stall_seconds reclaimed_bytes_total; do
		host=$(total "sgprobe_mem_$m{")
		ok "$m: the sum over cgroups equals the host's" is "$(total "sgprobe_cgroup_mem_$m{")" "$host"
		ok "$m: the sum over comms equals the host's" is "$(total "sgprobe_comm_mem_$m{")" "$host"
	done

	eater=$(named sg-eater)
	k0=$(vm oom_kill)
	watch_only mem probe.process=true $room
	inside "$eater" eat 100000000 2> /dev/null
	status=$?
	unwatch
	k1=$(vm oom_kill)
	ok "a program of 100 MB is killed in it" is "$status" 137
	ok "which is one OOM victim" is "$(total 'sgprobe_comm_mem_oom_victims_total{comm="sg-eater"}')" 1
	ok "of as many as the kernel counted" is "$(total sgprobe_mem_oom_victims_total)" $((k1 - k0))
	ok "its cgroup has it" is "$(total sgprobe_cgroup_mem_oom_victims_total)" $((k1 - k0))
	ok "it was killed" between "$(total 'sgprobe_comm_process_signals_total{comm="sg-eater",signal="SIGKILL"}')" 1 2
	ok "and ended so" is "$(total 'sgprobe_comm_process_exits_total{comm="sg-eater",result="signal"}')" 1
	ok "it stalled before" between "$(field 'sgprobe_comm_mem_reclaim_stall_seconds{comm="sg-eater",kind="memcg"}' 2)" 1 100000
else
	skip "a full cgroup" "no memory controller: $(cat "$tmp/why")"
fi

if [ -w /proc/sys/vm/compact_memory ]; then
	cp "$(command -v bash)" "$tmp/sg-compact"
	m0=$(vm pgmigrate_success)
	watch_only mem probe.process=true $room
	"$tmp/sg-compact" -c 'echo 1 > /proc/sys/vm/compact_memory'
	unwatch
	m1=$(vm pgmigrate_success)
	n=$(field 'sgprobe_comm_mem_compaction_seconds{comm="sg-compact"}' 2)
	ok "compaction on request is compaction by who asked" between "$n" 1 1000
	ok "each has a result" is "$(total sgprobe_mem_compactions_total)" "$(total 'sgprobe_mem_compaction_seconds ')"
	ok "which is one that the kernel has a name for" is "$(grep -c '^sgprobe_mem_compactions_total{result="other"}' "$OUT")" 0
	moved=$(total 'sgprobe_mem_migrated_bytes_total{reason="compaction"}' || echo 0)
	ok "it moved what the kernel counted" is "$moved" $(((m1 - m0) * page))
else
	skip "compaction" "the kernel has no vm.compact_memory"
fi

# Takes page cache from everybody, so only where that is asked for.
if [ "${SG_TEST_PRESSURE:-}" = 1 ]; then
	min=$(cat /proc/sys/vm/min_free_kbytes)
	restore() { echo "$min" > /proc/sys/vm/min_free_kbytes; }
	trap 'restore; cleanup' EXIT
	a0=$(awk '/^allocstall/ { s += $2 } END { print s }' /proc/vmstat) s0=$(vm pgsteal_direct)
	watch_only mem probe.process=true $room
	free=$(awk '/^MemFree/ { print $2 }' /proc/meminfo)
	echo $((free + 50000)) > /proc/sys/vm/min_free_kbytes
	"$O/tools/work-mem" touch 200000
	restore
	sleep 1
	unwatch
	trap cleanup EXIT
	a1=$(awk '/^allocstall/ { s += $2 } END { print s }' /proc/vmstat) s1=$(vm pgsteal_direct)
	if [ "$a1" = "$a0" ]; then
		skip "direct reclaim" "kswapd was quicker"
	else
		ok "direct reclaim stalls are those of /proc/vmstat" is "$(field 'sgprobe_mem_reclaim_stall_seconds{kind="direct"}' 2)" $((a1 - a0))
	fi
	ok "direct reclaim freed what the kernel counted" between "$(total 'sgprobe_mem_reclaimed_bytes_total{kind="direct"}')" $(((s1 - s0) * page)) $(((s1 - s0) * page * 2))
	ok "kswapd was awake" between "$(field 'sgprobe_mem_kswapd_awake_seconds{node="0"}' 2)" 1 10000
else
	skip "direct reclaim and kswapd" "it would take memory from everybody: SG_TEST_PRESSURE=1 asks for it"
fi
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
