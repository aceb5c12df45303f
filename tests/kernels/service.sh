#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Services, in a guest, where nobody else uses TCP: every count is exact.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
play=$O/tools/service-play
port=19440
closed() { ! ss -Htan | grep -v LISTEN | grep -qv TIME-WAIT; }
seen() { # OPTIONS...
	watch_only service -s
	"$play" -p $port "$@" > "$tmp/did"
	eventually closed
	unwatch
}
of() { total "sgprobe_service_$1{port=\"$port\"}"; }
response() { field "sgprobe_service_response_seconds{port=\"$port\"}" "$1"; }

for by in fentry kprobe; do
	flag=
	[ $by = fentry ] || flag=-k
	watch_only service $flag -s
	"$play" -p $port -k 20 -n 1 > "$tmp/did"
	eventually closed
	unwatch
	ok "$by: accept is hooked" grep -q "program_attached{program=\"service/inet_csk_accept\",variant=\"$by\"} 1" "$OUT"
	# A kretprobe may miss the return of a function that sleeps; 5.10 leaves a program out where it interrupts itself,
	# and does not say how often.
	least=20
	case $(uname -r) in 5.10*) least=18 ;; esac
	[ $by = fentry ] || least=15
	ok "$by: 20 connections waited to be accepted" between "$(of accept_wait_seconds)" $least 20
	ok "$by: not for long" between "$(field "sgprobe_service_accept_wait_seconds{port=\"$port\"}" 4)" 0 0.05
	ok "$by: the sum over cgroups is the total" is "$(total sgprobe_cgroup_service_accept_wait_seconds)" "$(of accept_wait_seconds)"
	ok "$by: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
done

for v in 4 6; do
	flag=
	[ $v = 4 ] || flag=-6
	seen $flag -k 4 -n 25 -d 20 -q 300 -r 700
	ok "IPv$v: 100 requests of 4 connections are seen" is "$(of requests_total)" 100
	ok "IPv$v: each has a response time" is "$(response 2)" 100
	ok "IPv$v: it is what the server takes" between "$(response 4)" 0.0195 0.04
	ok "IPv$v: 4 connections are seen" is "$(of connections_total)" 4
	ok "IPv$v: bytes of requests are exact" is "$(of received_bytes_total)" 30000
	ok "IPv$v: bytes of answers are exact" is "$(of sent_bytes_total)" 70000
	ok "IPv$v: nothing went wrong" is "$(total "sgprobe_service_errors_total{")" 0
	for m in response_seconds requests_total sent_bytes_total connections_total; do
		ok "IPv$v: the sum over cgroups of $m is the total" is \
			"$(total "sgprobe_cgroup_service_$m{")" "$(total "sgprobe_service_$m{")"
	done
	ok "IPv$v: nothing was dropped" is "$(total sgprobe_dropped_total)" 0
done

seen -n 10 -D 50 -d 10
ok "a server that is slow to read has a read delay" between "$(field 'sgprobe_service_read_delay_seconds{' 4)" 0.047 0.09

seen -n 5 -q 300000 -u 3 -g 50 -d 30 -r 1000000 -s 3 -G 50
ok "large requests and answers are one each" is "$(of requests_total)" 5
ok "from the last byte to the first" between "$(response 4)" 0.0285 0.07
ok "bytes of large requests are exact" is "$(of received_bytes_total)" 1500000
ok "bytes of large answers are exact" is "$(of sent_bytes_total)" 5000000

seen -n 20 -P 4 -d 20
ok "pipelined requests are counted" is "$(of requests_total)" 20
ok "as such, but for the last of four" is "$(of pipelined_total)" 15

while read -r end kind; do
	seen -k 3 -n 1 -d 60 -e "$end"
	ok "$end: connections end with an error: $kind" is \
		"$(total "sgprobe_service_errors_total{kind=\"$kind\",port=\"$port\"}")" 3
	ok "$end: and no other" is "$(total "sgprobe_service_errors_total{")" 3
done <<- END
	reset reset_by_client
	leave reset_by_client
	abort reset_by_server
	drop unanswered
END

for flag in "" -V; do
	watch_only service -s probe.http_ports=$port
	# shellcheck disable=SC2086
	"$play" -p $port -n 20 -d 20 -M POST -S 404 $flag > "$tmp/did"
	eventually closed
	unwatch
	ok "HTTP is told by method and status $flag" is \
		"$(total "sgprobe_service_http_requests_total{method=\"post\",port=\"$port\",status=\"4xx\"}")" 20
done

watch_only service -s
"$play" -p $port -N -b 4 -k 3 -w 5000 > "$tmp/did" &
eventually grep -q "connected 3" "$tmp/did"
sleep 2.2 # a whole tick
unwatch
wait
ok "connections that wait to be accepted are seen" is "$(total 'sgprobe_service_accept_queue_connections{')" 3
finish
