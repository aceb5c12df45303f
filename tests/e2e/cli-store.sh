#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# query, metrics, sql, export and db on a small store that was recorded: two minutes of five metrics.
PORT=19482
. "$(dirname "$0")/lib.sh"
exits() { # STATUS ARGS...
	local want=$1
	shift
	"$SGPROBE" "$@" --data-dir "$DATA" --socket "$T/none.sock" --config /dev/null >"$T/out" 2>"$T/err"
	local r=$?
	[ $r = "$want" ] || { echo "status $r, not $want"; cat "$T/out" "$T/err"; return 1; }
}
has() { grep -qE -- "$1" "$2" || { cat "$2"; return 1; }; }
is() { [ "$(cat "$T/out")" = "$1" ] || { cat "$T/out" "$T/err"; return 1; }; }
json() { jq -e "$1" "$T/out" >/dev/null || { head -c 500 "$T/out"; return 1; }; }
plain() { ! grep -q $'\033' "$T/out"; }
export TZ=UTC
"$SGPROBE" replay tests/data/small.sgf --data-dir "$DATA" --config /dev/null >"$T/out" 2>&1
ok $? "the recording is stored" "$(cat "$T/out")"

# ---- query
check "query prints a value" exits 0 query 'sgprobe_load{period="1m"}'
check "as a table" is "$(printf '__name__      period  VALUE\nsgprobe_load  1m       2.95')"
exits 0 query 'sum(rate(sgprobe_syscall_calls_total[1m]))'
check "a sum has no labels" is "$(printf 'VALUE\n  112')"
exits 0 query 'sgprobe_load' --from 1700000000 --to 1700000020 --step 10s
check "a range is a table when it is not seen" is "$(printf '%s\n' 'TIME                 __name__      period  VALUE' \
	'2023-11-14 22:13:20  sgprobe_load  1m          1' '2023-11-14 22:13:30  sgprobe_load  1m        1.5' \
	'2023-11-14 22:13:40  sgprobe_load  1m          2')"
exits 0 query 'sgprobe_load' --from 1700000000 --to 1700000020 --step 10s --csv
check "or CSV" is "$(printf '%s\n' time,__name__,period,value 1700000000.000,sgprobe_load,1m,1 1700000010.000,sgprobe_load,1m,1.5 1700000020.000,sgprobe_load,1m,2)"
exits 0 query 'test_odd_total' --csv
check "odd values are quoted" has '^[0-9.]+,test_odd_total,"x,""y""$' "$T/out"
exits 0 query 'test_odd_total'
check "and never reach a terminal as they are" plain
exits 0 query 'sgprobe_load' --json
check "JSON is Prometheus'" json '.resultType == "vector" and .result[0].value[1] == "2.95"'
check "a mistake is one of use" exits 2 query 'sum(rate(sgprobe_load[1m])'
check "with a caret below it" has '^ {28}\^$' "$T/err"
check "that stands under the expression" has '^  sum\(rate\(sgprobe_load\[1m\]\)$' "$T/err"
exits 0 query 'rate(sgprobe_syscall_calls_total[10s])' --last 1m --plot
check "--plot draws" has '└─' "$T/out"
check "a line for each series" [ "$(grep -c ' last .* max ' "$T/out")" = 3 ]
check "without colours in a pipe" plain
check "in 80 columns" [ "$(wc -L <"$T/out")" -le 80 ]
exits 0 query 'rate(sgprobe_syscall_latency_seconds[10s])' --last 1m --plot
check "distributions are heat maps" [ "$(grep -c 'a column is' "$T/out")" = 2 ]
check "in 80 columns too" [ "$(wc -L <"$T/out")" -le 80 ]
LC_ALL=C exits 0 query 'sgprobe_load' --last 1m --plot
check "a terminal without UTF-8 gets ASCII" [ "$(LC_ALL=C grep -cP '[^\x00-\x7f]' "$T/out")" = 0 ]
check "two formats are too many" exits 2 query 1 --csv --json
check "nothing is nothing" exits 0 query nothing
check "and said" is '(no series)'

# ---- metrics
check "metrics lists what is stored" exits 0 metrics
check "with series and rates" has '^sgprobe_syscall_calls_total +counter +3 +3.0$' "$T/out"
check "and a sum" has '^4 metrics, 7 series, 7\.0 samples a second$' "$T/out"
exits 0 metrics sysc --type histogram --json
check "filtered, as JSON" json 'length == 1 and .[0].name == "sgprobe_syscall_latency_seconds" and .[0].unit == "seconds" and .[0].series == 2 and (.[0].help | length > 10)'
exits 0 metrics 'sgprobe_l*' --csv
check "by a pattern, as CSV" has '^sgprobe_load,gauge,,1,1.000,' "$T/out"
check "nothing like it is not found" exits 4 metrics nothing

