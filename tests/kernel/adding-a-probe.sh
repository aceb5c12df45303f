#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Follows docs/ADDING-A-PROBE.md on a copy of the tree: every code block after an "insert" mark goes where the
# mark says; then the new metric counts what is caused.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
lib=$(realpath "$O")/libsgprobe.a
copy=$tmp/tree
mkdir "$copy"
cp -r Makefile VERSION bpf include userspace vmlinux tools tests "$copy"

apply() { # reads the page; puts every marked block into its file
	awk -v root="$copy/" '
	/^<!-- insert: / {
		s = $0
		sub(/^<!-- insert: /, "", s); sub(/ -->$/, "", s)
		file = s; sub(/ before: .*/, "", file)
		text = s; sub(/^[^ ]* before: /, "", text)
		after = sub(/ after-line$/, "", text)
		next
	}
	/^```c$/ && file != "" { inside = 1; block = ""; next }
	/^```$/ && inside {
		inside = 0
		out = ""; found = 0
		while ((getline line < (root file)) > 0) {
			if (!found && index(line, text) == 1) {
				found = 1
				out = out (after ? line "\n" block : block line "\n")
			} else
				out = out line "\n"
		}
		close(root file)
		if (!found) { print file ": no line begins with \"" text "\""; exit 1 }
		printf "%s", out > (root file)
		close(root file)
		n++
		file = ""
		next
	}
	inside { block = block $0 "\n" }
	END { if (n != 4) { print n " blocks instead of 4"; exit 1 } }' docs/ADDING-A-PROBE.md
}
ok "every step of the page finds its place" apply

build() {
	make -C "$copy" O="$tmp/build" "$tmp/build/gen/bpf_objects.o" "$tmp/build/obj/userspace/probe/sched.o" &&
		# shellcheck disable=SC2046
		gcc -std=gnu11 -O2 -D_GNU_SOURCE -I"$copy/include" -o "$tmp/probe_print" \
			tests/kernel/probe_print.c "$tmp/build/obj/userspace/probe/sched.o" \
			"$tmp/build/gen/bpf_objects.o" "$lib" \
			$(pkg-config --libs libbpf libelf zlib yaml-0.1 jansson libseccomp libcap sqlite3 libwebsockets) \
			-lm -lpthread
}
ok "the tree builds with them" build

PROBE_PRINT=$tmp/probe_print
watch probe.syscall=false probe.tcp=false
for _ in $(seq 100); do /bin/true; done
unwatch
ok "a hundred programs are seen in the new metric" between "$(total 'sgprobe_sched_execs_total ')" 100 2000
ok "its program reports its runs" between "$(total 'sgprobe_bpf_runs_total{program="sched/sched_process_exec"}')" 100 2000
finish
