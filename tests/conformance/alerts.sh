#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Files that say who is told: what is in good/ is accepted, in bad/ refused, and alerts go where they
# should; amtool says the same where it is installed.
set -u
cd "$(dirname "$0")/../.." || exit 1
sgprobe=${SGPROBE:-${O:-build}/sgprobe}
amtool=${AMTOOL:-$(command -v amtool || true)}
n=0 failed=0
result() { # NAME OURS EXPECTED [THEIRS]
	n=$((n + 1))
	if [ "$2" = "$3" ] && [ "${4:-$2}" = "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: '$2', expected '$3', amtool '${4:-not asked}'"
		failed=1
	fi
}
for f in tests/data/alerts/*/*.yaml; do
	theirs=
	"$sgprobe" alerts check "$f" >/dev/null 2>&1
	ours=$?
	[ -z "$amtool" ] || { "$amtool" check-config "$f" >/dev/null 2>&1; theirs=$?; }
	case $f in */good/*) result "accepted: $(basename "$f")" $ours 0 $theirs ;; *) result "refused: $(basename "$f")" $ours 1 $theirs ;; esac
done
routes=tests/data/alerts/good/routes.yaml
while IFS='>' read -r labels expected; do
	theirs=
	# shellcheck disable=SC2086
	ours=$("$sgprobe" alerts routes $routes $labels | sed -n 's/^\([a-z][a-z]*\) .*/\1/p' | paste -sd,)
	# shellcheck disable=SC2086
	[ -z "$amtool" ] || theirs=$("$amtool" config routes test --config.file=$routes $labels 2>/dev/null)
	result "$labels goes to $expected" "$ours" "$expected" "$theirs"
done <<'EOT'
a=b>chat
severity=page>pager
severity=page team=db>pager,mail
team=db n=3>chat
team=db sub=y>boss
team=db sub=xa>mail
team=z>boss
severity=critical team=web>pager,boss
EOT
echo "1..$n"
exit $failed
