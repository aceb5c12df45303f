#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# 'make install' and 'make uninstall'. DESTDIR is put before every path; PREFIX is /usr/local.
#   install.sh install|uninstall
# The user is made and the service manager told only without DESTDIR and as root.
set -eu
cd "$(dirname "$0")/.."
O=${O:-build} PREFIX=${PREFIX:-/usr/local} DESTDIR=${DESTDIR:-}
bin=$PREFIX/bin man=$PREFIX/share/man completion=$PREFIX/share/bash-completion/completions
# systemd looks below /usr/local too, but for sysusers.
case $PREFIX in
/usr) unit=/lib/systemd/system sysusers=/usr/lib/sysusers.d ;;
*) unit=/etc/systemd/system sysusers=/etc/sysusers.d ;;
esac
live() { [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ]; }
has_systemd() { [ -d /run/systemd/system ]; }

put() { # MODE FILE TARGET
	install -D -m "$1" "$2" "$DESTDIR$3"
	echo "  $DESTDIR$3"
}

put_as_template() { # FILE TARGET
	sed "s|@BINDIR@|$bin|g" "$1" | install -D -m 644 /dev/stdin "$DESTDIR$2"
	echo "  $DESTDIR$2"
}

do_install() {
	put 755 "$O/sgprobe" "$bin/sgprobe"
	put_as_template packaging/sgprobe.service "$unit/sgprobe.service"
	put 644 packaging/sgprobe.sysusers "$sysusers/sgprobe.conf"
	put 644 packaging/sgprobe.bash "$completion/sgprobe"
	for page in docs/man/*.[1-9]; do
		put 644 "$page" "$man/man${page##*.}/$(basename "$page")"
	done
	live || return 0
	getent passwd sgprobe >/dev/null || useradd --system --user-group --no-create-home --home-dir /nonexistent \
		--shell /usr/sbin/nologin --comment "sgprobe server process" sgprobe
	if has_systemd; then
		systemctl daemon-reload
		echo "Start it now and at every boot: systemctl enable --now sgprobe"
	else
		echo "Start it: sgprobe daemon"
	fi
}

do_uninstall() {
	if live && has_systemd; then
		systemctl disable --now sgprobe 2>/dev/null || true
	fi
	rm -f "$DESTDIR$bin/sgprobe" "$DESTDIR$unit/sgprobe.service" "$DESTDIR$sysusers/sgprobe.conf" \
		"$DESTDIR$completion/sgprobe"
	for page in docs/man/*.[1-9]; do
		rm -f "$DESTDIR$man/man${page##*.}/$(basename "$page")"
	done
	if live; then
		! has_systemd || systemctl daemon-reload
		echo "The data in /var/lib/sgprobe and the user sgprobe stay; remove them by"
		echo "  rm -r /var/lib/sgprobe; userdel sgprobe"
	fi
}

case ${1:-} in
install) do_install ;;
uninstall) do_uninstall ;;
*)
	echo "usage: install.sh install|uninstall" >&2
	exit 2
	;;
esac
