#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# sgprobe detect: a CSV from a file and from stdin, one with errors, and what the score finds.
PORT=19459
. "$(dirname "$0")/lib.sh"

series() { # a wave by the second with a little noise, and one spike in row 3000
	awk 'BEGIN {
		srand(1); print "timestamp,value"
		for (i = 1; i <= 4000; i++)
			printf "%d,%.3f\n", 1767225600 + i, i == 3000 ? 50 : 10 + sin(i / 20) + rand() / 5
	}'
}
exits() { # STATUS COMMAND...
	local want=$1
	shift
	"$@" >"$T/out" 2>"$T/err"
	local r=$?
	[ $r = "$want" ] || { echo "status $r, not $want"; cat "$T/err"; return 1; }
}
says() { grep -qF -- "$1" "$2" || { cat "$2"; return 1; }; }
bad_line() { # TEXT: a CSV with it in line 4
	printf 'timestamp,value\n1,1\n2,2\n%s\n' "$1" >"$T/bad.csv"
}

series >"$T/a.csv"
check "a CSV gets scores" exits 0 "$SGPROBE" detect "$T/a.csv"
cp "$T/out" "$T/scored"
check "under a header" says "timestamp,value,anomaly_score" "$T/scored"
check "each line is kept as it was" sh -c "cut -d, -f1,2 '$T/scored' | cmp - '$T/a.csv'"
check "the spike has the highest score" \
	sh -c "sort -t, -k3,3 -g '$T/scored' | tail -n 1 | grep '^1767228600,50.000,0.9999'"
check "each score is in 0...1" sh -c "awk -F, 'NR > 1 && !(\$3 >= 0 && \$3 <= 1) { exit 1 }' '$T/scored'"
check "stdin gives the same" sh -c "'$SGPROBE' detect - <'$T/a.csv' | cmp - '$T/scored'"
head -n 3500 "$T/a.csv" | "$SGPROBE" detect - >"$T/part"
check "what comes later changes no score" sh -c "head -n 3500 '$T/scored' | cmp - '$T/part'"
check "--parts names what found it" sh -c "'$SGPROBE' detect --parts '$T/a.csv' | head -n 1 | grep level"
check "lines without a header do" sh -c "tail -n +2 '$T/a.csv' | '$SGPROBE' detect - | wc -l | grep -x 4001"
check "a counter that starts again is no news" sh -c "
	awk 'BEGIN { for (i = 1; i < 2000; i++) print i \",\" (i % 1500) * 10 + i % 3 }' |
	'$SGPROBE' detect --counter - | awk -F, '\$1 == 1500 && \$3 != 0 { exit 1 }'"

bad_line "3;3"
check "a line without a comma is an error" exits 7 "$SGPROBE" detect "$T/bad.csv"
check "that names its line" says "line 4: there is no comma" "$T/err"
bad_line "yesterday,3"
check "so is one without a timestamp" exits 7 "$SGPROBE" detect "$T/bad.csv"
check "with what was read" says "line 4: 'yesterday' is no timestamp" "$T/err"
bad_line "3,three"
check "and one without a number" exits 7 "$SGPROBE" detect "$T/bad.csv"
check "lines before it were written" says "2,2,0" "$T/out"
bad_line "$(head -c 5000 /dev/zero | tr '\0' 1)"
check "and one without an end" exits 7 "$SGPROBE" detect "$T/bad.csv"
check "nothing to read is said" exits 4 "$SGPROBE" detect /dev/null
check "a file that is not there too" exits 4 "$SGPROBE" detect "$T/none.csv"
plan_end
