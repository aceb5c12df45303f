#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How long a sample takes from the kernel to the pixels of the dashboard, in headless Chromium.
#   bench-page.sh [TICKS]      O=build folder
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2; exit 1; }
command -v "${CHROMIUM:-chromium}" > /dev/null || { echo "bench: chromium is missing: apt-get install chromium" >&2; exit 1; }
exec node tests/bench/page.mjs "$O/sgprobe" "${1:-90}"
