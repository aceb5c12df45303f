#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 'make install' into a folder and out of it again; what it installs is sound.
PORT=0
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.."
D=$T/root
run() { DESTDIR=$D PREFIX=${2:-/usr/local} O=$(dirname "$SGPROBE") tools/install.sh "$1"; }
files() { find "$D" -type f | sed "s|^$D||" | sort; }

check "install works" run install
ok "$([ "$(files | grep -cE '/bin/sgprobe$|/sgprobe.service$|/sgprobe.1$|/sgprobe.yaml.5$|/completions/sgprobe$|/sysusers.d/sgprobe.conf$')" = 6 ]; echo $?)" \
	"binary, unit, manual, completion and user are in place" "$(files)"
check "the installed binary runs" "$D/usr/local/bin/sgprobe" version
unit=$D/etc/systemd/system/sgprobe.service
check "the unit starts the installed binary" grep -q '^ExecStart=/usr/local/bin/sgprobe daemon$' "$unit"
if command -v systemd-analyze >/dev/null; then
	# verify wants the binary to exist, and a manual page that man can find.
	sed 's|^ExecStart=.*|ExecStart=/bin/true|; /^Documentation/d' "$unit" >"$T/sgprobe.service"
	out=$(systemd-analyze verify "$T/sgprobe.service" 2>&1)
	ok "$([ -z "$out" ]; echo $?)" "systemd finds nothing wrong with the unit" "$out"
	level=$(systemd-analyze security --offline=true "$T/sgprobe.service" 2>&1 | sed -n 's/.*exposure level.*: \([0-9.]*\).*/\1/p')
	ok "$(awk -v l="${level:-9}" 'BEGIN { exit !(l <= 3.0) }'; echo $?)" "and rates it 3.0 or better ($level)"
else
	skip "systemd finds nothing wrong with the unit" "no systemd-analyze"
fi
for page in "$D"/usr/local/share/man/man*/*; do
	name=$(basename "$page")
	if command -v man >/dev/null; then
		out=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null)
		ok "$([ -z "$out" ]; echo $?)" "$name has no formatting error" "$out"
	else
		skip "$name has no formatting error" "no man"
	fi
done

# Completion, as the shell calls it.
complete_words() { # WORDS...: the last is being typed
	PATH=$D/usr/local/bin:$PATH bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sgprobe; echo "${COMPREPLY[@]}"' \
		"$D/usr/local/share/bash-completion/completions/sgprobe" "$@"
}
ok "$([ "$(complete_words sgprobe sta)" = status ]; echo $?)" "a command is completed" "$(complete_words sgprobe sta)"
ok "$([ "$(complete_words sgprobe heat --on)" = --once ]; echo $?)" "an option is completed" "$(complete_words sgprobe heat --on)"
ok "$([ "$(complete_words sgprobe heat sched_runq)" = sched_runqueue_latency_seconds ]; echo $?)" "a probe is completed" \
	"$(complete_words sgprobe heat sched_runq)"
ok "$([ "$(complete_words sgprobe help rep)" = "report replay" ]; echo $?)" "a topic of help is completed" "$(complete_words sgprobe help rep)"

check "uninstall works" run uninstall
ok "$([ -z "$(files)" ]; echo $?)" "and leaves no file" "$(files)"
check "a second uninstall does too" run uninstall
check "install to /usr works" run install /usr
ok "$(files | grep -q '^/lib/systemd/system/sgprobe.service$'; echo $?)" "with the unit where packages have it" "$(files)"
run uninstall /usr >/dev/null
ok "$([ -z "$(files)" ]; echo $?)" "and out again" "$(files)"
plan_end
