#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# TCP: connections, bytes, resets, losses and delays that are caused, then seen. The kernel's
# own counters (/proc/net/snmp) are the independent observer.
. "$(dirname "$0")/lib.sh"
begin
churn() { "$O/tools/tcp-churn" -p "${PORT:-19420}" "$@"; }
[ -x "$O/tools/tcp-churn" ] && [ -x "$O/tools/net-delay" ] || skip_all "the tools are not built"
only="probe.sched=false probe.syscall=false"
a=sgprobe-tcp-a-$$ b=sgprobe-tcp-b-$$ wire=
cleanup() {
	[ -z "$wire" ] || kill "$wire" 2> /dev/null
	ip netns del $a 2> /dev/null
	ip netns del $b 2> /dev/null
	for g in "$cg"/sgprobe-tcp-{client,server}-$$; do [ ! -d "$g" ] || rmdir "$g"; done
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)

snmp() { # NAME [COMMAND...]: a Tcp counter, in another namespace when there is a command
	local name=$1
	shift
	"$@" awk -v name="$name" '$1 == "Tcp:" && !n { for (i = 2; i <= NF; i++) if ($i == name) n = i; next }
		$1 == "Tcp:" { print $n }' /proc/net/snmp
}
in_a() { ip netns exec $a "$@"; }
in_b() { ip netns exec $b "$@"; }
in_cgroup() { # GROUP COMMAND...
	local group=$1
	shift
	(echo "$BASHPID" > "$group/cgroup.procs" && exec "$@")
}

