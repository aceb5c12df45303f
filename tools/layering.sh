#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Includes go one way only: base < model < config < {probe store query ingest} < {report export alert notify}
# < http < daemon < cli; neighbours within braces do not include each other. Public headers belong to the
# folder that implements them. libwebsockets is known to http alone, SQLite to store alone.
set -u
cd "$(dirname "$0")/.."
rank() {
	case $1 in
	base) echo 1 ;; model) echo 2 ;; config) echo 3 ;; probe | store | query | analysis | ingest) echo 4 ;;
	alert | notify | report | export) echo 5 ;; http) echo 6 ;; daemon) echo 7 ;; cli) echo 8 ;; *) echo 0 ;;
	esac
}
home() { # the folder that implements include/sgprobe/NAME.h
	case $1 in
	err | mem | str | time | file | loop) echo base ;;
	hist | series | frame | metric | reader | link | kept | named | profile) echo model ;;
	config) echo config ;;
	probe | named_attach) echo probe ;;
	store | sql | dbfile) echo store ;;
	query) echo query ;;
	report | flame | analysis) echo report ;;
	compare | explain | forecast | trend) echo analysis ;;
	export) echo export ;;
	ingest) echo ingest ;;
	http) echo http ;;
	daemon) echo daemon ;;
	alert | alert_[a-z]*) echo alert ;;
	detect) echo analysis ;;
	*) echo model ;;
	esac
}
bad=0
complain() { echo "$1: $2"; bad=1; }
while IFS=: read -r file line inc; do
	dir=$(echo "$file" | cut -d/ -f2)
	case $inc in
	*'<sgprobe/bpf/'*) continue ;;
	*'<sgprobe/'*) to=$(home "$(echo "$inc" | sed 's/.*<sgprobe\/\([a-z_]*\)\.h>.*/\1/')") ;;
	*'"'*/*'"'*) to=$(echo "$inc" | sed 's/.*"\([a-z]*\)\/.*/\1/') ;;
	*libwebsockets*) [ "$dir" = http ] || complain "$file:$line" "only http may include libwebsockets"; continue ;;
	*'<sqlite3.h>'*) [ "$dir" = store ] || complain "$file:$line" "only store may include sqlite3"; continue ;;
	*) continue ;;
	esac
	[ "$to" = "$dir" ] && continue
	[ "$(rank "$to")" -lt "$(rank "$dir")" ] || complain "$file:$line" "$dir must not include $to"
done < <(git ls-files -co --exclude-standard 'userspace/*.c' 'userspace/*.h' | xargs grep -nE '^#include' 2>/dev/null)
exit $bad
