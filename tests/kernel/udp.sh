#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# UDP: messages, errors and drops that are caused, then seen, IPv4 and IPv6; /proc/net/snmp and snmp6 of
# a namespace that nobody else uses are the independent observer.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/udp-send" ] || skip_all "the tools are not built"
ns=sgprobe-udp-$$ receiver=
cp "$O/tools/udp-send" "$tmp/sg-udp-$$"
cleanup() {
	[ -z "$receiver" ] || kill "$receiver" 2> /dev/null
	ip netns del $ns 2> /dev/null
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT
in_ns() { ip netns exec $ns "$@"; }
receive() { # OPTIONS...: in the background
	ip netns exec $ns "$tmp/sg-udp-$$" -l "$@" > "$tmp/received" &
	receiver=$!
	eventually grep -q listening "$tmp/received"
}
rcvbuf_errors() { # of both versions
	in_ns awk '$1 == "Udp:" && !n { for (i = 2; i <= NF; i++) if ($i == "RcvbufErrors") n = i; next } $1 == "Udp:" { s += $n }
		$1 == "Udp6RcvbufErrors" { s += $2 } END { print s }' /proc/net/snmp /proc/net/snmp6
}
of_comm() { field "sgprobe_comm_udp_$1_size_bytes{comm=\"sg-udp-$$\"}" "$2"; }

ip netns add $ns 2> /dev/null || skip_all "no network namespaces"
ip -n $ns link set lo up
grep -q 'sock_send_length' /sys/kernel/tracing/available_events 2> /dev/null ||
	bpftool btf dump file /sys/kernel/btf/vmlinux 2> /dev/null | grep -q btf_trace_sock_send_length ||
	skip_all "this kernel has no hooks of socket messages (they came with 6.3)"

for address in 127.0.0.1 ::1; do # 100 messages fit into a receive queue, whoever runs first
	receive -a $address -n 100
	watch_only udp
	in_ns "$tmp/sg-udp-$$" -a $address -n 100 -s 500 > "$tmp/sent"
	wait $receiver
	unwatch
	for m in sent received; do
		ok "$address: 100 messages $m are seen as 100" is "$(of_comm $m 2)" 100
		ok "$address: with all their bytes" is "$(of_comm $m 3)" 50000.000000000
		ok "$address: in the bucket of 500 bytes" is "$(of_comm $m 6)" 512
		for d in cgroup comm; do
			ok "$address: the sum over $d is the total of those $m" is \
				"$(total "sgprobe_${d}_udp_${m}_size_bytes{")" "$(total "sgprobe_udp_${m}_size_bytes ")"
		done
	done

	# One that does not read, at a port of its own and at one that is handed out.
	for port in 1953 40000; do
		label=$port
		[ $port -lt 32768 ] || label=ephemeral
		before=$(rcvbuf_errors)
		receive -q -a $address -p $port -n 400 -b 10000
		watch_only udp
		in_ns "$tmp/sg-udp-$$" -a $address -p $port -n 400 -s 500 > "$tmp/sent"
		drops=$(($(rcvbuf_errors) - before))
		unwatch
		kill -USR1 $receiver
		wait $receiver
		ok "$address: a full receive queue at $port drops" between "$drops" 300 400
		ok "$address: which are seen, by port" is \
			"$(total "sgprobe_udp_queue_drops_total{port=\"$label\",reason=\"socket_rcvbuff\"}")" "$drops"
		ok "$address: and were sent all the same" is "$(of_comm sent 2)" 400
	done
done

# Nobody listens: every second send gets the error that the one before caused.
watch_only udp
in_ns "$tmp/sg-udp-$$" -p 1954 -n 100 > "$tmp/sent"
unwatch
refused=$(awk '$1 == "failed" { print $2 }' "$tmp/sent")
ok "sends to a port that nobody has fail" between "$refused" 30 60
ok "and are errors, not messages" is "$(total 'sgprobe_udp_send_errors_total{error="econnrefused"}')" "$refused"
ok "the others are messages" is "$(of_comm sent 2)" $((100 - refused))

# What is no UDP is no message.
watch_only udp
in_ns "$O/tools/tcp-churn" -p 19431 -n 50 -s 100 > /dev/null
unwatch
ok "TCP is seen by the hooks" between "$(total 'sgprobe_bpf_runs_total{program="udp/sock_send_length"}')" 50 1000000
ok "but not counted" is "$(total 'sgprobe_comm_udp_sent_size_bytes{comm="tcp-churn"}')" 0
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
