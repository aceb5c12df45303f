#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# DNS queries, answers and silence over loopback, where nobody else asks.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
server=
serve() { # OPTIONS...
	"$O/tools/dns-play" -l "$@" > "$tmp/server" &
	server=$!
	eventually grep -q listening "$tmp/server"
}
stop_server() {
	kill "$server"
	wait "$server" 2> /dev/null
}
while read -r address rcode name type type_name; do
	serve -a "$address" -d 30 -r "$rcode"
	watch_only dns
	"$O/tools/dns-play" -a "$address" -n 20 -q "$type" > /dev/null
	unwatch
	stop_server
	s="sgprobe_dns_latency_seconds{rcode=\"$name\",server=\"$address\"}"
	ok "$address: 20 queries are counted by type" is "$(total "sgprobe_dns_queries_total{type=\"$type_name\"}")" 20
	ok "$address: and by answer" is "$(total "sgprobe_dns_answers_total{rcode=\"$name\"}")" 20
	ok "$address: each has a latency" is "$(field "$s" 2)" 20
	ok "$address: of the 30 ms that the server takes" between "$(field "$s" 4)" 0.0286 0.06
done <<- END
	127.0.0.53 3 nxdomain 1 a
	::1 0 noerror 28 aaaa
END
serve -a 127.0.0.53 -t
watch_only dns
"$O/tools/dns-play" -a 127.0.0.53 -n 5 > /dev/null
unwatch
stop_server
ok "truncated answers are counted" is "$(total sgprobe_dns_truncated_total)" 5

serve -a 127.0.0.53 # else every second query would be refused
watch_only dns
"$O/tools/dns-play" -x -a 127.0.0.53 > "$tmp/did"
unwatch
stop_server
ok "broken queries are counted as such" is "$(total sgprobe_dns_malformed_total)" "$(awk '$1 == "broken" { print $2 }' "$tmp/did")"
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
