#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Real Debian kernels in a virtual machine, by emulation: nothing of this machine is changed.
#   kernels.sh fetch NAME...        downloads what is not there yet into $O/kernels/NAME
#   kernels.sh boot NAME ARCHIVE    boots it with the initramfs ARCHIVE, and prints what the guest
#                                   writes to its second serial port
# NAME is a series with an optional flavour, or the newest of all: 6.1, 6.1-rt, newest, newest-rt.
# Status 77: it cannot be had here; the last line says why. Kernels stay until they are removed.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
dir=$(realpath -m "${O:-build}/kernels")
# What Debian has as modules and a test may need: disks, a file system, network devices, a queue with a rate. With another
# list than a kernel was fetched with, it is fetched again.
modules="virtio_pci virtio_blk tun veth loop ext4 sch_tbf"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cpus=2 memory=1024 limit=${KERNEL_TIMEOUT:-1500}
# One host thread for both CPUs: with two, a kernel that changes its own code (static keys, trace points) while the other
# CPU runs it crashes now and then, as no real machine does. One that has said nothing for so many seconds is started
# again; a kernel that hangs each time has failed.
silence=150 boots=3

# What a run that was killed left.
find "$dir" -maxdepth 1 \( -name 'run.*' -o -name 'fetch.*' \) -mmin +60 -exec rm -r {} + 2> /dev/null || true

cannot() { echo "$*" && exit 77; }

suites_of() {
	case $1 in
	5.10*) echo bullseye ;;
	6.1 | 6.1-*) echo bookworm ;;
	6.12*) echo trixie ;;
	*) echo trixie-backports forky sid ;;
	esac
}

# An apt of its own in $work: the mirror of this machine, but the suites that have the kernel.
apt_setup() { # SUITES
	local uri suite key=
	uri=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
		awk '$2 == "main" && $1 ~ /\/debian\/?$/ && !n++ { print $1 }')
	[ -n "$uri" ] || cannot "apt knows no Debian mirror"
	[ ! -r $keyring ] || key="[signed-by=$keyring] "
	for suite in $1; do echo "deb $key$uri $suite main"; done > "$work/sources.list"
	mkdir -p "$work"/{lists,cache/archives}/partial
	apt=(-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache"
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::Etc::preferences=/dev/null
		-o Acquire::Languages=none -o APT::Sandbox::User=root)
	apt-get "${apt[@]}" update > "$work/log" 2>&1 || true # a suite that is missing costs only itself
}

# The newest ABI ("6.1.0-50-rt-amd64") of the name that the lists have.
newest_abi() { # NAME
	local series=${1%%-*} flavour=${1#"${1%%-*}"}
	[ "$series" != newest ] || series='[0-9]+.[0-9]+'
	apt-cache "${apt[@]}" pkgnames linux- |
		sed -nE "s/^linux-(image|binary)-((${series/./\\.})(\.[0-9]+)?(\+[a-z0-9]+)?(-[0-9]+)?$flavour-amd64)$/\2/p" |
		sort -uV | tail -n 1
}

download() { # PACKAGE: its path, in $work
	(cd "$work" && apt-get "${apt[@]}" download "$1" > log 2>&1) ||
		cannot "no download of $1: $(grep -m 1 '^E:' "$work/log" | sed -E 's#[a-z]+://[^ ]+##g')"
	compgen -G "$work/$1_*.deb"
}

# Newer kernels are in three packages: the kernel, its modules, and the lists of what is built in.
unpack() { # ABI
	local package
	set -- "$1" linux-image-"$1"
	if apt-cache "${apt[@]}" pkgnames linux-binary-"$1" | grep -qx "linux-binary-$1"; then
		set -- "$1" linux-binary-"$1" linux-modules-"$1" linux-base-"$1"
	fi
	for package in "${@:2}"; do
		deb=$(download "$package") || { echo "$deb" && exit 77; }
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/root" --keep-directory-symlink || cannot "$package is damaged"
		[ "$package" != "$2" ] || dpkg-deb -f "$deb" Version > "$work/kernel/version"
		rm -f "$deb"
	done
}

# The kernel proper, out of its compressed wrapping: emulated, that takes 5 s to undo itself.
unwrap() { # VMLINUZ VMLINUX
	local kind magic at
	for kind in 'xz -dcq --single-stream:\xfd7zXZ\x00' 'zstd -dcq:\x28\xb5\x2f\xfd' 'gzip -dcq:\x1f\x8b\x08'; do
		magic=${kind#*:}
		at=$(grep -obUaP -m 1 "$magic" "$1" | head -n 1 | cut -d: -f1) || true
		[ -n "$at" ] || continue
		tail -c "+$((at + 1))" "$1" | ${kind%%:*} > "$2" 2> /dev/null || true
		[ "$(head -c 4 "$2" | tr -d '\0')" != $'\x7fELF' ] || return 0
	done
	rm -f "$2"
}

# The modules with what they depend on, uncompressed, in the order to load them.
pick_modules() { # ABI
	local name kind path to n=100
	depmod -b "$work/root" "$1"
	mkdir -p "$work/kernel/modules"
	for name in $modules; do
		modprobe -d "$work/root" -S "$1" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++' | while read -r kind path _; do
		to=$work/kernel/modules/$n-$(basename "$path" | sed 's/\.[xz].*$//')
		case $path in
		*.xz) xz -dc "$path" > "$to" ;;
		*.zst) zstd -qdc "$path" > "$to" ;;
		*) cp "$path" "$to" ;;
		esac
		n=$((n + 1))
	done
}

