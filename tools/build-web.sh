#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Builds the dashboard into the folder given: what lies there afterwards is embedded as it is.
set -eu
out=$1
case $out in /*) ;; *) out=$PWD/$out ;; esac
mkdir -p "$out"
cd "$(dirname "$0")/../web"
# The stamp says for which lock file node_modules was filled (tools/setup.sh writes the same).
if ! cmp -s package-lock.json node_modules/.lock; then
	npm ci --ignore-scripts --no-audit --no-fund --silent
	cp package-lock.json node_modules/.lock
fi
exec node build.mjs "$out"
