#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How good the detectors are, and what they cost. Figures: docs/MONITORING.md.
#   bench-detect.sh                      calibration and cost, on generated load
#   bench-detect.sh RECORDING            the same on the series of a recording (sgprobe record)
#   bench-detect.sh DATA SCORER          the score over labelled series, for Numenta's benchmark and by
#                                        event, and with each folder left out at the threshold of the rest
# DATA has FOLDER/NAME.csv and combined_windows.json; SCORER is a program with nab-score's options.
set -eu
cd "$(dirname "$0")/.."
O=${O:-build}

if [ $# -lt 2 ]; then
	gcc -std=gnu11 -O2 -g -D_GNU_SOURCE -Iinclude -Iuserspace -o "$O/bench-detect" tests/bench/detect.c \
		userspace/analysis/detect*.c userspace/model/*.c userspace/base/*.c -lz -lm -lpthread
	exec "$O/bench-detect" "$@"
fi

data=$(readlink -f "$1") scorer=$(readlink -f "$2")
T=$(mktemp -d "${TMPDIR:-/tmp}/sgprobe-bench-detect-XXXXXX")
trap 'rm -rf "$T"' EXIT
cp -r "$data" "$T/data" && chmod -R u+w "$T/data"
cd "$T/data"
for f in */*.csv; do
	mkdir -p "$T/scores/${f%/*}"
	"$OLDPWD/$O/sgprobe" detect "$f" >"$T/scores/$f"
done
score() { # DATA [OPTIONS]: as JSON
	local from=$1
	shift
	"$scorer" --data "$from" --windows "$data/combined_windows.json" --summary --json "$@" "$T/scores" 2>/dev/null
}

for profile in standard low_fp low_fn; do
	score "$T/data" --profile $profile |
		jq -r '"\(.profile): \(.total.nab_score * 100 | round / 100) at \(.threshold), \(.total.windows_detected) of " +
			"\(.total.windows) windows, \(.total.false_episodes) false episodes"'
done

# Each folder at the threshold that is best for the others; the raw scores are summed, then normalised.
mkdir "$T/one" "$T/rest"
for folder in */; do
	cp -r ./* "$T/rest" && rm -r "$T/rest/$folder" && cp -r "$folder" "$T/one"
	at=$(score "$T/rest" | jq .threshold)
	score "$T/one" --threshold "$at" |
		jq -r --arg f "${folder%/}" '"\($f) \(.total.raw_score) \(.total.windows) \(.total.nab_score // "-")"'
	rm -r "$T/one/"* "$T/rest/"*
done | awk '{ raw += $2; n += $3; printf "  left out %-24s %s\n", $1, $4 == "-" ? $2 " (raw)" : sprintf("%.1f", $4) }
	END { printf "leaving out one folder at a time: %.2f\n", 100 * (raw + n) / (2 * n) }'

# The highest recall whose precision, by event, is at least 0.90.
cut -d, -f3 "$T"/scores/*/*.csv | grep '^0\.999' | sort -gr | awk 'NR % 4 == 1 && NR < 240' | uniq |
	while read -r at; do
		score "$T/data" --threshold "$at" | jq -r '"\(.total.precision) \(.total.recall)"'
	done | awk '$1 >= 0.9 && $2 > best { best = $2 } END { printf "recall at a precision of 0.90: %.2f\n", best }'
