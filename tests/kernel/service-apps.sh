#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Services that everybody knows under their own load generators: what is seen of them is what they
# say of themselves (nginx's log, redis' INFO), and no more than their clients see.
. "$(dirname "$0")/lib.sh"
begin
for program in nginx wrk redis-server redis-benchmark redis-cli; do
	command -v $program > /dev/null || skip_all "no $program: tools/setup.sh bench"
done
http=19450 redis=19451
jobs=()
cleanup() {
	for j in "${jobs[@]}"; do kill "$j" 2> /dev/null; wait "$j" 2> /dev/null; done
	unwatch
	rm -rf "$tmp"
}
trap cleanup EXIT
answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
settled() { ! ss -Htan | grep -v -e TIME-WAIT -e LISTEN | grep -q ":$1 "; }
of() { total "sgprobe_service_$2{port=\"$1\"}"; }
response() { field "sgprobe_service_response_seconds{port=\"$1\"}" "$2"; }
seconds() { awk -v t="$1" 'BEGIN { n = t + 0; if (t ~ /us$/) n /= 1e6; else if (t ~ /ms$/) n /= 1e3; printf "%.9f", n }'; }

# ---- nginx -----------------------------------------------------------------------------------
cat > "$tmp/nginx.conf" <<- END
	daemon off;
	worker_processes 1;
	pid $tmp/nginx.pid;
	error_log $tmp/error.log;
	events { worker_connections 64; }
	http {
		log_format times '\$request_time';
		access_log $tmp/access.log times;
		keepalive_requests 1000000;
		limit_req_zone \$server_port zone=paced:1m rate=50r/s;
		server {
			listen 127.0.0.1:$http;
			root $tmp;
			location / { default_type text/plain; }
			location = /paced { limit_req zone=paced burst=1000; alias $tmp/file; }
		}
	}
END
head -c 20000 /dev/zero > "$tmp/file"
chmod 755 "$tmp"
nginx -c "$tmp/nginx.conf" -p "$tmp" 2> /dev/null &
jobs+=($!)
eventually answers $http || skip_all "nginx does not start"

load() { # PATH
	: > "$tmp/access.log"
	watch_only service
	wrk -t 1 -c 8 -d 3s --latency "http://127.0.0.1:$http/$1" > "$tmp/wrk"
	eventually settled $http
	unwatch
	logged=$(wc -l < "$tmp/access.log")
	counted=$(awk '/requests in/ { print $1 }' "$tmp/wrk")
	client=$(seconds "$(awk '$1 == "50%" { print $2 }' "$tmp/wrk")")
	seen=$(of $http requests_total)
	echo "# $1: wrk $counted, nginx $logged, seen $seen; median of wrk $client s, seen $(response $http 4) s"
}
load file
# wrk leaves when its time is over: what it had asked last it does not count.
ok "nginx: requests are those that wrk counts, and its last eight" between "$seen" "$counted" $((counted + 8))
ok "nginx: and those that nginx logs, but for its last" between "$seen" $((logged - 8)) $((logged + 8))
ok "nginx: response times are no longer than what wrk sees" between "$(response $http 4)" 0.000001 "$client"
ok "nginx: bytes are those of the answers" between "$(of $http sent_bytes_total)" $((counted * 20000)) $(((counted + 8) * 20600))
ok "nginx: it is nginx" is "$(total 'sgprobe_comm_service_requests_total{comm="nginx"}')" "$seen"
ok "nginx: nothing is pipelined" is "$(of $http pipelined_total)" 0

: > "$tmp/access.log"
load paced
own=$(sort -n "$tmp/access.log" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
ok "nginx: requests that it makes wait take as long as it logs" between "$(response $http 4)" \
	"$(awk -v v="$own" 'BEGIN { print v / 1.1 - 0.001 }')" "$(awk -v v="$own" 'BEGIN { print v * 1.1 + 0.001 }')"
echo "# nginx logs a median of $own s"

# ---- redis -----------------------------------------------------------------------------------
redis-server --port $redis --bind 127.0.0.1 --save '' --appendonly no --enable-debug-command local --dir "$tmp" > "$tmp/redis" 2>&1 &
jobs+=($!)
eventually answers $redis || skip_all "redis does not start"
commands() { redis-cli -p $redis info stats | tr -d '\r' | sed -n 's/^total_commands_processed://p'; }
bench() { # OPTIONS...
	before=$(commands)
	watch_only service
	redis-benchmark -p $redis -t set -n 40000 -c 8 --csv "$@" > "$tmp/csv" 2> /dev/null
	after=$(commands)
	eventually settled $redis
	unwatch
	did=$((after - before))
	client=$(awk -F'"' '/SET/ { printf "%.9f", $10 / 1000 }' "$tmp/csv")
	seen=$(of $redis requests_total)
	echo "# redis $*: processed $did, seen $seen; median of redis-benchmark $client s, seen $(response $redis 4) s"
}
bench
# Beside what the benchmark sends, each look at the count is a command.
ok "redis: requests are the commands that it counts" between "$seen" $((did - 2)) $((did + 2))
ok "redis: response times are no longer than what its client sees" between "$(response $redis 4)" 0.000001 "$client"
bench -P 16
ok "redis: commands sent 16 at once are read, and answered, in fewer turns" between "$seen" $((40000 / 16)) $((did / 2))

watch_only service
for _ in 1 2 3 4 5 6 7 8 9 10; do redis-cli -p $redis debug sleep 0.05; done > /dev/null
unwatch
took=$(redis-cli -p $redis slowlog get 10 | awk '$1 ~ /^[5-9][0-9][0-9][0-9][0-9]$/ { print $1 }' | sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%.6f", v[int((NR + 1) / 2)] / 1e6 }')
if [ -n "$took" ]; then
	ok "redis: slow commands take what its slow log says" between "$(response $redis 4)" \
		"$(awk -v v="$took" 'BEGIN { print v / 1.1 }')" "$(awk -v v="$took" 'BEGIN { print v * 1.1 }')"
else
	skip "redis: slow commands" "this redis does not allow DEBUG"
fi
finish
