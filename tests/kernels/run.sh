#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Boots a Debian kernel and runs guest.sh in it. run.sh NAME [FILE...]: NAME as tools/kernels.sh names kernels; with
# names of files (a domain, named, truth) only those, without what all domains do together; "hooks" is every domain
# without its file.
# What was attached to which hook stays in $O/kernels/NAME/hooks, for table.sh, and how long it took in $O/kernels/NAME/seconds.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
name=${1:?which kernel}
shift
begin
SECONDS=0
here=$O/kernels/$name

tools/kernels.sh fetch "$name" > "$tmp/fetch"
case $? in
0) ;;
77) echo "ok 1 - kernel $name # SKIP $(tail -n 1 "$tmp/fetch")" && exit 0 ;;
*) cat "$tmp/fetch" && exit 1 ;;
esac

# The guest's files: a few programs with their libraries, and of this tree what the tests use, under /sg.
tree=$tmp/tree
put() { # DIRECTORY FILE...
	local f lib
	for f in "${@:2}"; do
		install -D "$f" "$1/${f#/}"
		ldd "$f" 2> /dev/null | sed -nE 's/^.*(=> |\t)(\/[^ ]*) .*/\2/p'
	done | sort -u | while read -r lib; do install -D "$lib" "$tree/$lib"; done
}
mkdir -p "$tree"/{usr/bin,usr/sbin,usr/lib,usr/lib64,etc,proc,sys,dev,root,run,tmp}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$tree/"
install tests/kernels/init "$tree/init"
put "$tree" /usr/bin/{busybox,bash,sleep,true,dd} "$(command -v ip)" "$(command -v ss)" "$(command -v tc)"
ln "$tree/usr/bin/bash" "$tree/usr/bin/sh"
put "$tree/sg" tests/kernel/lib.sh tests/kernels/*.sh
cp --parents -t "$tree/sg" userspace/config/settings.def
(cd "$O" && for f in tests/kernel/probe_print tests/kernels/bpf_list tools/work-* tools/{tcp-churn,net-delay,service-play,udp-send,dns-play}; do
	case $f in *.d) ;; *) put "$tree/sg/build" "$f" ;; esac
done)
echo "$*" > "$tree/sg/.guest" # and what to run: everything, when it is empty
(cd "$tree" && find . | cpio -o -H newc --quiet -R 0:0 | gzip -1) > "$tmp/archive"

tools/kernels.sh boot "$name" "$tmp/archive" | tr -d '\r' > "$tmp/output"
case "$*" in "" | hooks*) sed -n 's/^# hook //p' "$tmp/output" | awk '!seen[$0]++' > "$here/hooks" ;; esac
[ $# != 0 ] || echo $SECONDS > "$here/seconds"
# Results of many files, numbered anew.
awk '/^(not )?ok / { sub(/ok [0-9]* *-?/, "ok " ++n " -") } !/^1\.\.[0-9]/ { print } END { print "1.." n + 0 }' "$tmp/output"
if ! grep -q '^# guest ended with status' "$tmp/output"; then
	echo "not ok - kernel $name: the guest did not come to its end; its console ends:"
	tail -n 40 "$here/console" | tr -d '\r' | sed 's/^/# /'
	exit 1
fi
grep -q '^# guest ended with status 0' "$tmp/output" && ! grep -q '^not ok' "$tmp/output"
