#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each domain beside the tool that measures the same thing: one of Debian's libbpf-tools, or what people type into
# bpftrace. Both are attached at once to the same work, in both orders, and the kernel measures the programs of each.
# A row: the nanoseconds per event of the tool, and of sgprobe's programs on the same hooks, by default and with every
# event timed; the ratios (the worse order); and what the whole domain takes, which is told more than the tool is.
#   bench-peers.sh [ROUNDS [NAME...]]      O=build folder
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
args=("$@")
ROUNDS=${1:-3}
shift
only=" $* "
# shellcheck source=tools/benchlib.sh
. tools/benchlib.sh
bench_begin bpftool bpftrace biolatency softirqs fio

# ---- work: each does the same, every time

disk=$O/bench-disk
mkdir -p "$disk"
on_disk() { # OPTIONS OF FIO...
	fio --name=work --directory="$disk" --size=32m --bs=4k --ioengine=psync --output=/dev/null "$@"
}
switches() { "$O/tools/work-pingpong" 30000; }
calls() { "$O/tools/work-getppid" 300000; }
reads() { on_disk --rw=randread --direct=1 --number_ios=8000; }
fsyncs() { on_disk --rw=write --fsync=1 --number_ios=500; }
requests() { "$O/tools/service-play" -p 19441 -n 30000; }
connections() { "$O/tools/tcp-churn" -p 19442 -n 10000; }
datagrams() {
	"$O/tools/udp-send" -p 19443 -l -n 100000 > /dev/null &
	local taker=$!
	eventually sh -c "ss -Hlun '( sport = :19443 )' | grep -q ."
	"$O/tools/udp-send" -p 19443 -n 100000
	kill $taker 2> /dev/null
	wait $taker
}
faults() { "$O/tools/work-mem" touch 300000; }
mappings() { "$O/tools/work-mem" mmap 100000; }
forks() { "$O/tools/work-fork" 3000; }
signals() { bash -c 'trap : USR1; for i in $(seq 30000); do kill -USR1 $$; done'; }
timers() { "$O/tools/work-timer" tai 5000 0; }
locks() { "$O/tools/work-lock" rwlock 100000; }
rings() { "$O/tools/work-uring" nop 100000; }
spin() { timeout 3 sh -c 'while :; do :; done'; true; }

# ---- the tools

tool() { start_tool "$@"; } # LINKS COMMAND...
# bpftrace holds its programs and has no links where it uses trace points.
programs() { [ "$(cat /proc/"$1"/fdinfo/* 2> /dev/null | grep -c '^prog_id')" -ge "$2" ]; }
trace() { # PROGRAMS TEXT
	bpftrace -e "$2" > /dev/null 2>&1 &
	pids+=($!)
	await $! programs $! "$1" && sleep 0.5
}

# What the kernel measured between two readings: NANOSECONDS of all programs, or those on some hooks; and the most runs of one.
spent() { # BEFORE AFTER [HOOKS]
	awk -v hooks="${3:-}" '
		function wanted(name,    i, n, h) {
			n = split(hooks, h, " ")
			for (i = 1; i <= n; i++)
				if (name == h[i] || (length(name) == 15 && name == substr(h[i], 1, 15)))
					return 1
			return !n
		}
		NR == FNR { ns[$1] += $2; runs[$1] += $3; next }
		{ ns2[$1] += $2; runs2[$1] += $3 }
		END {
			for (p in ns2)
				if (wanted(p)) {
					sum += ns2[p] - ns[p]
					r = runs2[p] - runs[p]
					most = r > most ? r : most
				}
			printf "%d %d\n", sum, most
		}' "$1" "$2"
}

