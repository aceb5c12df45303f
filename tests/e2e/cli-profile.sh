#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Stacks from the kernel to the command: live over the socket and over HTTP, from the store when there is
# no daemon, over a death of either process; a flame graph; and nothing where they are switched off.
PORT=19795
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
WORK=$(readlink -f "${O:-build}/tools/work-profile")
[ -x "$WORK" ] || skip_all "no $WORK: make tools"
cp "$WORK" "$T/sg-hot"
cat >"$T/c.yaml" <<Y
probe:
  profile_every: 1s
  offcpu: true
  offcpu_stacks: 10000
  budget: 0s
Y
sg() { "$SGPROBE" "$@" --socket "$SOCK" --data-dir "$DATA"; }
of() { sg profile --last 2m --comm sg-hot "$@"; }                          # OPTIONS
us() { of "$@" | awk '{ s += $NF } END { print s + 0 }'; }                 # OPTIONS
more_samples() { [ "$(query sgprobe_profile_samples_total)" -gt "$1" ]; }
waits_are_there() { of --off-cpu | grep -q 'waiting_function.*schedule_\[k\] [0-9]*$'; }
settled() { local a; a=$(us) && sleep 2.2 && [ "$a" = "$(us)" ]; } # more than one record
enough() { [ "$(us)" -ge "$1" ]; }
between() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "got $1, want $2 to $3"; return 1; }; }
new_child() { local now; now=$(child "$1") && [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$2" ] && is_ready; }

start --config "$T/c.yaml"
check "the daemon is ready" until_true 30 is_ready
"$T/sg-hot" hot 1000 >/dev/null
"$T/sg-hot" wait 30 50 >/dev/null # longer than a tick: it is looked at while it lives
check "CPU time arrives" until_true 10 enough 800000
of >"$T/out"
check "the hot function is named" grep -q ';sg-hot;.*;main;hot_function [0-9]*$' "$T/out"
check "its time is right" between "$(us)" 850000 1200000
check "frames can be left out" bash -c "! grep -q '_\[k\]' <<<'$(of --user)'"
of --kernel >"$T/kernel"
check "and the other ones" bash -c "! grep -q hot_function '$T/kernel'"
if [ "$(query 'sgprobe_domain_up{domain="offcpu"}')" = 1 ]; then
	check "waits arrive" until_true 10 waits_are_there
	check "both kinds are told apart" bash -c "grep -q '^cpu;' <<<'$(of --all)' && grep -q '^offcpu;' <<<'$(of --all)'"
else
	skip "waits arrive" "this kernel lacks the trace point sched_exit_tp"
	skip "both kinds are told apart" "this kernel lacks the trace point sched_exit_tp"
fi
of --svg "$T/f.svg"
check "a flame graph is written" grep -q '<title>hot_function - ' "$T/f.svg"
check "JSON has the stacks" jq -e '.unit == "microseconds" and (.stacks | any(.frames | index("hot_function")))' <(of --json)
url "/api/v1/profile?comm=sg-hot" >"$T/api"
check "the API answers" jq -e '.status == "success" and (.data.stacks | length > 0)' "$T/api"
check "over TCP too" jq -e '.status == "success"' <(curl -sS -m 10 "http://127.0.0.1:$PORT/api/v1/profile?comm=sg-hot")
check "a foreign page may not ask" test "$(curl -s -m 10 -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "http://127.0.0.1:$PORT/api/v1/profile")" = 421
for bad in kind=x frames=x start=x "start=2&end=1"; do
	check "$bad is refused" jq -e '.status == "error" and .errorType == "bad_data"' <(url "/api/v1/profile?$bad")
done
sg profile --last 2m --comm nobody 2>"$T/err"
check "nothing found is exit status 4" test $? = 4
check "and says what may be off" grep -q probe.profile "$T/err"
sg profile --user --kernel 2>/dev/null
check "a contradiction is a usage error" test $? = 2

# The probe process dies: it samples again; the server dies: nothing is counted twice.
old=$(child probe)
kill -9 "$old"
check "the probe comes back" until_true 20 new_child probe "$old"
before=$(us)
samples=$(query sgprobe_profile_samples_total)
check "and takes samples again" until_true 20 more_samples "$samples"
"$T/sg-hot" hot 1000 >/dev/null
check "which are stored" until_true 15 enough $((before + 800000))
check "until nothing more comes" until_true 15 settled
old=$(child server)
before=$(us)
kill -9 "$old"
check "the server comes back" until_true 20 new_child server "$old"
sleep 2.2 # what was not acknowledged has been sent again
check "no record is lost or there twice" test "$(us)" = "$before"

caps=$(sed -n 's/^CapEff:\s*//p' "/proc/$(child probe)/status")
check "the probe process has no capability in effect" test "$caps" = 0000000000000000
stop
check "the store answers without a daemon" test "$(us)" = "$before"

printf 'probe:\n  profile: false\n' >"$T/c.yaml"
start --config "$T/c.yaml"
check "the daemon starts without profiles" until_true 30 is_ready
caps=$(sed -n 's/^CapPrm:\s*//p' "/proc/$(child probe)/status")
check "then its probe process has no capability at all" test "$caps" = 0000000000000000
stop
plan_end