fetch() { # NAME
	local abi
	[ "$(cat "$dir/$1/modules" 2> /dev/null)" != "$modules" ] || return 0
	[ "$(dpkg --print-architecture 2> /dev/null)" = amd64 ] || cannot "kernels are fetched for amd64 only"
	for tool in qemu-system-x86_64 busybox cpio depmod xz zstd; do
		command -v $tool > /dev/null || cannot "no $tool: tools/setup.sh kernels"
	done
	echo "fetching Debian kernel $1" >&2
	mkdir -p "$dir"
	work=$(mktemp -d "$dir/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work/root/lib" "$work/kernel"
	apt_setup "$(suites_of "$1")"
	abi=$(newest_abi "$1")
	[ -n "$abi" ] || cannot "no kernel $1 on the Debian mirror"
	unpack "$abi"
	[ ! -d "$work/root/usr/lib/modules" ] || mv "$work/root/usr/lib/modules" "$work/root/lib/"
	find "$work/root" -name 'vmlinuz*' -type f -exec mv {} "$work/kernel/vmlinuz" \;
	unwrap "$work/kernel/vmlinuz" "$work/kernel/vmlinux"
	pick_modules "$abi"
	(cd "$work/kernel" && find modules | cpio -o -H newc --quiet -R 0:0 > modules.cpio && rm -r modules)
	echo "$modules" > "$work/kernel/modules"
	rm -rf "${dir:?}/$1" && mv "$work/kernel" "$dir/$1"
	rm -rf "$work"
}

# Runs it to its end; fails when the guest fell silent before.
emulate() { # DIRECTORY IMAGE
	local at=$1 image=$2 pid said=0 quiet=0 now
	: > "$run/output"
	timeout -k 5 "$limit" qemu-system-x86_64 -accel tcg,thread=single -cpu max -m $memory -smp $cpus \
		-nographic -no-reboot -nodefaults -nic none -monitor none -display none \
		-kernel "$image" -initrd "$run/initrd" \
		-append "console=ttyS0 panic=-1 loglevel=5 tsc=reliable rcupdate.rcu_cpu_stall_timeout=60" \
		-serial file:"$at/console" -serial file:"$run/output" \
		-drive if=none,id=d0,format=raw,cache=unsafe,file="$run/disk" -device virtio-blk-pci,drive=d0 \
		< /dev/null > "$run/qemu" 2>&1 &
	pid=$!
	while kill -0 $pid 2> /dev/null && [ $quiet -lt $silence ]; do
		sleep 1
		now=$(stat -c %s "$run/output")
		[ "$now" = $said ] && quiet=$((quiet + 1)) || quiet=0
		said=$now
	done
	kill $pid 2> /dev/null || true
	wait $pid || echo "emulator: status $?" >> "$run/qemu"
	[ $quiet -lt $silence ] && [ -s "$run/output" ]
}

boot() { # NAME ARCHIVE
	local at=$dir/$1 image i
	run=$(mktemp -d "$dir/run.XXXXXX")
	trap 'rm -rf "$run"' EXIT
	cat "$at/modules.cpio" "$2" > "$run/initrd"
	truncate -s 64M "$run/disk"
	for i in $(seq $boots); do
		for image in "$at/vmlinux" "$at/vmlinuz"; do
			[ -s "$image" ] || continue
			emulate "$at" "$image" && break 2
			grep -q PVH "$run/qemu" || break # else it cannot be started unwrapped
		done
		echo "# attempt $i: the guest fell silent after: $(tail -n 1 "$run/output")"
	done
	cat "$run/output"
	sed 's/^/# /' "$run/qemu"
}

command=${1:-}
case $command in
fetch) for name in "${@:2}"; do fetch "$name"; done ;;
boot) boot "$2" "$3" ;;
*) sed -n '3,9s/^# *//p' "$0" >&2 && exit 2 ;;
esac
