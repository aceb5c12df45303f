#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Writes what run.sh saw attached into docs/KERNELS.md, between its two marks. table.sh NAME..., the kernels in the
# order of the columns.
set -eu
cd "$(dirname "$0")/../.."
dir=${O:-build}/kernels page=docs/KERNELS.md
for k; do
	[ -s "$dir/$k/hooks" ] || { echo "kernel $k was not run: make test-kernels" >&2 && exit 1; }
done
for k; do printf '%s %s\n' "$k" "$(cat "$dir/$k/version")"; done > "$dir/columns"
for k; do sed "s/^/$k /" "$dir/$k/hooks"; done | awk '
	NR == FNR { names[++n] = $1; version[n] = $2; next }
	{
		row = $2 " | " $3
		if (!known[$2]++)
			domains[++n_domains] = $2
		if ($3 == "-") {
			why = $0
			sub(/^[^ ]+ [^ ]+ - off: /, "", why)
			off[++n_off] = "- " $2 " on " $1 ": " why
			is_off[$2, $1] = 1
			next
		}
		if (!seen[row]++)
			rows[++m] = row
		domain[row] = $2
		kind[row, $1] = $4
	}
	END {
		head = "| domain | hook |"
		rule = "| --- | --- |"
		for (i = 1; i <= n; i++) {
			head = head " " names[i] " |"
			rule = rule " --- |"
		}
		print head "\n" rule
		for (d = 1; d <= n_domains; d++) for (r = 1; r <= m; r++) {
			if (domain[rows[r]] != domains[d])
				continue
			line = "| " rows[r] " |"
			for (i = 1; i <= n; i++) {
				k = kind[rows[r], names[i]]
				line = line " " (k ? k : is_off[domain[rows[r]], names[i]] ? "off" : "-") " |"
			}
			print line
		}
		print "\nThe kernels:"
		for (i = 1; i <= n; i++)
			print (i == 1 ? "\n" : "") "- " names[i] ": Debian " version[i]
		if (n_off)
			print "\nOff:\n"
		for (i = 1; i <= n_off; i++)
			print off[i]
	}' "$dir/columns" - > "$dir/table"
awk -v table="$dir/table" '
	/^<!-- end of the table -->$/ { inside = 0 }
	!inside { print }
	/^<!-- table/ { inside = 1; while ((getline line < table) > 0) print line }' "$page" > "$dir/page"
mv "$dir/page" "$page"
