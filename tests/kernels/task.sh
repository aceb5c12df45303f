#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tasks that change their name and their cgroup.
# expect: 5.10* raw_tp
# expect: 6.*-rt-* raw_tp
# expect: * tp_btf
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
groups="/sys/fs/cgroup/sgtask-a /sys/fs/cgroup/sgtask-b"
mkdir $groups
watch_only task
bash -c 'for ((i = 0; i < 200; i++)); do echo "sg-$i" > /proc/$$/comm; done'
bash -c 'for ((i = 0; i < 50; i++)); do for g in '"$groups"'; do echo $$ > $g/cgroup.procs; done; done'
for _ in $(seq 20); do /usr/bin/true; done
unwatch
rmdir $groups
# The two shells, 20 programs and what stops the probe are renamed as well, and each new kernel thread.
ok "200 new names and 22 programs are renames" between "$(total sgprobe_task_renames_total)" 222 240
ok "100 moves between cgroups are 100" is "$(total sgprobe_task_cgroup_moves_total)" 100
ok "the ends of tasks are seen" between "$(total 'sgprobe_bpf_runs_total{program="task/sched_process_free"}')" 20 200
ok "nothing was dropped" is "$(total sgprobe_dropped_total)" 0
finish
