#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Interrupts against /proc/softirqs and /proc/interrupts, and whose time they took.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
softirqs() { awk -v v="$1:" '$1 == v { for (i = 2; i <= NF; i++) n += $i; print n }' /proc/softirqs; }
softirq() { field "sgprobe_irq_softirq_seconds{vector=\"$1\"}" 2; }

# Loopback segments are received in the net_rx softirq.
# It begins to count before all of it is ready.
r00=$(softirqs NET_RX) t00=$(softirqs TIMER)
watch
r0=$(softirqs NET_RX) t0=$(softirqs TIMER)
"$O/tools/tcp-churn" 2000 > /dev/null 2>&1
burn=$(command -v timeout)
"$burn" 1 sh -c 'while :; do :; done'
r1=$(softirqs NET_RX) t1=$(softirqs TIMER)
unwatch
ok "network softirqs are those of /proc/softirqs" between "$(softirq net_rx)" $((r1 - r0)) $(((r1 - r00) * 101 / 100 + 50))
ok "timer softirqs too" between "$(softirq timer)" $((t1 - t0)) $(((t1 - t00) * 101 / 100 + 50))
ok "what ran had been raised" between "$(total 'sgprobe_irq_softirq_raises_total{vector="net_rx"}')" 1 100000000
ok "and waited first" between "$(field 'sgprobe_irq_softirq_wait_seconds{vector="net_rx"}' 2)" 1 $(($(softirq net_rx) + 500))
ok "a loop loses time to interrupts" between "$(field 'sgprobe_comm_irq_stolen_seconds{comm="sh"}' 2)" 10 100000
host=$(total 'sgprobe_irq_stolen_seconds ')
ok "the sum over cgroups equals the host's" is "$(total 'sgprobe_cgroup_irq_stolen_seconds{')" "$host"
ok "the sum over comms equals the host's" is "$(total 'sgprobe_comm_irq_stolen_seconds{')" "$host"
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

# More kinds than the pool has room for: they are counted all the same.
watch probe.rows=256 probe.slots=1024
# Each runs long enough to be interrupted.
for i in $(seq 300); do
	ln "$(command -v bash)" "$tmp/sg-irq-$i" 2> /dev/null || cp "$(command -v bash)" "$tmp/sg-irq-$i"
	"$tmp/sg-irq-$i" -c 'for ((i = 0; i < 4000; i++)); do :; done'
	rm "$tmp/sg-irq-$i"
done
"$burn" 1 sh -c 'while :; do :; done'
unwatch
host=$(total 'sgprobe_irq_stolen_seconds ')
ok "a full pool says so" between "$(total sgprobe_pool_full_total)" 1 1000000
ok "a full pool counts under other: cgroups" is "$(total 'sgprobe_cgroup_irq_stolen_seconds{')" "$host"
ok "a full pool counts under other: comms" is "$(total 'sgprobe_comm_irq_stolen_seconds{')" "$host"
finish
