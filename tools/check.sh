#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 'make check': formatting, layering, static analysis, types. Prints each finding; fails on any.
set -u
cd "$(dirname "$0")/.."
pkgs="libbpf libwebsockets sqlite3 yaml-0.1 jansson libseccomp libcap"
flags="-D_GNU_SOURCE -Iinclude -Iuserspace $(pkg-config --cflags $pkgs)"
bad=0

step() { # NAME FUNCTION
	local out
	if out=$($2 2>&1); then
		printf '%-12s ok\n' "$1"
	else
		printf '%-12s FAILED\n%s\n' "$1" "$out"
		bad=1
	fi
}

c_files() { git ls-files -co --exclude-standard '*.c' '*.h'; }
u_files() { git ls-files -co --exclude-standard 'userspace/*.c'; }

format() { c_files | xargs clang-format --dry-run -Werror; }

# One process per core; clang-tidy's own chatter goes to stderr and is dropped.
tidy() {
	local out
	out=$(u_files | xargs -P "$(nproc)" -n 4 sh -c 'clang-tidy --quiet "$@" -- -std=gnu11 '"$flags"' -DSG_VERSION=\"0\" 2>/dev/null' sh |
		grep -E -A4 'warning:|error:')
	[ -z "$out" ] || { echo "$out"; return 1; }
}

cpp() {
	u_files | xargs cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j "$(nproc)" \
		--enable=warning,portability,performance --suppress=missingIncludeSystem --suppress=unknownMacro \
		--suppress=preprocessorErrorDirective --suppress=memleak -D_GNU_SOURCE -D'SG_VERSION="0"' -Iinclude -Iuserspace
}

layering() { tools/layering.sh; }

types() { [ ! -f web/tsconfig.json ] || (cd web && node_modules/.bin/tsc --noEmit); }

shell() { git ls-files -co --exclude-standard '*.sh' | xargs -n 1 bash -n; }

step format format
step layering layering
step shell shell
step tsc types
step cppcheck cpp
step clang-tidy tidy
exit $bad
