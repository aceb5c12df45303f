#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In a guest with a kernel of its own: loads every domain alone and all together, has each one's
# file DOMAIN.sh cause and count, and looks for what is left behind and what the kernel says.
#
# DOMAIN.sh says what is expected where, first match first, in lines such as
#   # expect: 5.10* raw_tp                     up, by this variant
#   # expect: 5.* off lacks this trace point   not up, with this in its reason
# Without such a line: up, by any variant.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
begin
release=$(uname -r)
read -r -a chosen < .guest || true
echo "# kernel $release"
echo "sgprobe tests begin" > /dev/kmsg

bpf() { "$O/tests/kernels/bpf_list"; }
bpf > "$tmp/bpf-before"
as_before() { bpf | cmp "$tmp/bpf-before"; }

expected() { # DOMAIN
	local _ pattern what
	[ -f "tests/kernels/$1.sh" ] && sed -n 's/^# expect: //p' "tests/kernels/$1.sh" |
		while read -r pattern what; do
			# shellcheck disable=SC2053
			[[ $release != $pattern ]] || echo "$what"
		done | head -n 1
}

state_is() { # DOMAIN EXPECTED
	local line
	line=$(grep -F "sgprobe_domain_up{domain=\"$1\"" "$OUT")
	echo "$line"
	case $2 in
	"off "*) [[ $line == *"reason=\""*"${2#off }"*" 0" ]] ;;
	"") [[ $line == *" 1" ]] ;;
	*) [[ $line == *"variant=\"$2\""*" 1" ]] ;;
	esac
}

# A line per hook of the domain: "# hook DOMAIN HOOK KIND", from what the kernel has while it runs.
hooks_of() { # DOMAIN
	sed -n "s|^sgprobe_bpf_program_attached{program=\"$1/\([^\"]*\)\".* 1$|\1|p" "$OUT" |
		awk -v domain="$1" '
		NR == FNR { if ($1 == "program") kind[$4] = $3; next }
		{
			found = "missing"
			for (name in kind)
				if (index(name, $1) == 1 && substr(name, length($1) + 1) ~ /^(_btf|_raw|_fentry|_fexit|_kprobe|_kretprobe)?$/) {
					found = kind[name]
					delete kind[name]
					break
				}
			print "# hook", domain, $1, found
		}
		END { for (name in kind) if (kind[name] == "iter") print "# hook", domain, name, "iter" }' "$tmp/bpf-during" -
}

alive() { while sleep 20; do echo "# ..."; done; } # a guest that says nothing is started again
run_file() { # DOMAIN: into $tmp/tap; as it goes to the log, too: what it did last is then known of a guest that hangs
	bash "tests/kernels/$1.sh" 2>&1 | tee "$tmp/tap" | while IFS= read -r line; do echo "# > $line"; done
	return "${PIPESTATUS[0]}"
}
# A guest is slow and meets the host's load: what failed is run once more, and said to be flaky when that passes.
counts() { # DOMAIN: its own file
	local status said again=
	alive &
	said=$!
	if run_file "$1"; then
		status=0
	else
		again=1
		run_file "$1"
		status=$?
	fi
	kill $said
	wait $said 2> /dev/null
	[ -z "$again" ] || [ $status != 0 ] || echo "# flaky $1"
	if ! grep -qE '^(not )?ok ' "$tmp/tap" || { [ $status != 0 ] && ! grep -q '^not ok ' "$tmp/tap"; }; then
		sed 's/^/# /' "$tmp/tap"
		ok "$1: its file runs to its end" false
	else
		sed -E "s/^((not )?ok) [0-9]* *-* */\1 0 - $1: /" "$tmp/tap"
		[ $status = 0 ] || tap_failed=1
	fi
}

domain() { # DOMAIN [hooks]: those only, nothing is counted
	local want up
	want=$(expected "$1")
	watch_only "$1" -v
	bpf > "$tmp/bpf-during"
	unwatch
	ok "$1: is ${want:-up}" state_is "$1" "$want"
	state_is "$1" "$want" > /dev/null || sed 's/^/# /' "$tmp/err" # what the verifier says
	up=$(grep -cE "^sgprobe_domain_up\{domain=\"$1\".* 1$" "$OUT")
	if [ "$up" = 1 ]; then
		hooks_of "$1" | tee "$tmp/hooks"
		ok "$1: every hook has a program in the kernel" is "$(grep -c missing "$tmp/hooks")" 0
	else
		grep -F "sgprobe_domain_up{domain=\"$1\"" "$OUT" | sed 's/^.*reason="\(.*\)"}.*$/# hook '"$1"' - off: \1/'
		ok "$1: nothing is left of what was tried" eventually as_before
		return
	fi
	ok "$1: nothing is left of it" eventually as_before
	[ "${2:-}" != hooks ] || return
	if [ -f "tests/kernels/$1.sh" ]; then counts "$1"; else skip "$1: counts" "there is no tests/kernels/$1.sh"; fi
	ok "$1: nothing is left after work" eventually as_before
}

# What is no domain that can be switched off.
file() { # NAME
	counts "$1"
	ok "$1: nothing is left after work" eventually as_before
}

every_domain() { echo task && domains; } # task cannot be switched off
is_domain() { every_domain | grep -qx "$1"; }
if [ ${#chosen[@]} != 0 ]; then
	for f in "${chosen[@]}"; do
		if [ "$f" = hooks ]; then
			for d in $(every_domain); do domain "$d" hooks; done
		elif is_domain "$f"; then
			domain "$f"
		else
			file "$f"
		fi
	done
	finish
fi

for d in $(every_domain); do domain "$d"; done
for f in named truth; do file $f; done

work() {
	"$O/tools/work-getppid" 20000
	"$O/tools/work-fork" 200
	"$O/tools/work-pingpong" 1000
	"$O/tools/tcp-churn" -n 50 -s 100 -r 100
} > /dev/null
# Those too that are off by default.
watch_all() { watch $(domains | sed 's/.*/probe.&=true/'); }
watch_all
work
unwatch
for d in $(every_domain); do
	ok "$d: is the same beside all others" state_is "$d" "$(expected "$d")"
done
ok "no sum differs from its total" is "$(total sgprobe_balance_error)" 0
ok "nothing is left of all" eventually as_before
watch_all
work
kill -KILL "$probe_pid"
wait "$probe_pid" 2> /dev/null
probe_pid=
ok "nothing is left when the probe is killed" eventually as_before

quiet() { # the kernel's log, from our beginning on, without the report of each OOM kill
	! dmesg | sed -n '/sgprobe tests begin/,$p' | sed '/invoked oom-killer/,/<\/TASK>/d' | grep -E -A 20 'BUG|WARNING|Oops|INFO: (task|rcu)|general protection|'\
'rcu.*stall|recursive locking|circular locking|soft lockup|hard LOCKUP|scheduling while atomic|sleeping function|'\
'refcount_t|list_(add|del) corruption|suspicious RCU|Call Trace'
}
ok "the kernel logs no warning" quiet
finish
