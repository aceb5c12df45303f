#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The memory of the kernel side: what the daemon says before it loads anything is what the kernel says
# afterwards, and settings that need more than they may are refused with a way out.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin

# Bytes of all maps that the probe holds, each once, as the kernel reckons (Linux 6.4; before, about).
by_kernel() {
	cat "/proc/$probe_pid/fdinfo/"* 2> /dev/null | awk '
		$1 == "map_type:" { bytes = -1 } $1 == "memlock:" { bytes = $2 }
		$1 == "map_id:" && !($2 in seen) { seen[$2]; sum += bytes } END { print sum }'
}
reckoned() { total 'sgprobe_bpf_map_bytes{'; }
near() { between "$1" "$(awk -v v="$2" 'BEGIN { print v * 0.9 }')" "$(awk -v v="$2" 'BEGIN { print v * 1.1 }')"; }
megabytes() { sed -n 's/^maps take \([0-9.]*\) \([KMG]\)i*B.*/\1 \2/p' | awk '{ print $1 * ($2 == "G" ? 1024 : $2 == "K" ? 1 / 1024 : 1) * 1048576 }'; }

for settings in "" "probe.slots=4096 probe.rows=4096" "probe.slots=128 probe.cells=1024"; do
	# shellcheck disable=SC2086
	watch -v -i 100 $settings
	sleep 0.5
	kernel=$(by_kernel)
	unwatch
	said=$(sed 's/.*: maps take/maps take/' "$tmp/err" | megabytes)
	ok "what is said before is what the kernel says after (${settings:-defaults})" near "$said" "$kernel"
	# a gauge: the last reading of each domain
	ok "and so is what is reported" near "$(reckoned)" "$kernel"
done

refused() { ! "$PROBE_PRINT" "$@" > "$tmp/out" 2> "$tmp/err"; }
ok "what would take more than it may is refused" refused probe.max_map_memory=2MiB
ok "with the sizes and what to do" grep -q 'would take .*B of kernel memory, probe.max_map_memory is 2.*: lower probe.slots (1024)' "$tmp/err"
ok "before anything is loaded" is "$(cat "$tmp/out")" ""
finish
