#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the store costs: bytes a day, time of a tick, time to read; and the engine of queries without it.
# Figures: docs/STORE.md, docs/PROMQL.md.
#   bench-store.sh query              the engine alone
#   bench-store.sh [MINUTES [HOURS]]   of a synthetic busy host; 60 also measures the hour.
#                                      HOURS of a host of 1,000 scalars and 200 histograms, and a week of 20 cgroups
set -eu
cd "$(dirname "$0")/.."
O=${O:-build}
minutes=${1:-10} hours=${2:-3}
libs=$(pkg-config --libs sqlite3 zlib)
build() { # NAME
	gcc -std=gnu11 -O2 -g -D_GNU_SOURCE -Iinclude -Iuserspace -o "$O/bench-$1" "tests/bench/$1.c" \
		userspace/store/*.c userspace/query/*.c userspace/model/*.c userspace/base/*.c $libs -lm -lpthread
}
build query
"$O/bench-query"
[ "${1:-}" != query ] || exit 0
build store
build history
dir=$(mktemp -d "${TMPDIR:-/tmp}/sgprobe-bench-store-XXXXXX")
trap 'rm -rf "$dir"' EXIT
for churn in 0 5; do
	"$O/bench-store" "$minutes" "$churn" "$dir/$churn"
	rm -rf "${dir:?}/$churn"
done
"$O/bench-history" "$dir/day" "$hours" 1000 200 "$dir/samples"
sqlite3 "$dir/day/metrics.db" "SELECT '  tier ' || tier || ': ' || count(*) || ' segments, ' || sum(bytes) || ' bytes' FROM segment GROUP BY tier"
sqlite3 "$dir/day/metrics.db" "SELECT '  at 1 s: ' || type || ' ' || printf('%.2f', sum(length(data)) * 1.0 / sum((t1_ms - t0_ms) / 1000 + 1)) || ' bytes a second'
	FROM (SELECT s.t0_ms, s.t1_ms, c.data, CASE series.type WHEN 2 THEN 'histogram' WHEN 1 THEN 'gauge' ELSE 'counter' END AS type
		FROM segment s JOIN chunk c ON c.id >> 32 = s.id JOIN series ON series.id = c.id & 4294967295 WHERE s.tier = 0) GROUP BY type"
# The same scalars elsewhere.
lines=$(grep -vc '^#' "$dir/samples")
sqlite3 "$dir/rows.db" "PRAGMA journal_mode = OFF; CREATE TABLE sample(series INT, t INT, v REAL, PRIMARY KEY(series, t)) WITHOUT ROWID" >/dev/null
awk '/^#/ { next } { if (!($1 in id)) id[$1] = ++n; print id[$1] "," $3 "," $2 }' "$dir/samples" >"$dir/samples.csv"
sqlite3 "$dir/rows.db" ".import --csv $dir/samples.csv sample"
echo "  a row for each sample in SQLite: $(($(stat -c %s "$dir/rows.db") * 100 / lines)) bytes for 100 scalar samples"
if command -v promtool >/dev/null; then
	promtool tsdb create-blocks-from openmetrics "$dir/samples" "$dir/tsdb" >/dev/null
	echo "  Prometheus' TSDB: $(($(du -bs "$dir/tsdb" | cut -f1) * 100 / lines)) bytes for 100 scalar samples"
fi
rm -rf "${dir:?}"/*
"$O/bench-history" "$dir/week" 192 5 20
