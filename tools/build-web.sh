#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Builds the dashboard into the folder given: what lies there afterwards is embedded as it is.
set -eu
out=$1
rm -rf "$out" && mkdir -p "$out"
if [ -f web/build.mjs ]; then
	[ -d web/node_modules ] || (cd web && npm ci --ignore-scripts --no-audit --no-fund --silent)
	exec node web/build.mjs "$out"
fi
echo '<!doctype html><title>sgprobe</title>' | gzip -9n > "$out/index.html.gz"
