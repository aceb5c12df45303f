#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Page faults, in a guest: exact counts of them, and of those that were timed.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
for n in sg-touch sg-kernel; do cp "$O/tools/work-mem" "$tmp/$n"; done
faults() { total "sgprobe_comm_fault_faults_total{comm=\"$1\",mode=\"$2\"}"; }
timed() { total "sgprobe_comm_fault_latency_seconds{comm=\"$1\"}"; }

for by in fentry kprobe; do
	flag=
	[ $by = fentry ] || flag=-k
	watch_only fault $flag -s
	"$tmp/sg-touch" touch 20000
	"$tmp/sg-kernel" kernel 5000
	unwatch
	ok "$by: 20,000 pages touched are as many faults, and a few to start" between "$(faults sg-touch user)" 20000 20500
	ok "$by: 5,000 that the kernel touched are its" between "$(faults sg-kernel kernel)" 5000 5300
	ok "$by: page faults are hooked" grep -q "program_attached{program=\"fault/handle_mm_fault\",variant=\"$by\"} 1" "$OUT"
	ok "$by: and so is their end" grep -q "program_attached{program=\"fault/handle_mm_fault_end\",variant=\"$by\"} 1" "$OUT"
	# Exec touches the new stack from the kernel without a fault.
	ok "$by: each has a latency" between "$(timed sg-touch)" 20000 20600
	ok "$by: those of the kernel too" between "$(timed sg-kernel)" 5000 5600
	ok "$by: none of them waited for a disk" is "$(total 'sgprobe_fault_latency_seconds{kind="major"}')" 0
	ok "$by: the sum over cgroups equals the host's" is "$(total sgprobe_cgroup_fault_latency_seconds)" "$(total sgprobe_fault_latency_seconds)"
	ok "$by: the sum over comms too" is "$(total sgprobe_comm_fault_latency_seconds)" "$(total sgprobe_fault_latency_seconds)"
	ok "$by: a minor fault takes less than a millisecond" between "$(field 'sgprobe_fault_latency_seconds{kind="minor"}' 4)" 0 0.001
	ok "$by: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
done
finish
