#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Events of what stands still or fails: a frozen file system, a slow fsync, memory that must be freed first, a disk
# that is full. Each on a loop device, or in a control group, of its own.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
told() { grep "^EVENT $1 " "$OUT" | grep -cF -- "${2:-}"; } # KIND [TEXT]
field_of() { grep "^EVENT $1 " "$OUT" | grep -F -- "$2" | head -1 | sed "s/.*\"$3\":\"\{0,1\}\([^,\"}]*\).*/\1/"; } # KIND TEXT FIELD
is_told() { [ "$(told "$@")" -ge 1 ]; }
named() { cp "$(type -P "$1")" "$tmp/$2"; } # PROGRAM NAME
only() { # SETTINGS...
	local d off=()
	for d in $(domains); do
		case $d in event | process | syscall | mem | block) ;; *) off+=("probe.$d=false") ;; esac
	done
	watch "${off[@]}" event.rate=1000 "$@"
}
loop='' group=''
hung=/proc/sys/kernel/hung_task
put_back() {
	[ ! -e "$tmp/frozen" ] || fsfreeze -u "$tmp/m"
	[ -z "${timeout_was:-}" ] || { echo "$timeout_was" > ${hung}_timeout_secs; echo "$warnings_was" > ${hung}_warnings; }
	[ -z "$loop" ] || losetup -d "$loop"
	umount "$tmp/m" "$tmp/small" 2> /dev/null
	[ -z "$group" ] || eventually rmdir "$group"
}
trap 'unwatch; put_back; rm -rf "$tmp"' EXIT
named touch sg-frozen
named dd sg-writer

# ---- a file system that is frozen, and one that is slow to sync --------------------------------
mkdir "$tmp/m" "$tmp/small"
truncate -s 64M "$tmp/image"
if mkfs.ext4 -q "$tmp/image" 2> "$tmp/mount" && mount -o loop "$tmp/image" "$tmp/m" 2>> "$tmp/mount"; then
	only event.slow=10ms event.stall=1s
	"$tmp/sg-writer" if=/dev/zero of="$tmp/m/synced" bs=1M count=40 conv=fsync 2> /dev/null
	if [ -w ${hung}_timeout_secs ]; then
		timeout_was=$(cat ${hung}_timeout_secs) warnings_was=$(cat ${hung}_warnings)
		echo 0 > ${hung}_warnings # the kernel's log stays as it is
		echo 1 > ${hung}_timeout_secs
	fi
	touch "$tmp/frozen"
	fsfreeze -f "$tmp/m"
	"$tmp/sg-frozen" "$tmp/m/late" &
	frozen=$!
	is_reported() { is_told stall sg-frozen && { [ -z "${timeout_was:-}" ] || is_told hung_task sg-frozen; }; }
	eventually is_reported
	fsfreeze -u "$tmp/m"
	rm "$tmp/frozen"
	wait $frozen
	is_over() { is_told stall_end sg-frozen; }
	eventually is_over
	unwatch
	ok "who writes to a frozen file system is one stall" is "$(told stall '"comm":"sg-frozen"')" 1
	ok "and its end is told" is "$(told stall_end '"comm":"sg-frozen"')" 1
	if [ -n "${timeout_was:-}" ]; then
		ok "the kernel's report of a hung task is an event" between "$(told hung_task "\"pid\":$frozen,")" 1 30
		ok "with its name" is "$(field_of hung_task '' comm)" sg-frozen
	else
		skip "a hung task" "this kernel does not look for them"
	fi
	if [ "$(told slow '"what":"fsync"')" -ge 1 ]; then
		ok "a slow fsync is an event, with its time" between "$(field_of slow '"what":"fsync"' seconds)" 0.009 60
	else
		skip "a slow fsync" "nothing took 10 ms here"
	fi
else
	skip "a frozen file system" "no ext4 on a loop device: $(tail -n 1 "$tmp/mount")"
fi

# ---- memory ---------------------------------------------------------------------------------------
v1=$(awk '$0 ~ / - cgroup / && $NF ~ /memory/ { print $5; exit }' /proc/self/mountinfo)
v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
if [ -n "$v1" ] && mkdir "$v1/sgprobe-slow-$$" 2> /dev/null; then
	group=$v1/sgprobe-slow-$$
	echo 16M > "$group/memory.limit_in_bytes"
elif grep -qw memory "$v2/cgroup.subtree_control" 2> /dev/null && mkdir "$v2/sgprobe-slow-$$"; then
	group=$v2/sgprobe-slow-$$
	echo 16M > "$group/memory.max"
fi
if [ -n "$group" ]; then
	only event.slow=10ms
	(echo $BASHPID > "$group/cgroup.procs" && exec "$tmp/sg-writer" if=/dev/zero of="$tmp/big" bs=1M count=300) 2> /dev/null
	unwatch
	rm -f "$tmp/big"
	if [ "$(told slow '"what":"reclaim"')" -ge 1 ]; then
		ok "a long wait for memory is an event of who waits" is "$(field_of slow '"what":"reclaim"' comm)" sg-writer
	else
		skip "a long wait for memory" "none took 10 ms here"
	fi
else
	skip "a long wait for memory" "no memory controller that this test may use"
fi

# ---- a disk that fails -----------------------------------------------------------------------------
if mount -t tmpfs -o size=1M none "$tmp/small" 2> "$tmp/mount" && truncate -s 8M "$tmp/small/image" &&
	loop=$(losetup -f --show "$tmp/small/image" 2>> "$tmp/mount"); then
	only
	for at in 2 3 4 5 6 7; do # what the file behind it has no room for
		dd if=/dev/zero of="$loop" bs=1M count=1 seek=$at oflag=direct 2> /dev/null && echo "# written, of all things"
	done
	eventually is_told block_errors
	unwatch
	ok "requests that fail are an event" between "$(told block_errors "\"device\":\"${loop#/dev/}\"")" 1 2
	ok "with the error" is "$(field_of block_errors '' error | sed 's/ioerr/nospc/')" nospc
	ok "and as many are counted" between "$(total "sgprobe_block_errors_total{device=\"${loop#/dev/}\"")" 5 200
else
	loop=
	skip "a disk that fails" "no loop device on a tmpfs: $(tail -n 1 "$tmp/mount")"
fi
finish
