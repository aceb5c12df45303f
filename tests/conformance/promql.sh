#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Prometheus' own engine tests, where a copy of them is at hand: SGPROBE_PROMQL_DATA names the
# folder of *.test scripts.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=${SGPROBE_PROMQL_DATA:-../shared/data/promql}
name="Prometheus' own evaluations come out as there"
if ! ls "$dir"/*.test >/dev/null 2>&1; then
	echo "ok 1 - $name # SKIP no PromQL test scripts: set SGPROBE_PROMQL_DATA to a folder of them"
	exit 0
fi
out=$("${O:-build}"/tests/promql-conformance -v "$dir")
r=$?
sed 's/^/# /' <<<"$out"
[ $r = 0 ] || printf 'not '
echo "ok 1 - $name: $(tail -n 1 <<<"$out")"
