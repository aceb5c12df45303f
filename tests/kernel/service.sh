#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Services: a server that answers after a known time, then what was seen of it, by its port.
. "$(dirname "$0")/lib.sh"
begin
play=$O/tools/service-play
[ -x "$play" ] || skip_all "the tools are not built"
port=19440
jobs=()
cleanup() {
	stop_all
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT
stop_all() {
	for j in "${jobs[@]}"; do
		kill "$j" 2> /dev/null
		wait "$j" 2> /dev/null
	done
	jobs=()
}
start() { # OPTIONS...: the tool in the background
	"$play" -p $port "$@" > "$tmp/job" &
	jobs+=($!)
}

established() { ss -Htn state established "( sport = :$port )" | grep -q .; }
# Both ends are closed for good.
settled() { ! ss -Htan | grep -v -e TIME-WAIT -e LISTEN | grep -q ":$port "; }
seen() { # OPTIONS...
	watch_only service
	"$play" -p $port "$@" > "$tmp/did"
	eventually settled
	unwatch
}
of() { total "sgprobe_service_$1{port=\"$port\"}"; }
error() { total "sgprobe_service_errors_total{kind=\"$1\",port=\"$port\"}"; }
response() { field "sgprobe_service_response_seconds{port=\"$port\"}" "$1"; }
delay() { field "sgprobe_service_read_delay_seconds{port=\"$port\"}" "$1"; }
ok_sums() {
	local m d
	for m in response_seconds read_delay_seconds requests_total received_bytes_total sent_bytes_total connections_total; do
		for d in cgroup comm; do
			ok "the sum over $d of $m is the total" is \
				"$(total "sgprobe_${d}_service_$m{")" "$(total "sgprobe_service_$m{")"
		done
	done
}

for v in 4 6; do
	flag=
	[ $v = 4 ] || flag=-6
	seen $flag -k 4 -n 50 -d 5 -q 300 -r 700
	ok "IPv$v: 200 requests of 4 connections are seen" is "$(of requests_total)" 200
	ok "IPv$v: each has a response time" is "$(response 2)" 200
	ok "IPv$v: it is what the server takes" between "$(response 4)" 0.005 0.0062
	ok "IPv$v: none is shorter" between "$(response 3)" 1.0 1.5
	ok "IPv$v: each was read at once" between "$(delay 4)" 0 0.001
	ok "IPv$v: 4 connections are seen" is "$(of connections_total)" 4
	ok "IPv$v: bytes of requests are exact" is "$(of received_bytes_total)" 60000
	ok "IPv$v: bytes of answers are exact" is "$(of sent_bytes_total)" 140000
	ok "IPv$v: nobody was in a hurry" is "$(of pipelined_total)" 0
	ok "IPv$v: nothing went wrong" is "$(total "sgprobe_service_errors_total{")" 0
	ok "IPv$v: they are the server's" is "$(total 'sgprobe_comm_service_requests_total{comm="service-play"}')" 200
	ok_sums
done

seen -n 20 -D 20 -d 5
ok "a server that is slow to read has a read delay" between "$(delay 4)" 0.0191 0.0235
ok "each request has one" is "$(delay 2)" 20
ok "the response time includes it" between "$(response 4)" 0.025 0.029

seen -n 10 -q 1000000 -u 5 -g 20 -d 10 -r 100
ok "large requests are one each" is "$(of requests_total)" 10
ok "their time begins with their last byte" between "$(response 4)" 0.0095 0.0125
ok "all their bytes count" is "$(of received_bytes_total)" 10000000

seen -n 10 -r 3000000 -s 5 -G 20 -d 10
ok "large answers are one each" is "$(of requests_total)" 10
ok "their time ends with their first byte" between "$(response 4)" 0.0095 0.0125
ok "all their bytes count" is "$(of sent_bytes_total)" 30000000
ok "and none is taken for pipelined" is "$(of pipelined_total)" 0

seen -n 40 -P 4 -d 5
ok "requests that do not wait for their turn are counted" is "$(of requests_total)" 40
ok "as such, but for the last of four" is "$(of pipelined_total)" 30

while read -r end kind; do
	seen -k 5 -n 2 -d 50 -e "$end"
	ok "$end: five connections end with an error: $kind" is "$(error "$kind")" 5
	ok "$end: and no other" is "$(total "sgprobe_service_errors_total{")" 5
	for d in cgroup comm; do
		ok "$end: the sum over $d of errors is the total" is "$(total "sgprobe_${d}_service_errors_total{")" 5
	done
done <<- END
	reset reset_by_client
	leave reset_by_client
	abort reset_by_server
	drop unanswered
END

# HTTP, where a setting names the port.
http() { total "sgprobe_service_http_requests_total{method=\"$1\",port=\"$port\",status=\"$2\"}"; }
seen_http() {
	watch_only service probe.http_ports="80, $port"
	"$play" -p $port "$@" > "$tmp/did"
	eventually settled
	unwatch
}
while read -r method status label class options; do
	# shellcheck disable=SC2086
	seen_http -n 20 -M "$method" -S "$status" $options
	ok "HTTP: $method and $status $options" is "$(http "$label" "$class")" 20
	ok "and nothing else" is "$(total 'sgprobe_service_http_requests_total{')" 20
done <<- END
	GET 200 get 2xx
	POST 404 post 4xx -V
	DELETE 503 delete 5xx -q 300000 -u 3 -r 300000 -s 3
	PURGE 301 other 3xx
	OPTIONS 700 options other
	GET 100 get 1xx -q 16 -r 20
	GET 200 other other -q 15 -r 10
END
seen -n 5 -M GET -S 200
ok "without that setting no program looks at system calls" is "$(total 'sgprobe_bpf_program_attached{program="service/sys_exit"')$(total 'sgprobe_service_http_requests_total{')" 00
seen_http -n 20
ok "what is no HTTP counts as other" is "$(http other other)" 20

# The server and a connection are older than the probe.
start -n 60 -d 50
eventually established
watch_only service
wait "${jobs[0]}"
jobs=()
eventually settled
unwatch
ok "requests of an older connection are seen" between "$(of requests_total)" 20 58
ok "with their times" between "$(response 4)" 0.0495 0.0545
ok "but it was not made now" is "$(of connections_total)" 0
ok "its process is known" is "$(total 'sgprobe_comm_service_requests_total{comm="service-play"}')" "$(of requests_total)"

# Nobody accepts: the queue holds one more than the backlog, and the kernel drops the rest.
dropped() { awk '$1 == "TcpExt:" && !n { for (i = 2; i <= NF; i++) if ($i == "ListenDrops") n = i; next } $1 == "TcpExt:" { print $n }' /proc/net/netstat; }
start -l -N -b 4
eventually grep -q listening "$tmp/job"
watch_only service
start -c -N -k 3 -w 60000
eventually grep -q "connected 3" "$tmp/job"
queue() { field "sgprobe_service_accept_queue_connections{port=\"$port\"}" 2; }
sleep 1.2 # a whole tick
unwatch
ok "connections that wait to be accepted are seen" is "$(queue)" 3
ok "and how many may" is "$(field "sgprobe_service_accept_queue_limit_connections{port=\"$port\"}" 2)" 4
watch_only service
before=$(dropped)
timeout 4 "$play" -p $port -c -N -k 8 > "$tmp/did"
after=$(dropped)
sleep 1.2
unwatch
ok "a queue that is full is seen" is "$(queue)" 5
ok "what it dropped is what the kernel counts" is "$(of accept_drops_total)" $((after - before))
ok "that is something" between $((after - before)) 1 100
stop_all
finish
