#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Packets between two namespaces, their queue and their drops, against the kernel's own counters.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
in_a() { ip netns exec a "$@"; }
in_b() { ip netns exec b "$@"; }
receive() { # OPTIONS...: in the background
	ip netns exec b "$O/tools/udp-send" -l -a 10.94.22.2 "$@" > "$tmp/received" &
	receiver=$!
	eventually grep -q listening "$tmp/received"
}
send() { in_a "$O/tools/udp-send" -a 10.94.22.2 "$@" > /dev/null; }
errors() { in_b awk '$1 == "Udp:" && !n { for (i = 2; i <= NF; i++) if ($i == "RcvbufErrors") n = i; next } $1 == "Udp:" { print $n }' /proc/net/snmp; }

ip netns add a
ip netns add b
ip -n a link add end0 type veth peer name end1 netns b
for n in a b; do # no neighbour discovery: nothing is sent but what is asked for
	ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n $n link set lo up
done
ip -n a addr add 10.94.22.1/24 dev end0
ip -n b addr add 10.94.22.2/24 dev end1
ip -n a link set end0 up
ip -n b link set end1 up
ip -n a neigh replace 10.94.22.2 lladdr "$(in_b cat /sys/class/net/end1/address)" dev end0
ip -n b neigh replace 10.94.22.1 lladdr "$(in_a cat /sys/class/net/end0/address)" dev end1

sent='sgprobe_net_transmit_size_bytes{device="netns/end0"}' received='sgprobe_net_receive_size_bytes{device="netns/end1"}'
receive -n 2000 -b 8000000
watch_only net -s
send -n 2000 -s 958 # packets of 1000
wait $receiver
unwatch
count_missed
ok "2,000 packets sent are seen" between "$(field "$sent" 2)" $((2000 - missed)) 2000
ok "2,000 packets received are seen" between "$(field "$received" 2)" $((2000 - missed)) 2000
ok "of 1,000 bytes each" is "$(field "$sent" 3)" "$(field "$sent" 2)000.000000000"
ok "all in the bucket that 1,000 bytes belong to" is "$(field "$sent" 6) $(field "$received" 6)" "1024 1024"

before=$(errors)
receive -q -n 500 -b 10000 # one that does not read
watch_only net
send -n 500 -s 958
drops=$(($(errors) - before))
unwatch
kill -USR1 $receiver
wait $receiver
case $(uname -r) in
5.1[0-6].*) skip "a full queue drops packets for that reason" "reasons came with Linux 5.17" ;;
*) ok "a full queue drops packets for that reason" is "$(total 'sgprobe_net_drops_total{reason="socket_rcvbuff"}')" "$drops" ;;
esac

# A rate of 8 Mbit/s: 1 ms per packet of 1,000 bytes. The last of 100 that come at once waits 100 ms.
if in_a tc qdisc replace dev end0 root tbf rate 8mbit burst 2kb limit 1mb; then
	receive -n 100
	watch_only net -s
	send -n 100 -s 958
	wait $receiver
	unwatch
	count_missed
	packets=$(in_a tc -s qdisc show dev end0 | awk '/Sent/ { print $4 }')
	queue='{device="netns/end0",qdisc="tbf"}'
	if grep -q '^sgprobe_bpf_program_attached{program="net/qdisc_enqueue"' "$OUT"; then
		ok "packets queued are those that tc counts" between "$(total "sgprobe_net_queued_packets_total$queue")" $((packets - missed)) "$packets"
		ok "half of them wait for 50 ms" between "$(field "sgprobe_net_queue_seconds$queue" 4)" 0.03 0.08
	else
		skip "time in queues" "the trace point came with Linux 5.15"
	fi
fi
ip netns del a
ip netns del b
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "$missed"
finish