# ---- sql
check "sql answers" exits 0 sql "SELECT count(*) AS n, max(value) AS top FROM samples WHERE name = 'sgprobe_load'"
check "with a table" is "$(printf '  n   top\n120  2.95')"
exits 0 sql --csv "SELECT labels ->> 'syscall' AS call, sum(value) AS n FROM increases('sgprobe_syscall_calls_total') GROUP BY 1 ORDER BY 2 DESC"
check "or CSV" is "$(printf 'call,n\nread,12000\nwrite,1200\nfsync,240')"
echo "SELECT kind, text FROM events; SELECT 1 AS one" >"$T/q"
exits 0 sql --json --file "$T/q"
check "a file of statements, as JSON" [ "$(jq -s 'length' "$T/out")" = 2 ]
check "events are rows" [ "$(jq -rs '.[0][0].kind' "$T/out")" = oom_kill ]
"$SGPROBE" sql --data-dir "$DATA" --config /dev/null <<<'SELECT 2 AS two;' >"$T/out"
check "so is standard input" is "$(printf 'two\n  2')"
check "a mistake is one of use" exits 2 sql 'SELEC'
check "nothing can be changed" exits 5 sql 'DELETE FROM journal'
check "and that is said" has 'only SELECT' "$T/err"
check "a statement may be given a time" exits 124 sql --timeout 1s 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
interrupted() {
	"$SGPROBE" sql --data-dir "$DATA" --config /dev/null \
		'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c' 2>"$T/err" &
	local p=$!
	until_true 5 grep -q SigBlk:.*4002 /proc/$p/status
	kill -INT $p
	wait $p
	[ $? = 130 ]
}
check "Ctrl-C ends it with status 130" interrupted

# ---- export
check "export writes CSV" exits 0 export sgprobe_load --last 10m
check "of each sample" [ "$(wc -l <"$T/out")" = 121 ]
check "with its labels" has '^1700000000.000,sgprobe_load,"\{""period"":""1m""\}",gauge,1,,,$' "$T/out"
exits 0 export --last 10m --format openmetrics
cp "$T/out" "$T/all.om"
check "OpenMetrics ends as it must" [ "$(tail -n 1 "$T/all.om")" = '# EOF' ]
check "a counter's family is without _total" has '^# TYPE sgprobe_syscall_calls counter$' "$T/all.om"
check "its samples are with it" has '^sgprobe_syscall_calls_total\{syscall="read"\} 12000 1700000119.000$' "$T/all.om"
check "a distribution has a unit and classic buckets" has '^sgprobe_syscall_latency_seconds_bucket\{syscall="fsync",le="\+Inf"\} 240 1700000119.000$' "$T/all.om"
check "each family comes once" [ -z "$(grep '^# TYPE' "$T/all.om" | sort | uniq -d)" ]
check "labels are escaped" has '^test_odd_total\{name="x,\\"y\\"\\nz"\} ' "$T/all.om"
if command -v promtool >/dev/null; then
	check "promtool makes blocks of it" promtool tsdb create-blocks-from openmetrics "$T/all.om" "$T/blocks"
	mkdir "$T/blocks/wal"
	got=$(promtool tsdb dump "$T/blocks" | grep -c '__name__="sgprobe_syscall_calls_total"')
	check "with every sample" [ "$got" = 363 ]
else
	skip "promtool makes blocks of it" "promtool is not installed"
fi
exits 0 export --format jsonl sgprobe_load
check "JSON lines have values and times" json '.metric.period == "1m" and (.values | length) == 120 and .timestamps[0] == 1700000000000'
exits 0 export 'sum(rate(sgprobe_syscall_calls_total[10s]))' --step 30s --last 1m
check "an expression is computed" has '^1700000119.000,,\{\},unknown,112,,,$' "$T/out"
check "into a file" exits 0 export sgprobe_load -o "$T/file.csv"
check "that says how many" has '^120 samples$' "$T/err"
check "a format that is none is a mistake" exits 2 export --format xml
check "so is an expression without a step" exits 2 export 'sum(x)'

# ---- db
check "db check finds nothing wrong" exits 0 db check
check "and says what it looked at" has ' 120 frames: 0 problems$' "$T/out"
check "db backup copies" exits 0 db backup "$T/backup"
check "into a folder that is not there yet" exits 1 db backup "$T/backup"
check "without leaving logs there" [ "$(cd "$T/backup" && echo *)" = metrics.db ]
sqlite3 "$DATA/metrics.db" "UPDATE journal SET crc = crc + 1 WHERE id = 1"
check "db check finds a wrong checksum" exits 7 db check
check "and where" has '^metrics.db, journal: row 1: its checksum is wrong$' "$T/out"
exits 7 db check --json
check "as JSON" json '.problems == 1 and .findings[0].where == "metrics.db, journal"'
check "db restore brings it back" exits 0 db restore "$T/backup"
check "and keeps what was there" has "before-restore-" "$T/out"
check "so that all is well again" exits 0 db check
check "db compact works" exits 0 db compact
flock "$DATA/lock" sleep 30 &
holder=$!
until_true 5 sh -c "! flock -n $DATA/lock true"
check "neither while a daemon runs" exits 1 db compact
check "nor restore" exits 1 db restore "$T/backup"
kill $holder
sqlite3 "$T/backup/metrics.db" "PRAGMA user_version = 999" >/dev/null
check "a backup of a newer sgprobe is refused" exits 6 db restore "$T/backup"
check "db stats measures" exits 0 db stats
check "tables" has '^journal +[0-9]+ +[0-9.]+ [KM]iB$' "$T/out"
check "and metrics" has '^sgprobe_syscall_latency_seconds +2 +2[0-9]+ ' "$T/out"
exits 0 db stats --json
check "as JSON" json 'any(.tables[]; .name == "journal") and .newest_ms == 1700000119000 and (.metrics | length) == 4'
check "an unknown verb is one of use" exits 2 db chekc
for c in "sql SELECT" "export" "db stats" "db check" "db compact"; do
	DATA=$T/nothing
	check "$c without a store ends with status 4" exits 4 $c
done
plan_end
