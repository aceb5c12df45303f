#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Installs the Debian and npm packages that are missing. Quick when nothing is.
#   setup.sh         what a build needs
#   setup.sh test    and what the tests and checks need
#   setup.sh bench   and the tools that the benchmarks compare with
#   setup.sh kernels and what boots other kernels
set -eu
cd "$(dirname "$0")/.."
build="gcc make pkg-config clang llvm libbpf-dev libelf-dev zlib1g-dev libwebsockets-dev
	libsqlite3-dev libyaml-dev libjansson-dev libseccomp-dev libcap-dev nodejs npm"
test="libcmocka-dev libclang-rt-14-dev clang-format clang-tidy cppcheck bpftool sqlite3 curl jq
	iproute2 procps python3 chromium prometheus"
bench="libbpf-tools bpftrace fio rt-tests bpftool procps curl jq chromium nginx-light wrk redis-server redis-tools"
kernels="qemu-system-x86 busybox-static cpio kmod xz-utils zstd iproute2"
want=$build
[ "${1:-}" != test ] || want="$want $test"
[ "${1:-}" != bench ] || want="$want $bench"
[ "${1:-}" != kernels ] || want="$want $kernels"

missing() {
	for p in $want; do
		case $p in
		nodejs | npm | python3) command -v "$(echo "$p" | sed s/nodejs/node/)" >/dev/null || echo "$p" ;;
		*) dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || echo "$p" ;;
		esac
	done
}
need=$(missing | tr '\n' ' ')
if [ -n "${need% }" ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "sgprobe needs these packages: $need" >&2
		echo "Type: sudo apt-get install $need" >&2
		exit 1
	fi
	echo "installing: $need"
	case " $need " in *" prometheus "*) prometheus=new ;; esac
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -y -q --no-install-recommends $need >/dev/null 2>&1 || {
		apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends $need >/dev/null
	}
fi
# The tests start their own; nobody asked for one that listens on every address.
if [ "${prometheus:-}" = new ] && [ -d /run/systemd/system ]; then
	systemctl disable --now prometheus >/dev/null 2>&1 || :
fi
if [ -f web/package-lock.json ] && ! cmp -s web/package-lock.json web/node_modules/.lock; then
	echo "installing: npm packages of the dashboard"
	(cd web && npm ci --ignore-scripts --no-audit --no-fund --silent)
	cp web/package-lock.json web/node_modules/.lock
fi
