#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs every test and prints 'N passed, N failed, N skipped' last; before it, which files passed only when they were
# run once more.
# A test is a program or script that speaks TAP: 'ok 1 - name', 'not ok 2 - name',
# 'ok 3 - name # SKIP reason'. Suites: unit, asan, conformance, fuzz (corpus), web, kernel, e2e; and kernels, which
# boots each of $KERNELS, $KERNELS_AT_ONCE at the same time.
#   run-tests.sh [SUITE...]    only these
set -u
cd "$(dirname "$0")/.."
O=${O:-build}
export O CMOCKA_MESSAGE_OUTPUT=TAP SGPROBE=$O/sgprobe
passed=0 failed=0 skipped=0 flaky=()
log=$O/tests/log
mkdir -p "$log"

run() { # SUITE NAME COMMAND...
	local suite=$1 name=$2 out r p f s what again=
	shift 2
	out=$log/$suite-${name//\//-}.tap
	timeout "${TEST_TIMEOUT:-600}" "$@" >"$out" 2>&1
	r=$?
	# What meets the running machine may meet others' load: it is run once more, and listed as flaky when that passes.
	case $suite in
	kernel | e2e | web)
		if [ $r -ne 0 ] || grep -E '^not ok ' "$out" | grep -qviE '# skip'; then
			again=1
			mv "$out" "$out.first"
			printf '%-7s %-44s failed, run again:\n' "$suite" "$name"
			grep -E -A2 '^not ok' "$out.first" | head -n 20 | sed 's/^/          | /'
			timeout "${TEST_TIMEOUT:-600}" "$@" >"$out" 2>&1
			r=$?
		fi
		;;
	esac
	# cmocka writes a skipped test as 'not ok 1 # SKIP name', with the reason in a line before it.
	s=$(grep -ciE '^(not )?ok .*# skip' "$out")
	p=$(grep -E '^ok ' "$out" | grep -viE -c '# skip')
	f=$(grep -E '^not ok ' "$out" | grep -viE -c '# skip')
	if [ $r -ne 0 ] && [ "$f" = 0 ]; then
		f=1
		echo "not ok - $name ended with status $r" >>"$out"
	fi
	if [ $((p + f + s)) = 0 ]; then
		f=1
		echo "not ok - $name ran no test" >>"$out"
	fi
	[ -z "$again" ] || [ "$f" != 0 ] || flaky+=("$suite/$name")
	while read -r _ _ what; do flaky+=("$suite/$name/$what"); done < <(grep '^# flaky ' "$out") # a guest's own
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-7s %-44s %4d passed' "$suite" "$name" "$p"
	[ "$f" = 0 ] || printf ', %d FAILED' "$f"
	[ "$s" = 0 ] || printf ', %d skipped' "$s"
	printf '\n'
	[ "$s" = 0 ] || grep -iE '^(not )?ok .*# skip|^# skip:' "$out" |
		sed -E 's/^(not )?ok [0-9]* *-* */          skipped: /; s/^# skip:/          reason:/'
	[ "$f" = 0 ] || { grep -E -A2 '^not ok' "$out" | head -n 40 && echo ... && tail -n 40 "$out"; } | sed 's/^/          | /'
}

# Each guest is one thread of the host. Results stay in files, to be counted one after the other.
boot_kernels() {
	export TEST_TIMEOUT log
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | xargs -P "${KERNELS_AT_ONCE:-2}" -I{} bash -c '
		timeout "${TEST_TIMEOUT:-600}" bash tests/kernels/run.sh {} > "$log/guest-{}" 2>&1 < /dev/null
		echo $? > "$log/guest-{}.status"'
}

suites=${*:-unit asan conformance fuzz web kernel e2e}
for suite in $suites; do
	case $suite in
	unit | asan)
		for t in tests/unit/*/test_*.c; do
			[ -e "$t" ] || continue
			n=${t#tests/unit/} n=${n%.c}
			run "$suite" "$n" "$O/tests/$suite/$n"
		done
		;;
	conformance)
		for t in tests/conformance/*.sh; do
			run conformance "$(basename "$t" .sh)" bash "$t"
		done
		;;
	fuzz)
		for t in tests/fuzz/fuzz_*.c; do
			[ -e "$t" ] || continue
			n=${t#tests/fuzz/fuzz_} n=${n%.c}
			run fuzz "$n" "$O/tests/replay/$n" "tests/fuzz/corpus/$n"
		done
		;;
	web)
		[ ! -d tests/web ] || for t in tests/web/*.test.mjs web/test/*.test.mjs; do
			[ -e "$t" ] || continue
			run web "$(basename "$t" .test.mjs)" node --test --test-reporter=tap "$t"
		done
		;;
	kernels)
		# shellcheck disable=SC2086
		set -- ${KERNELS:-5.10 6.1 6.1-rt 6.12 newest}
		boot_kernels "$@"
		for k; do
			# shellcheck disable=SC2016
			run kernels "$k" bash -c 'cat "$1"; exit "$(cat "$1.status")"' - "$log/guest-$k"
			[ ! -s "$O/kernels/$k/seconds" ] || printf '%51s took %s s\n' '' "$(cat "$O/kernels/$k/seconds")"
		done
		;;
	kernel | e2e)
		for t in tests/"$suite"/*.sh tests/"$suite"/*.test.mjs; do
			[ -e "$t" ] || continue
			case $t in
			*/lib.sh) continue ;;
			*.sh) run "$suite" "$(basename "$t" .sh)" bash "$t" ;;
			*) run "$suite" "$(basename "$t" .test.mjs)" node --test --test-reporter=tap "$t" ;;
			esac
		done
		;;
	esac
done
echo
[ ${#flaky[@]} = 0 ] || echo "flaky, passed only when run again: ${flaky[*]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
