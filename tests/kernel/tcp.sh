#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# TCP: connections, bytes, resets, losses and delays that are caused, then seen. The kernel's
# own counters (/proc/net/snmp) are the independent observer. The probe sees the whole host: what
# cannot be told apart from other programs' connections is tried again while there are such.
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/tcp-churn" ] && [ -x "$O/tools/net-delay" ] || skip_all "the tools are not built"
a=sgprobe-tcp-a-$$ b=sgprobe-tcp-b-$$ wire=
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
cleanup() {
	[ -z "$wire" ] || kill "$wire" 2> /dev/null
	ip netns del $a 2> /dev/null
	ip netns del $b 2> /dev/null
	for g in "$cg"/sgprobe-tcp-{client,server}-$$; do [ ! -d "$g" ] || rmdir "$g"; done
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT

churn() { "$O/tools/tcp-churn" -p "${PORT:-19420}" "$@" > "$tmp/did"; }
server=
serve() { # OPTIONS...: in the background, in its own namespace or cgroup by $IN
	$IN "$O/tools/tcp-churn" -l "$@" > "$tmp/server" &
	server=$!
	eventually grep -q listening "$tmp/server"
}
snmp() { # NAME [COMMAND...]: a Tcp counter, in another namespace when there is a command
	local name=$1
	shift
	"$@" awk -v name="$name" '$1 == "Tcp:" && !n { for (i = 2; i <= NF; i++) if ($i == name) n = i; next }
		$1 == "Tcp:" { print $n }' /proc/net/snmp
}
in_a() { ip netns exec $a "$@"; }
in_b() { ip netns exec $b "$@"; }
in_cgroup() { (echo "$BASHPID" > "$cg/$1/cgroup.procs" && shift && exec "$@"); }

# Nothing but TCP, in full detail whatever it costs.
watch_tcp() { watch "$@" probe.budget=0s probe.sched=false probe.syscall=false probe.irq=false; }

# Connections of other programs that were seen as well.
others() {
	awk '/^sgprobe_comm_tcp_(rtt|connection_lifetime|connect_latency)_seconds/ && !/comm="tcp-churn"/ { n += $2 }
		END { print n + 0 }' "$OUT"
}
quiet() { [ "$(others)" = 0 ]; }
seen() { # COMMAND...: watched; again while other programs use TCP
	for _ in 1 2 3 4; do
		watch_tcp
		"$@"
		unwatch
		quiet && break
	done
}
ok_quiet() { # like ok, for what cannot be told apart from other programs'
	if quiet; then ok "$@"; else skip "$1" "other programs use TCP at the same time"; fi
}
# A socket is closed a little after its last close() has returned.
settled() { ! ss -Htan | grep -v TIME-WAIT | grep -q ':1942[034]'; }
of_churn() { total "sgprobe_comm_tcp_$1_seconds{comm=\"tcp-churn\"}"; }

# The server sleeps: the ACKs that it owes come from a timer, a hundred at once, which now and then
# interrupts the program that runs for the next connect (more often while the kernel measures it: -s). The
# kernel leaves out the runs of that program.
missed() { bpftool prog | grep ' name inet_sock_set_s' | grep -q recursion_misses; }
in_batches() {
	serve -p 19424 -n 4000 -b 4000
	kill -STOP "$server"
	"$O/tools/tcp-churn" -p 19424 -c -n 4000 > "$tmp/did"
	kill -CONT "$server"
	wait "$server"
	eventually settled
}
for _ in 1 2 3 4 5; do
	watch_tcp -s
	IN='' in_batches
	missed && was_missed=1 || was_missed=
	unwatch
	ok "4,000 connections that interrupt each other have a connect latency" is "$(of_churn connect_latency)" 4000
	ok "and both ends a lifetime" is "$(of_churn connection_lifetime)" 8000
	ok_quiet "and in the end nothing is open" is "$(total 'sgprobe_tcp_connections{state="established"}')" 0
	[ -z "$was_missed" ] || break
done
[ -n "$was_missed" ] || echo "# it did not happen that one interrupted the other"

ten_thousand() {
	local before
	before=$(snmp ActiveOpens)
	churn "$@" -n 10000 -s 100 -r 300
	opened=$(($(snmp ActiveOpens) - before))
}
for v in 4 6; do
	flag=
	[ $v = 4 ] || flag=-6
	seen ten_thousand $flag
	ok_quiet "IPv$v: 10,000 connections were made" is "$opened" 10000
	ok_quiet "IPv$v: 10,000 connects are seen as 10,000" is "$(total 'sgprobe_tcp_connects_total ')" 10000
	ok_quiet "IPv$v: 10,000 accepts are seen as 10,000" is "$(total 'sgprobe_tcp_accepts_total ')" 10000
	ok "IPv$v: each has a connect latency" is "$(of_churn connect_latency)" 10000
	ok "IPv$v: both ends have a lifetime" is "$(of_churn connection_lifetime)" 20000
	ok_quiet "IPv$v: bytes sent are exact" is "$(total 'sgprobe_tcp_sent_bytes_total ')" 4000000
	ok_quiet "IPv$v: bytes received are exact" is "$(total 'sgprobe_tcp_received_bytes_total ')" 4000000
	for d in cgroup comm; do
		for m in connect_latency rtt connection_lifetime; do
			ok "IPv$v: the sum over $d of $m is the total" is \
				"$(total "sgprobe_${d}_tcp_${m}_seconds{")" "$(total "sgprobe_tcp_${m}_seconds ")"
		done
	done
done

refused() {
	local before
	before=$(snmp OutRsts)
	churn -c -n 100 # nobody listens
	resets=$(($(snmp OutRsts) - before))
}
seen refused
ok_quiet "a refused connect is a failure" is "$(total 'sgprobe_tcp_connect_failures_total ')" 100
ok_quiet "a refused connect is no connection" is "$(total 'sgprobe_tcp_connects_total ')" 0
ok_quiet "resets sent are those that the kernel counts" is "$(total 'sgprobe_tcp_resets_sent_total ')" "$resets"
ok_quiet "each refusal is a reset received" is "$(total 'sgprobe_tcp_resets_received_total ')" 100

reset_by_client() {
	local before
	before=$(snmp OutRsts)
	churn -n 200 -x -s 10
	resets=$(($(snmp OutRsts) - before))
}
seen reset_by_client
ok_quiet "connections that end by a reset send one" is "$(total 'sgprobe_tcp_resets_sent_total ')" "$resets"
ok_quiet "and the other end receives it" is "$(total 'sgprobe_tcp_resets_received_total ')" 200
ok_quiet "bytes are exact all the same" is "$(total 'sgprobe_tcp_received_bytes_total ')" 2000

established() { [ "$(ss -Htn state established "( sport = :$1 )" | wc -l)" -ge 1 ]; }
holder=
hold() {
	[ -z "$holder" ] || { kill $holder; wait $holder 2> /dev/null; }
	"$O/tools/tcp-churn" -p 19421 -n 50 -w 60000 > "$tmp/did" &
	holder=$!
	PORT=19422 churn -n 2 -w 10
	eventually established 19421
	sleep 1.2 # a whole tick
}
seen hold
ok_quiet "an open connection counts at both ends" is "$(total 'sgprobe_tcp_connections{state="established"}')" 2
listening=$(ss -Htlnp | grep -c users:) # others belong to processes that are not visible from here
ok_quiet "listeners count as listening, older ones too" is "$(total 'sgprobe_tcp_connections{state="listen"}')" "$listening"
kill $holder
wait $holder 2> /dev/null

before_the_probe() {
	"$O/tools/tcp-churn" -p 19423 -n 2 -s 1000 -w 60000 > "$tmp/did" &
	older=$!
	eventually established 19423
	sleep 0.3
}
ended() { kill -USR1 $older && grep -q received "$tmp/did"; } # a signal ends the wait of one connection
for _ in 1 2 3 4; do
	before_the_probe
	watch_tcp
	eventually ended
	wait $older
	eventually settled
	unwatch
	quiet && break
done
ok_quiet "a connection that is older than the probe was not opened now" is "$(total 'sgprobe_tcp_connects_total ')" 1
ok_quiet "and what it sent before is not counted" is "$(total 'sgprobe_tcp_sent_bytes_total ')" 1000
ok "and its lifetime is not known" is "$(of_churn connection_lifetime)" 2
ok_quiet "and in the end nothing is open" is "$(total 'sgprobe_tcp_connections{state="established"}')" 0

if [ -n "$cg" ] && mkdir "$cg/sgprobe-tcp-client-$$" "$cg/sgprobe-tcp-server-$$" 2> /dev/null; then
	of_cgroup() { total "sgprobe_cgroup_tcp_$1_seconds{cgroup=\"/sgprobe-tcp-$2-$$\"}"; }
	in_server() { in_cgroup sgprobe-tcp-server-$$ "$@"; }
	IN=in_server serve -p 19424 -n 300
	watch_tcp
	in_cgroup sgprobe-tcp-client-$$ "$O/tools/tcp-churn" -p 19424 -c -n 300 > "$tmp/did"
	wait "$server"
	eventually settled
	unwatch
	ok "a connect belongs to the cgroup that connects" is "$(of_cgroup connect_latency client)" 300
	ok "an accepted socket belongs to the cgroup that listens" is "$(of_cgroup connection_lifetime server)" 300
	ok "even when the listener is older than the probe, by name too" is "$(of_churn connection_lifetime)" 600
	watch_tcp
	IN=in_server serve -p 19424 -n 300
	in_cgroup sgprobe-tcp-client-$$ "$O/tools/tcp-churn" -p 19424 -c -n 300 > "$tmp/did"
	wait "$server"
	eventually settled
	unwatch
	ok "and when it is younger" is "$(of_cgroup connection_lifetime server)" 300
else
	skip "cgroups of connections" "no writable cgroup2"
fi

# The server sleeps: the ACKs that it owes come from a timer, a hundred at once, which now and then
# interrupts the program that runs for the next connect (more often while the kernel measures it: -s). The
# kernel leaves out the runs of that program.
missed() { bpftool prog | grep ' name inet_sock_set_s' | grep -q recursion_misses; }
in_batches() {
	serve -p 19424 -n 4000 -b 4000
	kill -STOP "$server"
	"$O/tools/tcp-churn" -p 19424 -c -n 4000 > "$tmp/did"
	kill -CONT "$server"
	wait "$server"
	eventually settled
}
for _ in 1 2 3 4 5; do
	watch -s probe.sched=false probe.syscall=false
	IN='' in_batches
	missed && was_missed=1 || was_missed=
	unwatch
	ok "4,000 connections that interrupt each other have a connect latency" is "$(of_churn connect_latency)" 4000
	ok "and both ends a lifetime" is "$(of_churn connection_lifetime)" 8000
	ok_quiet "and in the end nothing is open" is "$(total 'sgprobe_tcp_connections{state="established"}')" 0
	[ -z "$was_missed" ] || break
done
[ -n "$was_missed" ] || echo "# it did not happen that one interrupted the other"

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
across() { # ADDRESS OPTIONS...: connections from a to b; retransmits of this time in $again
	local address=$1 before
	shift
	before=$(($(snmp RetransSegs in_a) + $(snmp RetransSegs in_b) + $(snmp RetransSegs)))
	IN=in_b serve -p 19425 -a "$address" "$@"
	in_a "$O/tools/tcp-churn" -p 19425 -c -a "$address" "$@" > "$tmp/did"
	wait "$server"
	eventually all_closed
	again=$(($(snmp RetransSegs in_a) + $(snmp RetransSegs in_b) + $(snmp RetransSegs) - before))
}
into_the_void() {
	local before
	before=$(($(snmp RetransSegs in_a) + $(snmp RetransSegs)))
	in_a timeout 4 "$O/tools/tcp-churn" -p 19425 -c -a 10.94.20.2 > "$tmp/did"
	again=$(($(snmp RetransSegs in_a) + $(snmp RetransSegs) - before))
}
of_comm() { field "sgprobe_comm_tcp_$1_seconds{comm=\"tcp-churn\"}" "$2"; }

if start_wire -d 100; then
	for address in 10.94.20.2 fd94:20::2; do
		flag=
		[ $address = 10.94.20.2 ] || flag=-6
		seen across $address $flag -n 3 -s 1000 -r 1000
		ok "$address: a wire of 100 ms makes connects of 200 ms" between "$(of_comm connect_latency 4)" 0.195 0.225
		ok "$address: and none of much more" between "$(of_comm connect_latency 6)" 0.2 0.3
		ok "$address: and round trips of 200 ms" between "$(of_comm rtt 4)" 0.19 0.24
		ok "$address: and lifetimes of some round trips" between "$(of_comm connection_lifetime 4)" 0.2 1
		ok_quiet "$address: bytes across it are exact" is "$(total 'sgprobe_tcp_received_bytes_total ')" 6000
	done
	stop_wire

	start_wire -d 5 -l 20
	seen across 10.94.20.2 -n 1 -s 3000000
	ok "a wire that loses packets causes retransmits" between "$again" 20 100000
	ok_quiet "retransmits are those that the kernel counts" is "$(total 'sgprobe_tcp_retransmits_total ')" "$again"
	ok_quiet "what was sent again is not counted again (sent)" is "$(total 'sgprobe_tcp_sent_bytes_total ')" 3000000
	ok_quiet "what was sent again is not counted again (received)" is \
		"$(total 'sgprobe_tcp_received_bytes_total ')" 3000000
	kinds='sgprobe_tcp_retransmits_by_kind_total{kind='
	ok_quiet "kinds of retransmits add up to all" is "$(total "$kinds")" "$(total 'sgprobe_tcp_retransmits_total ')"
	ok "most of them are fast: acknowledgements told of the loss" between "$(total "$kinds\"fast\"")" 10 100000
	stop_wire

	start_wire -d 1
	kill -USR1 $wire # the peer vanishes
	seen into_the_void
	ok "a connect into the void sends its SYN again" between "$again" 1 10
	ok_quiet "and those are retransmits" is "$(total 'sgprobe_tcp_retransmits_total ')" "$again"
	ok_quiet "of the kind syn" is "$(total 'sgprobe_tcp_retransmits_by_kind_total{kind="syn"}')" "$again"
	ok_quiet "given up, it is a failure" is "$(total 'sgprobe_tcp_connect_failures_total ')" 1
	stop_wire
else
	skip "delays and losses" "no network namespaces or no /dev/net/tun"
fi
finish