# One round: attached in this order, a line "PEER OURS WHOLE RUNS" in $work/NAME.ORDER.
round() { # NAME ORDER DOMAIN HOOKS WORK SETTING PEER...
	local name=$1 order=$2 domain=$3 hooks=$4 load=$5 setting=$6 ours peer pid
	shift 6
	if [ "$order" = peer ]; then
		"$@" && peer=${pids[-1]} && watch_domain "$domain" $setting && ours=${pids[-1]}
	else
		watch_domain "$domain" $setting && ours=${pids[-1]} && "$@" && peer=${pids[-1]}
	fi || { stop; return 1; }
	stats 1
	for pid in $ours $peer; do readings "$pid" > "$work/before.$pid"; done
	$load > /dev/null 2>&1
	for pid in $ours $peer; do readings "$pid" > "$work/after.$pid"; done
	stats 0
	echo "$(spent "$work/before.$peer" "$work/after.$peer") $(spent "$work/before.$ours" "$work/after.$ours" "$hooks") $(
		spent "$work/before.$ours" "$work/after.$ours")" >> "$work/$name.$order${setting:+.full}"
	end_watching
}
missed=0
compare() { # NAME DOMAIN HOOKS WORK PEER...
	local name=$1 domain=$2 hooks=$3 load=$4 order setting
	[ "$only" = "  " ] || [[ $only == *" $name "* ]] || return 0
	shift 4
	for _ in $(seq "$ROUNDS"); do
		for order in peer ours; do
			for setting in "" probe.budget=0s; do
				round "$name" $order "$domain" "$hooks" "$load" "$setting" "$@" || {
					printf '%-14s %-11s %s\n' "$name" "$domain" "does not run here"
					return 0
				}
			done
		done
	done
	local ratio='$3 / $1' a b
	a=$(median "$ratio" "$name.peer") b=$(median "$ratio" "$name.ours")
	a=$(printf '%s\n' "$a" "$b" | sort -g | tail -n 1)
	b=$(printf '%s\n' "$(median "$ratio" "$name.peer.full")" "$(median "$ratio" "$name.ours.full")" | sort -g | tail -n 1)
	printf '%-14s %-11s %9.0f %9.0f %9.0f %8.2f %8.2f %8.2f\n' "$name" "$domain" "$(median '$1 / $4' "$name.peer")" \
		"$(median '$3 / $4' "$name.peer")" "$(median '$3 / $4' "$name.peer.full")" "$a" "$b" \
		"$(median '$5 / $1' "$name.peer")"
	awk -v r="$a" 'BEGIN { exit !(r > 1) }' && missed=$((missed + 1))
	true
}

echo "# kernel $(uname -r), $(nproc) CPUs, $ROUNDS rounds in each order, medians; $(bpftrace --version)"
printf '%-14s %-11s %9s %9s %9s %8s %8s %8s\n' tool domain "tool, ns" "default" "full" "ratio" "full" "whole"
T=tracepoint
compare runqlat sched "sched_wakeup sched_switch sched_wakeup_new" switches tool 3 /usr/sbin/runqlat 1000
compare cpudist sched "sched_switch" switches tool 1 /usr/sbin/cpudist 1000
compare offcputime offcpu "sched_switch" switches tool 1 /usr/sbin/offcputime 1000
compare syscount syscall "sys_enter sys_exit" calls tool 2 /usr/sbin/syscount -L -d 1000
compare softirqs irq "softirq_entry softirq_exit" datagrams tool 2 /usr/sbin/softirqs -d 1000
compare hardirqs irq "irq_handler_entry irq_handler_exit" reads tool 2 /usr/sbin/hardirqs -d 1000
compare biolatency block "block_rq_insert block_rq_issue block_rq_complete" reads tool 3 /usr/sbin/biolatency -Q -D -F 1000
compare tcprtt tcp "tcp_probe" requests trace 1 "$T:tcp:tcp_probe { @ = hist(args->srtt); }"
compare tcpstates tcp "inet_sock_set_state inet_sock_set_state_last" connections trace 1 \
	"$T:sock:inet_sock_set_state { if (@s[args->skaddr]) { @[args->oldstate] = hist(nsecs - @s[args->skaddr]); } @s[args->skaddr] = nsecs; }"
compare netqueue net "net_dev_xmit netif_receive_skb napi_poll" datagrams trace 3 \
	"$T:net:net_dev_xmit { @t[args->len] = count(); @x[str(args->name)] = hist(args->len); }
	$T:net:netif_receive_skb { @r[str(args->name)] = hist(args->len); } $T:napi:napi_poll { @p[args->work] = count(); }"
