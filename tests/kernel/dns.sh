#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# DNS: queries, answers and silence that are caused, then seen, over IPv4, IPv6 and loopback; and packets
# that only an attacker sends. What other programs ask is not told apart in sums: they are tried again.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
[ -x "$O/tools/dns-play" ] || skip_all "the tools are not built"
a=sgprobe-dns-a-$$ b=sgprobe-dns-b-$$ server=
net4=10.$((64 + $$ % 128)).21 net6=fd94:$(($$ % 9000 + 1000)): # of this run alone
cleanup() {
	stop_server
	ip netns del $a 2> /dev/null
	ip netns del $b 2> /dev/null
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT
in_a() { ip netns exec $a "$@"; }
in_b() { ip netns exec $b "$@"; }
stop_server() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2> /dev/null
	server=
}
serve() { # NAMESPACE OPTIONS...
	local ns=$1
	shift
	ip netns exec "$ns" "$O/tools/dns-play" -l "$@" > "$tmp/server" &
	server=$!
	eventually grep -q listening "$tmp/server"
}
said() { awk -v k="$1" '$1 == k { print $2 }' "$tmp/did"; }
play() { in_a "$O/tools/dns-play" "$@" > "$tmp/did"; }

ip netns add $a && ip netns add $b && ip -n $a link add sgdns0 type veth peer name sgdns1 netns $b ||
	skip_all "no network namespaces"
ip -n $a addr add $net4.1/24 dev sgdns0
ip -n $b addr add $net4.2/24 dev sgdns1
ip -n $a addr add $net6:1/64 dev sgdns0 nodad
ip -n $b addr add $net6:2/64 dev sgdns1 nodad
for n in $a $b; do ip -n $n link set lo up; done
ip -n $a link set sgdns0 up
ip -n $b link set sgdns1 up

# ADDRESS RCODE NAME TYPE TYPE-NAME NAMESPACE-OF-THE-SERVER
while read -r address rcode name type type_name ns; do
	serve "$ns" -a "$address" -d 30 -r "$rcode"
	watch_only dns
	play -a "$address" -n 20 -q "$type"
	unwatch
	stop_server
	of_server="sgprobe_dns_latency_seconds{rcode=\"$name\",server=\"$address\"}"
	ok "$address: 20 queries were answered" is "$(said answered)" 20
	ok "$address: each has a latency" is "$(field "$of_server" 2)" 20
	ok "$address: of the 30 ms that the server takes" between "$(field "$of_server" 4)" 0.0286 0.04
	ok "$address: none is shorter" between "$(field "$of_server" 3)" 0.6 1.5
	ok "$address: they are counted by type: $type_name" between "$(total "sgprobe_dns_queries_total{type=\"$type_name\"}")" 20 100
	ok "$address: and by answer: $name" between "$(total "sgprobe_dns_answers_total{rcode=\"$name\"}")" 20 100
done <<- END
	$net4.2 0 noerror 1 a $b
	$net6:2 2 servfail 28 aaaa $b
	127.0.0.53 3 nxdomain 12 ptr $a
	::1 5 refused 65 https $a
END

serve $b -a $net4.2 -t
watch_only dns
play -a $net4.2 -n 5 -q 64000
unwatch
stop_server
ok "truncated answers are counted" is "$(total sgprobe_dns_truncated_total)" 5
ok "a type that has no name is other" is "$(total 'sgprobe_dns_queries_total{type="other"}')" 5

# Nobody answers: with other ids those are timeouts, with the same id and port repeated queries.
watch_only dns
play -a $net4.2 -n 1 -w 1
in_a "$O/tools/dns-play" -a $net6:2 -n 4 -w 1 -s > "$tmp/did"
sleep 12 # no event says that nothing happens: the probe gives up after ten seconds
unwatch
ok "a query without an answer is a timeout" is "$(total "sgprobe_dns_timeouts_total{server=\"$net4.2\"}")" 1
ok "of those that were sent again the last one is" is "$(total "sgprobe_dns_timeouts_total{server=\"$net6:2\"}")" 1
ok "and the others were repeated" is "$(total sgprobe_dns_retries_total)" 3
ok "no latency is made up" is "$(field "sgprobe_dns_latency_seconds{rcode=\"noerror\",server=\"$net4.2\"}" 2)" ""

serve $b -a $net4.2
watch_only dns
play -a $net4.2 -x
broken=$(said broken)
in_b "$O/tools/dns-play" -x -i sgdns1 > "$tmp/did"
in_a "$O/tools/dns-play" -a $net4.2 -n 10 > /dev/null
unwatch
stop_server
ok "an attacker sent broken headers" is "$(said frames)" 2176
ok "broken queries are counted as such" between "$(total sgprobe_dns_malformed_total)" "$broken" 3000
ok "a name that is too long to be one is other" is "$(total 'sgprobe_dns_queries_total{type="other"}')" 1
ok "those that are whole are seen all the same" is "$(field "sgprobe_dns_latency_seconds{rcode=\"noerror\",server=\"$net4.2\"}" 2)" 11
ok "and nothing else was taken for an answer" between "$(total 'sgprobe_dns_latency_seconds{')" 11 30

# Answers that are cut: the server sends eleven bytes of twelve.
serve $b -a $net4.2 -c 11
watch_only dns
play -a $net4.2 -n 3
unwatch
ok "answers too short for a header are malformed" is "$(total sgprobe_dns_malformed_total)" 3
ok "and answer nothing" is "$(total 'sgprobe_dns_answers_total{')" 0
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