for v in 4 6; do
	flag=
	[ $v = 4 ] || flag=-6
	opens=$(snmp ActiveOpens)
	# shellcheck disable=SC2086
	watch $only
	# shellcheck disable=SC2086
	churn $flag -n 10000 -s 100 -r 300 > "$tmp/did"
	opened=$(($(snmp ActiveOpens) - opens))
	unwatch
	ok "IPv$v: 10,000 connections were made" is "$opened" 10000
	ok "IPv$v: 10,000 connects are seen as 10,000" is "$(total 'sgprobe_tcp_connects_total ')" 10000
	ok "IPv$v: 10,000 accepts are seen as 10,000" is "$(total 'sgprobe_tcp_accepts_total ')" 10000
	ok "IPv$v: each has a connect latency" is "$(total 'sgprobe_tcp_connect_latency_seconds ')" 10000
	ok "IPv$v: both ends have a lifetime" is "$(total 'sgprobe_tcp_connection_lifetime_seconds ')" 20000
	ok "IPv$v: bytes sent are exact" is "$(total 'sgprobe_tcp_sent_bytes_total ')" 4000000
	ok "IPv$v: bytes received are exact" is "$(total 'sgprobe_tcp_received_bytes_total ')" 4000000
	for d in cgroup comm; do
		for m in connect_latency rtt connection_lifetime; do
			ok "IPv$v: the sum over $d of $m is the total" is \
				"$(total "sgprobe_${d}_tcp_${m}_seconds{")" "$(total "sgprobe_tcp_${m}_seconds ")"
		done
	done
	ok "IPv$v: the client is known by its name" is \
		"$(total 'sgprobe_comm_tcp_connect_latency_seconds{comm="tcp-churn"}')" 10000
	ok "IPv$v: nothing is left in any state" is "$(total 'sgprobe_tcp_connections{')" 0
done

resets=$(snmp OutRsts)
# shellcheck disable=SC2086
watch $only
churn -c -n 100 > "$tmp/did" # nobody listens
sent=$(($(snmp OutRsts) - resets))
unwatch
ok "a refused connect is a failure" is "$(total 'sgprobe_tcp_connect_failures_total ')" 100
ok "a refused connect is no connection" is "$(total 'sgprobe_tcp_connects_total ')" 0
ok "resets sent are those that the kernel counts" is "$(total 'sgprobe_tcp_resets_sent_total ')" "$sent"
ok "each refusal is a reset received" is "$(total 'sgprobe_tcp_resets_received_total ')" 100

resets=$(snmp OutRsts)
# shellcheck disable=SC2086
watch $only
churn -n 200 -x -s 10 > "$tmp/did"
sent=$(($(snmp OutRsts) - resets))
unwatch
ok "connections that end by a reset send one" is "$(total 'sgprobe_tcp_resets_sent_total ')" "$sent"
ok "and the other end receives it" is "$(total 'sgprobe_tcp_resets_received_total ')" 200
ok "bytes are exact all the same" is "$(total 'sgprobe_tcp_received_bytes_total ')" 2000

# shellcheck disable=SC2086
watch $only
"$O/tools/tcp-churn" -p 19420 -n 50 -w 20000 > "$tmp/did" &
holder=$!
PORT=19421 churn -n 2 -w 10 > "$tmp/did2"
established() { [ "$(ss -Htn state established '( sport = :19420 )' | wc -l)" -ge 1 ]; }
eventually established
sleep 1.2 # a whole tick
unwatch
ok "an open connection counts at both ends" is "$(total 'sgprobe_tcp_connections{state="established"}')" 2
ok "its listener counts as listening" is "$(total 'sgprobe_tcp_connections{state="listen"}')" 1
kill $holder
wait $holder 2> /dev/null

if [ -n "$cg" ] && mkdir "$cg/sgprobe-tcp-client-$$" "$cg/sgprobe-tcp-server-$$" 2> /dev/null; then
	# shellcheck disable=SC2086
	watch $only
	in_cgroup "$cg/sgprobe-tcp-server-$$" "$O/tools/tcp-churn" -p 19422 -l -n 300 > "$tmp/did" &
	server=$!
	eventually grep -q listening "$tmp/did"
	in_cgroup "$cg/sgprobe-tcp-client-$$" "$O/tools/tcp-churn" -p 19422 -c -n 300 > "$tmp/did2"
	wait $server
	unwatch
	ok "a connect belongs to the cgroup that connects" is \
		"$(total "sgprobe_cgroup_tcp_connect_latency_seconds{cgroup=\"/sgprobe-tcp-client-$$\"}")" 300
	ok "an accepted socket belongs to the cgroup that listens" is \
		"$(total "sgprobe_cgroup_tcp_connection_lifetime_seconds{cgroup=\"/sgprobe-tcp-server-$$\"}")" 300
else
	skip "a connect belongs to the cgroup that connects" "no writable cgroup2"
	skip "an accepted socket belongs to the cgroup that listens" "no writable cgroup2"
fi

start_wire() { # OPTIONS...: two namespaces with a wire between them
	ip netns add $a && ip netns add $b || return 1
	"$O/tools/net-delay" "$@" $a $b > "$tmp/wire" 2>&1 &
	wire=$!
	eventually grep -q ready "$tmp/wire"
}
stop_wire() {
	kill -TERM "$wire"
	wait "$wire" 2> /dev/null
	wire=
	ip netns del $a
	ip netns del $b
}
# Both ends are closed for good: only then are their bytes final, and nothing is sent again later.
all_closed() { ! { in_a ss -Htan; in_b ss -Htan; } | grep -qv TIME-WAIT; }
serve_in_b() { # ADDRESS OPTIONS...
	local address=$1
	shift
	ip netns exec $b "$O/tools/tcp-churn" -p 19423 -l -a "$address" "$@" > "$tmp/server" &
	server=$!
	eventually grep -q listening "$tmp/server"
}

if start_wire -d 100; then
	for address in 10.94.20.2 fd94:20::2; do
		flag=
		[ $address = 10.94.20.2 ] || flag=-6
		# shellcheck disable=SC2086
		watch $only
		# shellcheck disable=SC2086
		serve_in_b $address $flag -n 3 -s 1000 -r 1000
		# shellcheck disable=SC2086
		in_a "$O/tools/tcp-churn" -p 19423 -c -a $address $flag -n 3 -s 1000 -r 1000 > "$tmp/did"
		wait "$server"
		eventually all_closed
		unwatch
		ok "$address: a wire of 100 ms makes connects of 200 ms" between \
			"$(field 'sgprobe_tcp_connect_latency_seconds ' 4)" 0.195 0.225
		ok "$address: and no connect was quicker or slower" between \
			"$(field 'sgprobe_tcp_connect_latency_seconds ' 6)" 0.2 0.225
		ok "$address: and round trips of 200 ms" between "$(field 'sgprobe_tcp_rtt_seconds ' 4)" 0.19 0.24
		ok "$address: and lifetimes of some round trips" between \
			"$(field 'sgprobe_tcp_connection_lifetime_seconds ' 4)" 0.2 1
		ok "$address: bytes across it are exact" is "$(total 'sgprobe_tcp_received_bytes_total ')" 6000
	done
	stop_wire

	start_wire -d 5 -l 20
	# shellcheck disable=SC2086
	watch $only
	serve_in_b 10.94.20.2 -n 1 -s 3000000
	before=$(snmp RetransSegs)
	in_a "$O/tools/tcp-churn" -p 19423 -c -a 10.94.20.2 -n 1 -s 3000000 > "$tmp/did"
	wait "$server"
	eventually all_closed
	sent=$(($(snmp RetransSegs in_a) + $(snmp RetransSegs in_b) + $(snmp RetransSegs) - before))
	unwatch
	ok "a wire that loses packets causes retransmits" between "$sent" 20 100000
	ok "retransmits are those that the kernel counts" is "$(total 'sgprobe_tcp_retransmits_total ')" "$sent"
	ok "what was sent again is not counted again (sent)" is "$(total 'sgprobe_tcp_sent_bytes_total ')" 3000000
	ok "what was sent again is not counted again (received)" is \
		"$(total 'sgprobe_tcp_received_bytes_total ')" 3000000
	stop_wire

	start_wire -d 1
	kill -USR1 $wire # the peer vanishes
	# shellcheck disable=SC2086
	watch $only
	before=$(snmp RetransSegs)
	in_a timeout 4 "$O/tools/tcp-churn" -p 19423 -c -a 10.94.20.2 > "$tmp/did"
	sent=$(($(snmp RetransSegs in_a) + $(snmp RetransSegs) - before))
	unwatch
	ok "a connect into the void sends its SYN again" between "$sent" 1 10
	ok "and those are retransmits" is "$(total 'sgprobe_tcp_retransmits_total ')" "$sent"
	ok "given up, it is a failure" is "$(total 'sgprobe_tcp_connect_failures_total ')" 1
	stop_wire
else
	skip "delays and losses" "no network namespaces or no /dev/net/tun"
fi
finish
