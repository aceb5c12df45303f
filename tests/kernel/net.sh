#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Network devices against /proc/net/dev, tc and /proc/net/snmp of namespaces that nobody else uses.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/udp-send" ] && [ -x "$O/tools/net-delay" ] || skip_all "the tools are not built"
a=sgprobe-net-a-$$ b=sgprobe-net-b-$$ wire= receiver=
end0=sgn$$a end1=sgn$$b # devices of this run alone
cleanup() {
	for p in $wire $receiver; do kill -CONT "$p"; kill "$p"; done 2> /dev/null
	ip netns del $a 2> /dev/null
	ip netns del $b 2> /dev/null
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT
in_a() { ip netns exec $a "$@"; }
in_b() { ip netns exec $b "$@"; }
send() { in_a "$O/tools/udp-send" -a 10.94.22.2 "$@" > "$tmp/sent"; }
receive() { # OPTIONS...: in the background
	ip netns exec $b "$O/tools/udp-send" -l -a 10.94.22.2 "$@" > "$tmp/received" & # no function: $! is the tool
	receiver=$!
	eventually grep -q listening "$tmp/received"
}
# DEVICE COLUMN of /proc/net/dev, numbers counted from 1: 1 2 received bytes, packets; 9 10 12 sent bytes, packets, drops
device() { awk -v d="$1:" -v c="$2" '$1 == d { print $(c + 1) }' /proc/net/dev; }
snmp() { awk -v name="$1" '$1 == "Udp:" && !n { for (i = 2; i <= NF; i++) if ($i == name) n = i; next } $1 == "Udp:" { print $n }' /proc/net/snmp; }
export -f device snmp

ip netns add $a && ip netns add $b && ip -n $a link add $end0 type veth peer name $end1 netns $b ||
	skip_all "no network namespaces"
# No neighbour discovery and no router solicitations: nothing is sent but what is asked for.
in_a sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2> /dev/null
in_b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2> /dev/null
ip -n $a addr add 10.94.22.1/24 dev $end0
ip -n $b addr add 10.94.22.2/24 dev $end1
ip -n $b link set lo up
ip -n $a link set lo up
ip -n $a link set $end0 up
ip -n $b link set $end1 up
ip -n $a neigh replace 10.94.22.2 lladdr "$(in_b cat /sys/class/net/$end1/address)" dev $end0
ip -n $b neigh replace 10.94.22.1 lladdr "$(in_a cat /sys/class/net/$end0/address)" dev $end1

# 958 bytes make packets of 1000: between two bounds of buckets, 939 and 1024.
sent="sgprobe_net_transmit_size_bytes{device=\"netns/$end0\"}" received="sgprobe_net_receive_size_bytes{device=\"netns/$end1\"}"
receive -n 5000 -b 8000000
watch_only net
send -n 5000 -s 958
wait $receiver
in_a "$O/tools/udp-send" -n 100 -s 10 > /dev/null # to a port of loopback that nobody has
unwatch
ok "5,000 packets sent are seen as 5,000" is "$(field "$sent" 2)" 5000
ok "5,000 packets received are seen as 5,000" is "$(field "$received" 2)" 5000
ok "of 1,000 bytes each, sent" is "$(field "$sent" 3)" 5000000.000000000
ok "of 1,000 bytes each, received" is "$(field "$received" 3)" 5000000.000000000
ok "all in the bucket that 1,000 bytes belong to" is "$(field "$sent" 6) $(field "$received" 6)" "1024 1024"
ok "and half of them not below it" between "$(field "$received" 4)" 939 1024
ok "packets that nobody listens to are drops: no_socket" between "$(total 'sgprobe_net_drops_total{reason="no_socket"}')" 50 200
ok "loopback of another namespace is not the host's" between "$(field 'sgprobe_net_receive_size_bytes{device="netns/lo"}' 2)" 100 1000
ok "queues for a CPU are polled, all that came through them" between \
	"$(field 'sgprobe_net_napi_work_packets{device="backlog"}' 3)" 5000 1000000

received_before=$(in_b bash -c "device $end1 1; device $end1 2")
receive -n 300
watch_only net
for s in 0 1 17 300 1400; do send -n 60 -s $s; done
wait $receiver
unwatch
received_after=$(in_b bash -c "device $end1 1; device $end1 2")
grew() { paste <(echo "$received_before") <(echo "$received_after") | awk -v l="$1" 'NR == l { print $2 - $1 }'; }
ok "packets of all sizes are those of /proc/net/dev" is "$(field "$received" 2)" "$(grew 2)"
ok "and their bytes are" is "$(field "$received" 3)" "$(grew 1).000000000"
ok "smallest and largest are told apart" between "$(field "$received" 5)" 1300 1600

watch_only net
"$O/tools/udp-send" -l -n 50 > "$tmp/received" &
receiver=$!
eventually grep -q listening "$tmp/received"
"$O/tools/udp-send" -n 50 -s 5000 > /dev/null
wait $receiver
unwatch
ok "the probe's own devices are called by their name alone" between "$(field 'sgprobe_net_receive_size_bytes{device="lo"}' 2)" 50 100000

# A rate of 8 Mbit/s: 1 ms per packet of 1,000 bytes. The last of 100 that come at once waits 100 ms.
if in_a tc qdisc replace dev $end0 root tbf rate 8mbit burst 2kb limit 1mb 2> /dev/null; then
	receive -n 100
	watch_only net probe.budget=0s
	send -n 100 -s 958
	wait $receiver
	unwatch
	packets=$(in_a tc -s qdisc show dev $end0 | awk '/Sent/ { print $4 }')
	queue="{device=\"netns/$end0\",qdisc=\"tbf\"}"
	ok "packets queued are those that tc counts" is "$(total "sgprobe_net_queued_packets_total$queue")" "$packets"
	ok "all are timed but a few whose place was taken" between "$(field "sgprobe_net_queue_seconds$queue" 2)" 90 100
	ok "half of them wait for 50 ms" between "$(field "sgprobe_net_queue_seconds$queue" 4)" 0.04 0.06
	ok "the last one for 100 ms" between "$(field "sgprobe_net_queue_seconds$queue" 6)" 0.09 0.12
	ok "together they wait for 5 s" between "$(field "sgprobe_net_queue_seconds$queue" 3)" 4 6

	# 2,000 packets a second past the limit of a tick: one in sixteen is timed, and stands for all.
	in_a tc qdisc replace dev $end0 root tbf rate 800mbit burst 2kb limit 8mb
	receive -n 8000 -b 16000000
	watch_only net probe.budget=1us
	send -n 8000 -s 58
	wait $receiver
	unwatch
	ok "past the budget packets are not timed" between "$(total 'sgprobe_untimed_total{domain="net"}')" 6000 8000
	ok "but counted" is "$(total "sgprobe_net_queued_packets_total$queue")" 8000
	ok "and the others stand for them" between "$(field "sgprobe_net_queue_seconds$queue" 2)" 5000 11000
	in_a tc qdisc del dev $end0 root
else
	skip "time in queues" "no tbf qdisc"
fi

# A receiver that does not read: its queue is full after a few.
before=$(in_b bash -c 'snmp RcvbufErrors')
receive -q -n 500 -b 10000
watch_only net
send -n 500 -s 958
errors=$(($(in_b bash -c 'snmp RcvbufErrors') - before))
unwatch
kill -USR1 $receiver
wait $receiver
ok "a full queue drops packets" between "$errors" 400 500
ok "which are those of /proc/net/snmp" is "$(total 'sgprobe_net_drops_total{reason="socket_rcvbuff"}')" "$errors"

# A socket for pings that reads no answer.
in_b sysctl -qw net.ipv4.ping_group_range="0 2147483647"
watch_only net
ip netns exec $b "$O/tools/udp-send" -e -a 127.0.0.1 -n 300 -s 1000 > "$tmp/sent" &
receiver=$!
eventually grep -q sent "$tmp/sent"
drops=$(in_b awk 'NR > 1 { n += $NF } END { print n }' /proc/net/icmp)
unwatch
kill -USR1 $receiver
wait $receiver
ok "a socket that is not read drops packets" between "$drops" 100 300
ok "which are seen, by protocol" is "$(total 'sgprobe_net_socket_queue_full_total{protocol="icmp"}')" "$drops"

# A TUN device whose reader is stopped: its ring fills up, and it takes no more.
ip netns del $a
ip netns del $b
ip netns add $a
ip netns add $b
"$O/tools/net-delay" $a $b > "$tmp/wire" 2>&1 &
wire=$!
if eventually grep -q ready "$tmp/wire"; then
	kill -STOP $wire
	before=$(in_a bash -c 'device wire 12')
	watch_only net
	in_a "$O/tools/udp-send" -a 10.94.20.2 -n 3000 -s 100 > /dev/null
	refused=$(($(in_a bash -c 'device wire 12') - before))
	unwatch
	kill -CONT $wire
	ok "a device that is full refuses packets" between "$refused" 1 3000
	ok "which are failed transmits" is "$(total 'sgprobe_net_transmit_failures_total{device="netns/wire",result="drop"}')" "$refused"
else
	skip "failed transmits" "no /dev/net/tun"
fi
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
ok "the pool had room" is "$(total sgprobe_pool_full_total)" 0
skip "transmit timeouts and stalls" "no device here stops sending"
skip "memory limits of sockets" "they are the whole machine's"
finish
