#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the store costs: bytes a day, time of a tick, time to read. Figures: docs/STORE.md.
#   bench-store.sh [MINUTES]     of a synthetic busy host; 60 also measures the hour
set -eu
cd "$(dirname "$0")/.."
O=${O:-build}
minutes=${1:-10}
libs=$(pkg-config --libs sqlite3 zlib)
gcc -std=gnu11 -O2 -g -D_GNU_SOURCE -Iinclude -o "$O/bench-store" tests/bench/store.c \
	userspace/store/*.c userspace/model/*.c \
	userspace/base/*.c -Iuserspace $libs -lm -lpthread
dir=$(mktemp -d "${TMPDIR:-/tmp}/sgprobe-bench-store-XXXXXX")
trap 'rm -rf "$dir"' EXIT
for churn in 0 5; do
	"$O/bench-store" "$minutes" "$churn" "$dir/$churn"
	rm -rf "${dir:?}/$churn"
done
