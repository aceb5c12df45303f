#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# 'make run': the daemon in the foreground. Says what to type when it cannot be.
set -eu
bin=$1
if [ "$(id -u)" != 0 ]; then
	echo "sgprobe loads programs into the kernel and needs root. Type: sudo make run" >&2
	exit 1
fi
exec "$bin" daemon ${RUN_ARGS:-}
