#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Cgroups by name: units, containers and pods are told apart, hostile names do no harm, short
# lives and removed ones keep what they were called, and what is too many is other.
. "$(dirname "$0")/lib.sh"
begin
cg=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
top=sgprobe-names-$$
cleanup() {
	unwatch
	[ ! -d "$cg/$top" ] || find "$cg/$top" -mindepth 1 -depth -type d -exec rmdir {} + 2> /dev/null
	rmdir "$cg/$top" 2> /dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
[ -n "$cg" ] && mkdir "$cg/$top" 2> /dev/null || skip_all "no writable cgroup2"

calls() { # GROUP N: makes N getppid calls in it
	mkdir -p "$cg/$top/$1"
	(echo "$BASHPID" > "$cg/$top/$1/cgroup.procs" && exec "$O/tools/work-getppid" "$2") > /dev/null
}
# How many of a cgroup's system calls were seen: at least the ones that it was told to make.
seen() { total "sgprobe_cgroup_syscall_latency_seconds{cgroup=\"$1\"}"; }
hex=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
uid=1234abcd_0000_1111_2222_123456789abc
hostile=$'a\e[2J\xff"'

watch probe.budget=0s probe.sched=false probe.tcp=false
calls web.slice/shop.service 10000
calls web.slice/shop.service/worker 10000
calls "docker-$hex.scope" 20000
calls "kubepods.slice/kubepods-burstable-pod$uid.slice/cri-containerd-$hex.scope" 30000
calls plain/inner 40000
calls "$hostile" 5000
calls gone 7000
rmdir "$cg/$top/gone"
sleep 1.1
unwatch
ok "a unit has its name, its children too" between "$(seen shop.service)" 20000 21000
ok "a container has its runtime and its short id" between "$(seen docker-0123456789ab)" 20000 20500
ok "a pod's container has the pod's uid" between \
	"$(seen pod1234abcd-0000-1111-2222-123456789abc/cri-containerd-0123456789ab)" 30000 30500
ok "anything else has its path" between "$(seen "/$top/plain/inner")" 40000 40500
# The backslashes are doubled, and the quote is escaped, as PromQL writes strings.
ok "control bytes do not reach the label" grep -qF "{cgroup=\"/$top/a\\\\x1b[2J\\\\xff\\\"\"}" "$OUT"
ok "nor anything else that is not text" between "$(LC_ALL=C grep -c '[^ -~]' "$OUT")" 0 0
ok "the sum over cgroups is the total" is \
	"$(total 'sgprobe_cgroup_syscall_latency_seconds{')" "$(total 'sgprobe_syscall_latency_seconds{')"

watch probe.budget=0s probe.sched=false probe.tcp=false
mkdir "$cg/$top/stays"
(echo "$BASHPID" > "$cg/$top/stays/cgroup.procs" && exec sleep 30) &
sleeper=$!
calls stays 1000
sleep 1.1
kill $sleeper
wait $sleeper 2> /dev/null
rmdir "$cg/$top/stays"
sleep 1.1
unwatch
ok "a removed cgroup keeps its name" between "$(seen "/$top/stays")" 1000 2000

watch probe.budget=0s probe.sched=false probe.tcp=false probe.max_cgroups=16
for i in $(seq 40); do calls "many/$i" 100; done
sleep 1.1
unwatch
names=$(grep -c '^sgprobe_cgroup_syscall_latency_seconds{' "$OUT")
ok "more cgroups than the setting allows are other" between "$names" 10 17
ok "other has their calls" between "$(seen other)" 2000 100000
ok "and the sum is still the total" is \
	"$(total 'sgprobe_cgroup_syscall_latency_seconds{')" "$(total 'sgprobe_syscall_latency_seconds{')"
finish
