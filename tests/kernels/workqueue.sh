#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Work items: of network namespaces that end, which have a workqueue of their own, and of a loop device.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
seen() { field "sgprobe_workqueue_$1_seconds{workqueue=\"$2\"}" "$3"; }
gone() { ! ip link show sgwq > /dev/null 2>&1; }

watch_only workqueue
# Its device tells when the work of a namespace's end is done, so that each is an item of its own.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	ip netns add sgwq && ip link add sgwq type veth peer name peer netns sgwq && ip netns del sgwq
	eventually gone
done
unwatch
ok "the ends of 10 namespaces are 10 work items" is "$(seen wait netns 2)" 10
ok "that run" is "$(seen run netns 2)" 10
case $(uname -r) in
5.[0-9].* | 5.1[0-2].*) skip "their function is named" "programs can name functions since Linux 5.13" ;;
*) ok "their function is named" grep -q '^sgprobe_workqueue_function_seconds_total{function="cleanup_net' "$OUT" ;;
esac
ok "no address of the kernel is told" is "$(grep -ciE '^sgprobe_workqueue.*(0x)?ffff[0-9a-f]{8}' "$OUT")" 0
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0

truncate -s 4M /dev/shm/sgwq
if losetup /dev/loop0 /dev/shm/sgwq 2> "$tmp/why"; then
	watch_only workqueue
	# One by one: an item that is queued already is not queued again.
	for i in $(seq 60); do dd if=/dev/loop0 of=/dev/null bs=4096 skip="$i" count=1 iflag=direct 2> /dev/null; done
	unwatch
	losetup -d /dev/loop0
	if grep -q '^sgprobe_workqueue_wait_seconds{workqueue="loop0"}' "$OUT"; then
		ok "60 reads of a loop device are 60 work items" is "$(seen wait loop0 2)" 60
		ok "that run" is "$(seen run loop0 2)" 60
	else
		case $(uname -r) in
		5.[0-9].* | 5.1[0-3].*) skip "60 reads of a loop device are 60 work items" "before Linux 5.14 it has a thread instead" ;;
		*) ok "60 reads of a loop device are 60 work items" false ;;
		esac
	fi
else
	skip "60 reads of a loop device are 60 work items" "no loop device: $(cat "$tmp/why")"
fi
rm -f /dev/shm/sgwq
finish