compare udpsize udp "sock_send_length sock_recv_length" datagrams trace 2 \
	"$T:sock:sock_send_length { @s[comm, cgroup] = hist(args->ret); } $T:sock:sock_recv_length { @r[comm, cgroup] = hist(args->ret); }"
compare drops net "kfree_skb" connections trace 1 "$T:skb:kfree_skb { @[args->reason] = count(); }"
compare execsnoop process "sched_process_fork sched_process_exec sched_process_exit" forks trace 3 \
	"$T:sched:sched_process_fork { @b[args->child_pid] = nsecs; @f[comm] = count(); } $T:sched:sched_process_exec { @e[comm] = count(); }
	$T:sched:sched_process_exit { if (@b[tid]) { @l[comm] = hist(nsecs - @b[tid]); delete(@b[tid]); } }"
compare signals process "signal_generate" signals trace 1 "$T:signal:signal_generate { @[args->sig, comm, cgroup] = count(); }"
compare faults fault "page_fault_user page_fault_kernel" faults trace 2 \
	"$T:exceptions:page_fault_user { @u[comm, cgroup] = count(); } $T:exceptions:page_fault_kernel { @k[comm, cgroup] = count(); }"
compare mmaplock mm "mmap_lock_start_locking mmap_lock_acquire_returned" mappings trace 2 \
	"$T:mmap_lock:mmap_lock_start_locking { @s[tid] = nsecs; }
	$T:mmap_lock:mmap_lock_acquire_returned /@s[tid]/ { @[comm] = hist(nsecs - @s[tid]); delete(@s[tid]); }"
compare contention lock "contention_begin contention_end" locks trace 2 \
	"$T:lock:contention_begin { @s[tid] = nsecs; @f[tid] = args->flags; }
	$T:lock:contention_end /@s[tid]/ { @[@f[tid]] = hist(nsecs - @s[tid]); delete(@s[tid]); delete(@f[tid]); }"
compare iouring iouring "io_uring_submit_req io_uring_complete" rings trace 2 \
	"$T:io_uring:io_uring_submit_req { @s[args->req] = nsecs; @o[args->req] = args->opcode; }
	$T:io_uring:io_uring_complete /@s[args->req]/ { @[@o[args->req]] = hist(nsecs - @s[args->req]); delete(@s[args->req]); delete(@o[args->req]); }"
compare timerlat timer "hrtimer_start hrtimer_expire_entry hrtimer_expire_exit" timers trace 3 \
	"$T:timer:hrtimer_start { @d[args->hrtimer] = args->softexpires; }
	$T:timer:hrtimer_expire_entry { if (@d[args->hrtimer]) { @late = hist(args->now - @d[args->hrtimer]); } @s[cpu] = nsecs; }
	$T:timer:hrtimer_expire_exit { if (@s[cpu]) { @run = hist(nsecs - @s[cpu]); } }"
compare wqlat workqueue "workqueue_queue_work workqueue_execute_start workqueue_execute_end" fsyncs trace 3 \
	"$T:workqueue:workqueue_queue_work { @q[args->work] = nsecs; }
	$T:workqueue:workqueue_execute_start { if (@q[args->work]) { @w = hist(nsecs - @q[args->work]); delete(@q[args->work]); } @s[args->work] = nsecs; }
	$T:workqueue:workqueue_execute_end { if (@s[args->work]) { @r = hist(nsecs - @s[args->work]); delete(@s[args->work]); } }"
compare ext4fsync fs "ext4_sync_file_enter ext4_sync_file_exit" fsyncs trace 2 \
	"$T:ext4:ext4_sync_file_enter { @s[tid] = nsecs; } $T:ext4:ext4_sync_file_exit /@s[tid]/ { @[comm] = hist(nsecs - @s[tid]); delete(@s[tid]); }"
compare profile profile "cpu_clock" spin trace 1 "profile:hz:49 { @[kstack, ustack, comm, cgroup] = count(); }"
rm -rf "$disk"
echo "dearer than its tool by default: $missed"
