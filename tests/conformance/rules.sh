#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Rule files and unit tests of rules: the verdicts, and that promtool's are the same where it is
# installed. What is in good/ passes, in bad/ fails; a unit test fails when its name says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
sgprobe=${SGPROBE:-${O:-build}/sgprobe}
promtool=${PROMTOOL:-$(command -v promtool || true)}
n=0 failed=0
verdict() { # NAME EXPECTED ARGS...: 0 passes, 1 fails
	local name=$1 expected=$2 ours theirs=
	shift 2
	"$sgprobe" rules "$@" >/dev/null 2>&1
	ours=$?
	if [ -n "$promtool" ]; then
		case $1 in
		check) "$promtool" check rules "$2" >/dev/null 2>&1 ;;
		test) "$promtool" test rules "$2" >/dev/null 2>&1 ;;
		esac
		theirs=$?
	fi
	n=$((n + 1))
	if [ "$ours" = "$expected" ] && [ "${theirs:-$ours}" = "$ours" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name: $ours, expected $expected, promtool ${theirs:-not asked}"
		failed=1
	fi
}
for f in tests/data/rules/good/*.yaml; do verdict "check accepts $(basename "$f")" 0 check "$f"; done
for f in tests/data/rules/bad/*.yaml; do verdict "check refuses $(basename "$f")" 1 check "$f"; done
for f in tests/data/rules/unit/*.yaml; do
	case $f in
	*.rules.yaml) ;;
	*/fail_*) verdict "test fails: $(basename "$f")" 1 test "$f" ;;
	*) verdict "test passes: $(basename "$f")" 0 test "$f" ;;
	esac
done
verdict "check accepts the default rules" 0 check packaging/rules.d/host.yaml
verdict "the default rules fire when they should" 0 test tests/data/rules/host_test.yaml
hist=tests/data/rules/host_hist_test.yaml # of native histograms, which promtool 2.42 does not write in tests
promtool= verdict "those on distributions, too" 0 test "$hist"
# Each default rule has its runbook, and each runbook its rule.
rules=$(sed -n 's/^ *- alert: //p' packaging/rules.d/host.yaml | sort)
books=$(cd docs/runbooks && ls ./*.md | sed 's/^.\///; s/\.md$//' | sort)
n=$((n + 1))
[ "$rules" = "$books" ] || { printf 'not ' && failed=1; }
echo "ok $n - a runbook for each rule"
[ -n "$promtool" ] || echo "# promtool is not installed: its verdicts were not asked for"
echo "1..$n"
exit $failed
