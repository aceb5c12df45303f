#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# UDP messages, errors and drops over loopback, where nobody else sends.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
of_comm() { field "sgprobe_comm_udp_$1_size_bytes{comm=\"udp-send\"}" "$2"; }
rcvbuf_errors() { # of both versions
	awk '$1 == "Udp:" && !n { for (i = 2; i <= NF; i++) if ($i == "RcvbufErrors") n = i; next } $1 == "Udp:" { s += $n }
		$1 == "Udp6RcvbufErrors" { s += $2 } END { print s }' /proc/net/snmp /proc/net/snmp6
}
receive() { # OPTIONS...: in the background
	"$O/tools/udp-send" -l "$@" > "$tmp/received" &
	receiver=$!
	eventually grep -q listening "$tmp/received"
}
# Messages came with Linux 6.3, drops over IPv6 with 6.5: without those, the domain sees drops over IPv4.
case $(uname -r) in
[1-5].* | 6.[0-2].*) messages=0 versions=127.0.0.1 && skip "messages" "their trace points came with Linux 6.3" ;;
*) messages=1 versions="127.0.0.1 ::1" ;;
esac
for address in $versions; do
	receive -a $address -n 100
	watch_only udp -s
	"$O/tools/udp-send" -a $address -n 100 -s 500 > /dev/null
	wait $receiver
	unwatch
	count_missed
	[ $messages = 0 ] || for m in sent received; do
		ok "$address: 100 messages $m are seen" between "$(of_comm $m 2)" $((100 - missed)) 100
		ok "$address: in the bucket of 500 bytes" is "$(of_comm $m 6)" 512
		for d in cgroup comm; do
			ok "$address: the sum over $d is the total of those $m" is \
				"$(total "sgprobe_${d}_udp_${m}_size_bytes{")" "$(total "sgprobe_udp_${m}_size_bytes ")"
		done
	done
	before=$(rcvbuf_errors)
	receive -q -a $address -p 1953 -n 400 -b 10000
	watch_only udp
	"$O/tools/udp-send" -a $address -p 1953 -n 400 -s 500 > /dev/null
	drops=$(($(rcvbuf_errors) - before))
	unwatch
	kill -USR1 $receiver
	wait $receiver
	ok "$address: a full receive queue drops, by port" is \
		"$(total 'sgprobe_udp_queue_drops_total{port="1953",reason="socket_rcvbuff"}')" "$drops"
done
[ $messages = 1 ] || finish
watch_only udp
"$O/tools/udp-send" -p 1954 -n 100 > "$tmp/sent"
unwatch
ok "sends to a port that nobody has are errors" is \
	"$(total 'sgprobe_udp_send_errors_total{error="econnrefused"}')" "$(awk '$1 == "failed" { print $2 }' "$tmp/sent")"
ok "nothing else was dropped" is "$(total sgprobe_dropped_total)" "${missed:-0}"
finish
