#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the pool takes back when there is little left, and hands out again: nothing is lost on the way.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
mem=$(mktemp -d /dev/shm/sgprobe-pool.XXXXXX)
dev=
cleanup() {
	unwatch
	[ -z "$dev" ] || losetup -d "$dev"
	rm -rf "$tmp" "$mem"
}
trap cleanup EXIT
truncate -s 1M "$mem/image"
dev=$(losetup -f --show "$mem/image") || skip_all "no loop device"

# One write each of so many commands: a row of latencies and one of sizes for each of them.
write_as() { # NAME FROM TO
	for i in $(seq "$2" "$3"); do
		ln -f "$tmp/dd" "$tmp/$1$i"
		"$tmp/$1$i" if=/dev/zero of="$dev" bs=4k count=1 oflag=direct 2> /dev/null
	done
}
used() { awk '$1 ~ /^sgprobe_comm_block_latency_seconds{comm="'"$1"'/ && $2 == '"$2"' { n++ } END { print n + 0 }' "$OUT"; }
cp "$(command -v dd)" "$tmp/dd"
n=100
ticks=20 # milliseconds
for _ in 1 2 3 4 5; do
	watch_only block -i $ticks probe.rows=256
	write_as first 1 $n
	sleep $((330 * ticks / 1000 + 1)) # they are idle for so long that they are taken back
	write_as first 1 10
	write_as second 1 $n
	unwatch
	[ "$(used second 1)/$(used first 2)" != "$n/10" ] || break # a completion may not be seen: see block.sh
done
ok "what was idle made room" is "$(total sgprobe_pool_full_total)" 0
ok "the next ones are all told apart" is "$(used second 1)" $n
ok "those that come back too" is "$(used first 2)" 10
ok "the others keep their count" is "$(used first 1)" $((n - 10))
host=$(total 'sgprobe_block_latency_seconds{')
ok "the sum over comms is the total" is "$(total 'sgprobe_comm_block_latency_seconds{')" "$host"
ok "the sum over cgroups is the total" is "$(total 'sgprobe_cgroup_block_latency_seconds{')" "$host"
finish
