#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# io_uring by operation, on any kernel that has it.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
if ! "$O/tools/work-uring" nop 1 2> "$tmp/why"; then
	skip "requests" "no io_uring: $(cat "$tmp/why")"
	finish
fi
watch_only iouring
"$O/tools/work-uring" nop 1000
unwatch
ok "1,000 requests are seen" is "$(total 'sgprobe_iouring_requests_total{opcode="nop"}')" 1000
ok "and their completions" is "$(total 'sgprobe_iouring_completions_total{opcode="nop"}')" 1000
ok "the sum over comms equals the sum over operations" is "$(total 'sgprobe_comm_iouring_latency_seconds{')" "$(total 'sgprobe_iouring_latency_seconds{')"
finish
