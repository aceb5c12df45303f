#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The real promtool asks sgprobe, and a real Prometheus scrapes it and is asked the same.
PORT=19621
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
command -v promtool prometheus >/dev/null || skip_all "there is no Prometheus"
here=$(dirname "$(readlink -f "$0")")
S=http://127.0.0.1:$PORT P=http://127.0.0.1:$((PORT + 1)) prom=
runq=sgprobe_sched_runqueue_latency_seconds

end_prometheus() {
	[ -z "$prom" ] || { kill "$prom" && wait "$prom"; } 2>/dev/null
	cleanup
}
trap end_prometheus EXIT

{ # few domains: it is not about what is watched
	echo "probe:"
	for d in tcp service irq lock iouring workqueue mem fault process net udp dns fs event profile; do echo "  $d: false"; done
} > "$T/sgprobe.yaml"
cat > "$T/prometheus.yml" <<END
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: live
    static_configs: [{targets: ["127.0.0.1:$PORT"]}]
  - job_name: federated
    metrics_path: /federate
    params: {"match[]": ['{__name__=~"sgprobe_(load|memory|sched|cpu)_?.*"}']}
    static_configs: [{targets: ["127.0.0.1:$PORT"]}]
END
start --config "$T/sgprobe.yaml"
check "the daemon starts" until_true 30 is_ready
prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/prom" --web.listen-address="127.0.0.1:$((PORT + 1))" \
	--enable-feature=native-histograms,exemplar-storage >"$T/prom.log" 2>&1 &
prom=$!

# ---- promtool, while Prometheus gathers samples
curl -sS "$S/metrics" -o "$T/metrics"
out=$(promtool check metrics < "$T/metrics" 2>&1)
ok "$([ $? = 0 ] && [ -z "$out" ]; echo $?)" "promtool finds nothing to complain about" "$out"
check "there are classic buckets" grep -q "^${runq}_bucket{le=\"+Inf\"} [1-9]" "$T/metrics"
ok "$([ "$(promtool query instant "$S" 1+1 | cut -d@ -f1)" = "scalar: 2 " ]; echo $?)" "promtool query instant"
check "of a vector" eval "promtool query instant $S sgprobe_memory_total_bytes | grep -q '^sgprobe_memory_total_bytes => [1-9][0-9]* @'"
now=$(date +%s)
check "promtool query range" eval "promtool query range --start=$((now - 3)) --end=$now --step=1s $S 'vector(7)' | grep -q '^7 @\\[$now\\]'"
check "promtool query series" eval "promtool query series --match='sgprobe_load{period=\"1m\"}' $S | grep -q '{__name__=\"sgprobe_load\", period=\"1m\"}'"
check "promtool query labels" eval "promtool query labels $S period | grep -qx 1m"
out=$(promtool query instant "$S" 'a +' 2>&1)
ok "$([ $? = 1 ] && echo "$out" | grep -q 'bad_data: invalid parameter "query": 1:4: parse error: unexpected end of input'; echo $?)" \
	"an error is one" "$out"

# ---- Prometheus
scraped() { [ "$(curl -sS "$P/api/v1/query" --data-urlencode "query=min(count_over_time(up[1m]))" | jq -r '.data.result[0].value[1] // 0')" -ge 14 ]; }
until_true 60 scraped
ok $? "Prometheus scrapes it" "$(curl -sS "$P/api/v1/targets" | jq -c '.data.activeTargets[]|[.scrapePool,.health,.lastError]'; tail -n 3 "$T/prom.log")"
ok "$(grep -qE 'level=(warn|error)' "$T/prom.log"; echo $((1 - $?)))" "and has nothing to complain about" "$(grep -E 'level=(warn|error)' "$T/prom.log" | head -n 5)"
for part in queries federated exemplars errors layout; do
	out=$(timeout 60 node "$here/prometheus-same.mjs" "$S" "$P" "$part" 2>&1)
	r=$?
	ok $r "$(echo "$out" | tail -n 1)" "$out"
done
stop
plan_end
