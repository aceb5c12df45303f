#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What programs send is found again by PromQL, exactly; what is wrong or too much is counted and hurts nobody.
PORT=19471
. "$(dirname "$0")/lib.sh"
need_root
O=${O:-$(dirname "$SGPROBE")}
SEND=$O/tools/statsd-send SERVE=$O/tools/serve-raw UDP=19472
cat >"$T/config.yaml" <<Y
probe: {syscall: false, tcp: false, service: false, irq: false, lock: false, iouring: false, workqueue: false,
  mem: false, fault: false, process: false, block: false, net: false, udp: false, dns: false, fs: false, event: false,
  profile: false, sched: false}
ingest:
  statsd: 127.0.0.1:$UDP
  statsd_socket: $T/statsd.sock
  push: true
  scrape: web=http://127.0.0.1:19473/metrics, app=unix:$T/app.sock:/m, gone=http://127.0.0.1:19474/
  scrape_interval: 1s
  max_source_series: 300
Y
servers=()
end_servers() { [ ${#servers[@]} = 0 ] || kill "${servers[@]}"; servers=(); }
trap 'end_servers; cleanup' EXIT
serve() { # WHERE FILE
	"$SERVE" "$1" "$2" 2>"$T/serve.log" &
	servers+=($!)
}
answer() { # FILE TEXT: as serve-raw gives it
	printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n%b' "$2" >"$1.new" && mv "$1.new" "$1"
}
is() { [ "$(query "$1")" = "$2" ]; }
comes() { # NAME EXPR VALUE: within some seconds
	until_true 10 is "$2" "$3"
	ok $? "$1" "$2 is $(query "$2"), not $3; $(url /api/sg/v1/status | jq -c .ingest)"
}
udp() { "$SEND" udp:$UDP "${2:-1}" 0 "$1" >/dev/null; } # TEXT [TIMES]
push() { # PATH [CURL OPTIONS...]: the body is standard input; prints the answer and its status
	curl -sS -m 10 --unix-socket "$SOCK" "http://localhost$1" --data-binary @- -w ' %{http_code}' "${@:2}" | tr '\n' ' '
}
ingest() { url /api/sg/v1/status | jq -r ".ingest$1"; }

# ---- off by default
start --data-dir "$T/off" --config <(printf 'probe: {sched: false, profile: false}\n')
until_true 20 is_ready
ok "$([ "$(url /api/sg/v1/status | jq .ingest)" = null ]; echo $?)" "without a setting nothing is taken in"
out=$(echo 'a 1' | push /api/sg/v1/ingest/prometheus)
ok "$(echo "$out" | grep -q 'ingest.push.* 422$'; echo $?)" "and who posts is told what to set" "$out"
stop

start --config "$T/config.yaml"
until_true 20 is_ready
ok $? "the daemon starts" "$(cat "$LOG")"

# ---- StatsD
udp 'e2e.hits:1|c|#route:/a' 200
udp 'e2e.time:10:20|ms\ne2e.size:5|h' 200
udp 'e2e.depth:12|g\ne2e.depth:+5|g\ne2e.depth:-2|g'
"$SEND" "unix:$T/statsd.sock" 300 0 'e2e.users:u%d|s' >/dev/null
"$SEND" udp:$UDP 3000 20000 'e2e.sampled:1|c|@0.3' >/dev/null
udp 'no colon here\ne2e.fine:1|c\ne2e.bad:x|c\nsgprobe_lie:1|g\n_e{1,1}:a|b'
comes "each datagram was counted" 'sum(sgprobe_ingest_packets_total)' 3702
comes "200 counts are 200" 'e2e_hits_total{route="/a"}' 200
comes "400 times are 400" 'histogram_count(e2e_time_seconds)' 400
comes "with their sum, in seconds" 'round(histogram_sum(e2e_time_seconds), 0.001)' 6
comes "a distribution keeps its unit" 'histogram_sum(e2e_size)' 1000
comes "and its quantiles are within a bucket" 'histogram_quantile(0.9, e2e_time_seconds) > bool 0.0183' 1
comes "a gauge is changed by what has a sign" e2e_depth 15
comes "a set is its different members, over a unix socket" 'max_over_time(e2e_users[30s])' 300
comes "a third of 10,000 that is sampled is 10,000" e2e_sampled_total 10000

# ---- what is wrong
comes "lines beside a wrong one count" e2e_fine_total 1
comes "wrong lines are counted" 'sgprobe_ingest_refused_total{reason="malformed"}' 2
comes "sgprobe's own names are refused" 'sgprobe_ingest_refused_total{reason="reserved"}' 1
comes "and are not there" 'absent(sgprobe_lie)' 1
out=$("$SGPROBE" status --socket "$SOCK")
ok "$(echo "$out" | grep -q "last refused: '_e{1,1}:a|b'"; echo $?)" "status shows an example" "$out"
ok "$(echo "$out" | grep -q 'statsd: .*malformed 2'; echo $?)" "and the reasons" "$out"

# ---- cardinality
"$SEND" udp:$UDP 1000 20000 'e2e.many:1|c|#user:u%d' >/dev/null
comes "a source has its limit of series" 'sgprobe_ingest_source_series{source="statsd"}' 300
ok "$([ "$(ingest '.sources[0].refused.source_series')" -gt 600 ]; echo $?)" "what is more is counted" "$(ingest '')"
udp 'e2e.hits:1|c|#route:/a'
comes "those that are there go on" 'e2e_hits_total{route="/a"}' 201

# ---- Prometheus text
text() { printf '# TYPE e2e_jobs_total counter\ne2e_jobs_total{q="a\\"b"} %s\n# TYPE e2e_temp gauge\ne2e_temp %s\n' "$1" "$2"; }
out=$(text 1000 20.5 | push '/api/sg/v1/ingest/prometheus?job=batch')
ok "$([ "$out" = ' 204' ]; echo $?)" "Prometheus text is taken" "$out"
comes "a gauge is there" 'e2e_temp{job="batch"}' 20.5
text 1040 21 | gzip | push '/api/sg/v1/ingest/prometheus?job=batch' -H 'Content-Encoding: gzip' >/dev/null
comes "a counter counts from its first value; gzip is undone" 'e2e_jobs_total{q="a\"b"}' 40
text 15 21 | push '/api/sg/v1/ingest/prometheus?job=batch' >/dev/null
comes "and over a reset" 'e2e_jobs_total{q="a\"b"}' 55
out=$(printf 'e2e_ok 1\nwhat is this\n' | push /api/sg/v1/ingest/prometheus)
ok "$(echo "$out" | grep -q '1 taken, 1 refused.*what is this.* 400$'; echo $?)" "a wrong line is answered with it" "$out"
comes "the others were taken" e2e_ok 1
out=$(printf 'e2e_old 1 %s\n' $((($(date +%s) - 300) * 1000)) | push /api/sg/v1/ingest/prometheus)
ok "$(echo "$out" | grep -q 'ingest.max_age'; echo $?)" "an old time stamp is refused" "$out"
out=$(head -c 5000000 /dev/zero | push /api/sg/v1/ingest/prometheus)
ok "$(echo "$out" | grep -q ' 413$'; echo $?)" "5 MB are too much" "$out"
out=$({ echo 'e2e_large 1'; head -c 3000000 /dev/zero | tr '\0' '\n'; } | push /api/sg/v1/ingest/prometheus)
ok "$([ "$out" = ' 204' ]; echo $?)" "3 MB are not" "$out"
out=$(head -c 100000000 /dev/zero | gzip | push /api/sg/v1/ingest/prometheus -H 'Content-Encoding: gzip')
ok "$(echo "$out" | grep -q 'unpacked.* 422$'; echo $?)" "however small they are packed" "$out"
out=$(text 1 1 | curl -sS -m 10 "http://127.0.0.1:$PORT/api/sg/v1/ingest/prometheus" --data-binary @- -w ' %{http_code}' -o /dev/null)
ok "$([ "$out" = ' 405' ]; echo $?)" "over TCP nothing is taken" "$out"

# ---- Influx
out=$(printf 'e2e_cpu,host=a user=1.5,sys=2i,ok=t,note="x y"\n' | push '/write?db=x')
ok "$([ "$out" = ' 204' ]; echo $?)" "of Influx lines numbers are taken" "$out"
comes "and texts counted" 'sgprobe_ingest_refused_total{source="influx",reason="unsupported"}' 1
comes "each field is a series" 'e2e_cpu_user{host="a"} + on() e2e_cpu_sys + on() e2e_cpu_ok' 4.5
out=$(printf 'e2e_load value=7 %s\n' "$(date +%s)" | push '/api/v2/write?precision=s')
comes "a field named value has the measurement's name, and the precision counts" e2e_load 7

# ---- scraping
answer "$T/web" '# TYPE e2e_reqs_total counter\ne2e_reqs_total{job="mine"} 100\ne2e_brief 1\n'
{ printf 'HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n'; printf 'e2e_packed 42\n' | gzip; } >"$T/app"
serve 19473 "$T/web"
serve "$T/app.sock" "$T/app"
comes "an endpoint is up" 'up{job="web",instance="127.0.0.1:19473"}' 1
comes "one on a unix socket, packed, too" "e2e_packed{job=\"app\",instance=\"$T/app.sock\"}" 42
comes "one that is not there is down" 'up{job="gone"}' 0
comes "its samples are counted" 'scrape_samples_scraped{job="web"}' 2
comes "and the time it took" 'scrape_duration_seconds{job="web"} < bool 1' 1
comes "a label that is ours is kept as exported" 'e2e_reqs_total{job="web",exported_job="mine"}' 0
ok "$(grep -q '^GET /m HTTP/1.0' "$T/app.asked" && grep -qi '^accept-encoding: gzip' "$T/app.asked"; echo $?)" "what is asked is what was configured" "$(cat "$T/app.asked")"
answer "$T/web" '# TYPE e2e_reqs_total counter\ne2e_reqs_total{job="mine"} 130\n'
comes "its counters count" 'e2e_reqs_total{job="web"}' 30
comes "what it has no more is gone at once" 'count_over_time(e2e_brief[1s]) or on() vector(0)' 0
printf 'HTTP/1.0 500 No\r\n\r\n' >"$T/web"
comes "an error is down" 'up{job="web"}' 0
ok "$([ "$(ingest '.targets[0].why')" = 'it answers with status 500' ]; echo $?)" "with its reason" "$(ingest .targets)"
answer "$T/web" '# TYPE e2e_reqs_total counter\ne2e_reqs_total{job="mine"} 131\n'
comes "and up again it goes on where it was" 'e2e_reqs_total{job="web"}' 31
out=$("$SGPROBE" status --socket "$SOCK")
ok "$(echo "$out" | grep -q 'gone at 127.0.0.1:19474: DOWN: cannot connect: Connection refused'; echo $?)" "status lists the endpoints" "$out"

# ---- a storm
rss() { grep VmRSS "/proc/$(child server)/status" | tr -dc 0-9; }
before=$(rss)
dropped=$(ingest '.sockets[0].kernel_dropped') packets=$(ingest '.sockets[0].packets')
ticks=$(url /api/sg/v1/status | jq .tick.t_ms)
out=$("$SEND" udp:$UDP 300000 100000 'e2e.storm:1|c|#route:/a')
sent=${out% *}
counted() { # all that was sent was taken or counted as dropped
	local all=$(($(ingest '.sockets[0].packets') - packets + $(ingest '.sockets[0].kernel_dropped') - dropped))
	[ $all = "$sent" ]
}
until_true 15 counted
ok $? "of 300,000 datagrams at 100,000 a second each was taken or counted as dropped ($(($(ingest '.sockets[0].kernel_dropped') - dropped)) dropped, sent in ${out#* } s)" "sent $out; $(ingest .sockets)"
after=$(rss)
ok "$([ $((after - before)) -lt 8192 ]; echo $?)" "memory did not grow ($before to $after KiB)"
sleep 1.5
now=$(url /api/sg/v1/status | jq .tick.t_ms)
frames=$(query "count_over_time(sgprobe_ingest_series[$(((now - ticks) / 1000))s])")
ok "$([ "$frames" -ge $(((now - ticks) / 1000 - 1)) ]; echo $?)" "no second is missing ($frames of $(((now - ticks) / 1000)))"

# ---- a restart of the server process
old=$(child server)
kill -9 "$old"
until_true 10 is_ready
udp 'e2e.hits:1|c|#route:/a'
comes "after the server process died counters go on" 'e2e_hits_total{route="/a"}' 202
stop
ok "$([ ! -e "$T/statsd.sock" ]; echo $?)" "the socket's file is gone with the daemon"

# ---- what may not be
printf 'ingest:\n  statsd: 0.0.0.0:%s\n' $UDP >"$T/bad.yaml"
out=$("$SGPROBE" daemon --config "$T/bad.yaml" --data-dir "$DATA" --socket "$SOCK" --listen none 2>&1)
ok "$(echo "$out" | grep -q 'ingest.insecure'; echo $?)" "an address for everybody is refused" "$out"
printf 'ingest:\n  scrape: a=http://10.1.2.3:80/\n' >"$T/bad.yaml"
out=$("$SGPROBE" daemon --config "$T/bad.yaml" --data-dir "$DATA" --socket "$SOCK" --listen none 2>&1)
ok "$(echo "$out" | grep -q 'ingest.insecure'; echo $?)" "as is an endpoint elsewhere" "$out"
plan_end
