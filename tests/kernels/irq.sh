#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Interrupts of a disk and softirqs of the loopback device, against the kernel's own counters.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
irqs() { awk '/virtio.*req/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts; }
softirqs() { awk -v v="$1:" '$1 == v { for (i = 2; i <= NF; i++) n += $i; print n }' /proc/softirqs; }
of_disk() { awk 'index($0, "sgprobe_irq_hardirq_seconds{") == 1 && /virtio.*req/ { n += $2 } END { print n + 0 }' "$OUT"; }
softirq() { field "sgprobe_irq_softirq_seconds{vector=\"$1\"}" 2; }

h0=$(irqs) n0=$(softirqs NET_RX)
watch_only irq -s
dd if=/dev/vda of=/dev/null bs=4096 count=500 iflag=direct 2> /dev/null
"$O/tools/tcp-churn" -n 200 -s 100 -r 100 > /dev/null
for ((i = 0; i < 200000; i++)); do :; done
unwatch
h1=$(irqs) n1=$(softirqs NET_RX)
count_missed
ok "500 reads of a disk, one after the other, are interrupts" between $((h1 - h0)) 400 600
ok "all of them are seen" between "$(of_disk)" $((h1 - h0 - missed)) $((h1 - h0))
ok "200 connections are network softirqs" between $((n1 - n0)) 200 100000
ok "all of them are seen" between "$(softirq net_rx)" $((n1 - n0 - missed)) $((n1 - n0))
ok "they had been raised, and waited" between "$(field 'sgprobe_irq_softirq_wait_seconds{vector="net_rx"}' 2)" 1 "$(softirq net_rx)"
host=$(total 'sgprobe_irq_stolen_seconds ')
ok "interrupts take time from what ran" between "$host" 10 10000000
for d in cgroup comm; do
	ok "the sum over ${d}s equals the host's" is "$(total "sgprobe_${d}_irq_stolen_seconds{")" "$host"
done
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"
finish
