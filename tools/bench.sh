#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs every benchmark, tools/bench-*.sh; each prints ratios from alternating runs on this machine.
set -u
cd "$(dirname "$0")/.." || exit 1
export O=${O:-build}
status=0
for b in tools/bench-*.sh; do
	echo "== $(basename "$b" .sh | sed 's/^bench-//')"
	"$b" || status=1
done
exit $status
