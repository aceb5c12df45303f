#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Stacks: CPU time and long waits are found in the function that they were spent in, by name; also in
# stripped programs and those with separate symbols, in made code, and in programs that have gone.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
begin
work=$O/tools/work-profile
debug=
named() { cp "$work" "$tmp/$1"; } # NAME
# Microseconds of the stacks of a kind and a command that match the expression.
us() { awk -v k="$1" -v c=";$2;" -v e="${3:-.}" '$1 == "STACK" && $2 == k && index($5, c) && $5 ~ e { s += $3 } END { print s + 0 }' "$OUT"; }
share() { awk -v a="$1" -v b="$2" 'BEGIN { print b ? a / b : 0 }'; }
on_exit() { unwatch; [ -z "$debug" ] || rm -f "$debug"; rm -rf "$tmp"; }
trap on_exit EXIT

# The same program with a build id of its own, so that nothing is known of it from the others.
fresh() { # NAME
	local id
	id=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
	gcc -O2 -D_GNU_SOURCE -Wl,--build-id=0x"$id" -o "$tmp/$1" tools/work-profile.c 2> /dev/null
}
build_id() { readelf -n "$1" | sed -n 's/.*Build ID: //p'; }
with_symbols_apart() { # NAME: its symbols go to where gdb looks for them
	local id
	fresh "$1" || return 1
	id=$(build_id "$tmp/$1")
	debug=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
	mkdir -p "$(dirname "$debug")" && objcopy --only-keep-debug "$tmp/$1" "$debug" && strip "$tmp/$1"
}

named sg-hot
named sg-waiting
named sg-made
compiler=0
fresh sg-gone && fresh sg-deleted && fresh sg-stripped && strip "$tmp/sg-stripped" && with_symbols_apart sg-apart && compiler=1

# With the privileges that a daemon keeps; the stacks of waits are not limited by what else waits here.
watch -d -p probe.profile_hz=199 probe.offcpu=true probe.offcpu_stacks=10000
hot=$("$tmp/sg-hot" hot 1500)
if [ $compiler = 1 ]; then
	"$tmp/sg-deleted" hot 2500 > "$tmp/deleted" &
	rm "$tmp/sg-deleted"
	wait $!
	"$tmp/sg-apart" hot 1500 > /dev/null # longer than a tick: it is looked at while it lives
	"$tmp/sg-stripped" hot 500 > /dev/null
fi
waited=$("$tmp/sg-waiting" wait 40 25)
made=$("$tmp/sg-made" jit 1000)
had_jit=$?
if [ $compiler = 1 ]; then
	"$tmp/sg-gone" hot 60 > /dev/null
	rm "$tmp/sg-gone"
fi
sleep 1.2 # a tick
unwatch
ok "both domains are up" grep -q '^sgprobe_domain_up{domain="profile",variant="tp_btf"} 1' "$OUT"
all=$(us cpu sg-hot)
ok "CPU time of a program is what the kernel counts, within 10 %" between "$(share "$all" "$hot")" 0.9 1.1
ok "more than 90 % of it is in its hot function, by name" \
	between "$(share "$(us cpu sg-hot ';main;hot_function(;|$)')" "$all")" 0.9 1
if grep -q '^sgprobe_domain_up{domain="offcpu",variant="tp_btf"} 1' "$OUT"; then
	ok "blocked time is in the right stack, within 5 %" \
		between "$(share "$(us offcpu sg-waiting ';waiting_function;.*nanosleep.*;schedule_[[]k[]]$')" "$waited")" 0.95 1.05
	ok "and was counted per wait" between "$(awk '/^STACK offcpu/ && /;sg-waiting;.*waiting_function/ { n += $4 } END { print n }' "$OUT")" 39 40
else
	skip "blocked time is in the right stack" "this kernel lacks the trace point sched_exit_tp (Linux 6.16)"
	ok "the reason is a sentence" grep -q 'domain="offcpu",reason="this kernel lacks the trace point' "$OUT"
fi
if [ $compiler = 1 ]; then
	ok "the file of a living program may be deleted" \
		between "$(share "$(us cpu sg-deleted ';hot_function(;|$)')" "$(cat "$tmp/deleted")")" 0.85 1.1
	ok "symbols come from a separate file" between "$(us cpu sg-apart ';main;hot_function(;|$)')" 1300000 1700000
	ok "a stripped program is module and offset" \
		between "$(us cpu sg-stripped ';[[]sg-stripped[]][+]0x[0-9a-f]+(;|$)')" 400000 600000
	ok "of a program that has gone, comm and module are known" \
		between "$(us cpu sg-gone ';[[]sg-gone[]][+]0x[0-9a-f]+(;|$)')" 30000 110000
	ok "with its cgroup" bash -c "! grep 'STACK.*;sg-gone;' '$OUT' | grep -q ' id:'"
else
	skip "deleted, stripped and gone programs" "no compiler here"
fi
if [ "$had_jit" = 0 ]; then
	ok "made code has the name that its program gave it" between "$(share "$(us cpu sg-made ';jit_loop(;|$)')" "$made")" 0.85 1.1
else
	skip "made code has the name that its program gave it" "no code is made on this machine"
fi
ok "nothing was dropped" is "$(total 'sgprobe_dropped_total{reason="profile_full"}')$(total sgprobe_profile_dropped_total)" 00

# Off, there is nothing.
watch -p probe.profile=false probe.offcpu=false
"$tmp/sg-hot" hot 300 > /dev/null
unwatch
ok "switched off, no stack is taken" is "$(grep -c ^STACK "$OUT")" 0
finish
