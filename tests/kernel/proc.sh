#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# /proc's numbers against what was caused, against /sys, and against the scheduler's own programs.
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/tcp-churn" ] || skip_all "the tools are not built"
cpus=$(nproc)

burn() { # SECONDS PROCESSES
	local pids=()
	for _ in $(seq "$2"); do
		timeout "$1" sh -c 'while :; do :; done' &
		pids+=($!)
	done
	wait "${pids[@]}"
}
device() { cat "/sys/class/net/lo/statistics/$1"; }
# Sum of a column of all whole disks, in the units of /sys/block/*/stat.
disks() {
	local s
	for s in /sys/block/*/stat; do
		case $s in */loop* | */ram*) ;; *) awk -v c="$1" '{ print $c }' "$s" ;; esac
	done | awk '{ s += $1 } END { printf "%.0f", s * 512 }'
}

lo0=$(device rx_bytes)
written0=$(disks 7)
watch probe.syscall=false probe.tcp=false
seconds=$(date +%s.%N)
written1=$(disks 7)
sleep 1.1 # the first tick is the base of all differences
burn 1.5 $((cpus * 2))
for _ in $(seq 200); do (:); done
"$O/tools/tcp-churn" -p 19426 -n 10 -s 1000000 > /dev/null
dd if=/dev/zero of="$tmp/file" bs=1M count=16 conv=fsync status=none
written2=$(disks 7)
sleep 1.1
unwatch
written3=$(disks 7)
seconds=$(echo "$seconds $(date +%s.%N)" | awk '{ print $2 - $1 }')

ok "every loop's CPU time is there" between "$(field 'sgprobe_cpu_seconds_total{mode="user"}' 2)" \
	"$(echo "$cpus" | awk '{ print $1 * 1.0 }')" 100
ok "the modes add up to all the time there was" between \
	"$(awk '/^sgprobe_cpu_seconds_total/ { s += $2 } END { print s }' "$OUT")" \
	"$(echo "$seconds $cpus" | awk '{ print ($1 - 2.5) * $2 }')" "$(echo "$seconds $cpus" | awk '{ print $1 * $2 * 1.05 }')"
ok "all CPUs are online" is "$(field sgprobe_cpu_online 2)" "$cpus"
if grep -q '^sgprobe_pressure' "$OUT"; then
	ok "two loops for each CPU are pressure" between \
		"$(field 'sgprobe_pressure_waiting_seconds_total{kind="some",resource="cpu"}' 2)" 0.5 "$seconds"
else
	skip "two loops for each CPU are pressure" "this kernel has no PSI"
fi
ok "forks are counted" between "$(field sgprobe_processes_created_total 2)" 200 1000000
ok "context switches are those that the scheduler's programs saw" between \
	"$(awk '/^sgprobe_cpu_context_switches_total/ { a = $2 } /^sgprobe_sched_switches_total/ { b = $2 } END { print a / b }' "$OUT")" 0.7 1.05
ok "the memory is the machine's" is "$(field sgprobe_memory_total_bytes 2)" \
	"$(awk '/^MemTotal/ { printf "%.0f", $2 * 1024 }' /proc/meminfo)"
ok "bytes over loopback are what was sent, and the device's own" between \
	"$(total 'sgprobe_net_receive_bytes_total{device="lo"}')" 10000000 $(($(device rx_bytes) - lo0))
wrote=$((written2 - written1))
if [ "$wrote" -ge 16777216 ]; then
	ok "bytes written are the disks' own" between "$(total 'sgprobe_disk_written_bytes_total{')" \
		16777216 $((written3 - written0))
else
	skip "bytes written are the disks' own" "$tmp is not on a disk"
fi
ok "nothing on this machine is counted under a loop device that is not used" \
	is "$(grep -c '^sgprobe_disk_reads_total{device="loop' "$OUT")" \
	"$(awk '$3 ~ /^loop/ && ($4 || $8)' /proc/diskstats | wc -l)"
finish
