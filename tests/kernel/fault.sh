#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Page faults: known numbers of them, and the host's against /proc/vmstat.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/work-mem" ] || skip_all "the tools are not built"
room="probe.slots=2048 probe.max_comms=2048" # others start programs too
for n in sg-touch sg-kernel sg-major; do cp "$O/tools/work-mem" "$tmp/$n"; done
faults() { total "sgprobe_comm_fault_faults_total{comm=\"$1\",mode=\"$2\"}"; }
vm() { awk -v k="$1" '$1 == k { print $2 }' /proc/vmstat; }

watch_only fault $room
if grep -q 'sgprobe_domain_up{domain="fault",variant=""' "$OUT"; then skip_all "this kernel has no such trace point"; fi
f0=$(vm pgfault)
"$tmp/sg-touch" touch 1000000
"$tmp/sg-kernel" kernel 200000
f1=$(vm pgfault)
unwatch
ok "1,000,000 pages touched are as many faults, and a few to start" between "$(faults sg-touch user)" 1000000 1001000
ok "200,000 that the kernel touched are its" between "$(faults sg-kernel kernel)" 200000 200500
ok "no more than those of /proc/vmstat" between "$(total sgprobe_fault_faults_total)" $(((f1 - f0) * 98 / 100)) $(((f1 - f0) * 102 / 100 + 5000))
host=$(total sgprobe_fault_faults_total)
ok "the sum over cgroups equals the host's" is "$(total sgprobe_cgroup_fault_faults_total)" "$host"
ok "the sum over comms equals the host's" is "$(total sgprobe_comm_fault_faults_total)" "$host"
if grep -q 'program_attached{program="fault/handle_mm_fault",variant=' "$OUT"; then
	ok "each fault has a latency" between "$(total 'sgprobe_comm_fault_latency_seconds{comm="sg-touch"}')" 1000000 1001000
else
	ok "why there are no latencies is said" grep -q 'program_attached{program="fault/handle_mm_fault",reason="fentry: .*; kprobe: .*"} 0' "$OUT"
fi
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

dd if=/dev/zero of="$tmp/file" bs=1M count=16 conv=fsync status=none
dd of="$tmp/file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
watch_only fault $room
major=$("$tmp/sg-major" major "$tmp/file")
unwatch
if [ "${major:-0}" -gt 100 ]; then
	seen=$(total 'sgprobe_comm_fault_major_total{comm="sg-major"}')
	ok "faults that read from the disk are those that the kernel counted" between "$seen" "$major" $((major + 20))
else
	skip "major faults" "$tmp is not on a disk"
fi
finish
