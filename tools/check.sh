#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 'make check': formatting, layering, static analysis, types. Prints each finding; fails on any.
set -u
cd "$(dirname "$0")/.."
O=${O:-build}
bad=0
step() { # NAME COMMAND...
	local name=$1
	shift
	if out=$("$@" 2>&1); then
		printf '%-12s ok\n' "$name"
	else
		printf '%-12s FAILED\n%s\n' "$name" "$out"
		bad=1
	fi
}
c_files() { git ls-files '*.c' '*.h'; }
format() { c_files | xargs clang-format --dry-run -Werror; }
tidy() {
	git ls-files 'userspace/*.c' | xargs -P 2 -n 6 clang-tidy --quiet -p /dev/null \
		--extra-arg-before=-D_GNU_SOURCE -- -std=gnu11 -D_GNU_SOURCE -DSG_VERSION='""' -Iinclude -Iuserspace \
		$(pkg-config --cflags libbpf libwebsockets sqlite3 yaml-0.1 jansson libseccomp) 2>/dev/null |
		grep -E 'warning:|error:' && return 1
	return 0
}
cpp() {
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,portability,performance \
		--suppress=missingIncludeSystem --suppress=unknownMacro -D_GNU_SOURCE -D'SG_VERSION=""' -Iinclude -Iuserspace \
		--check-level=normal -j 2 $(git ls-files 'userspace/*.c') 2>&1 ||
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,portability,performance \
		--suppress=missingIncludeSystem --suppress=unknownMacro -D_GNU_SOURCE -D'SG_VERSION=""' -Iinclude -Iuserspace \
		-j 2 $(git ls-files 'userspace/*.c')
}
types() { [ ! -f web/tsconfig.json ] || (cd web && npx --no-install tsc --noEmit); }
step format format
step layering tools/layering.sh
step clang-tidy tidy
step cppcheck cpp
step tsc types
exit $bad
