#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Writes an assembler file that carries files into the binary, on standard output.
#   embed.sh objects FILE.bpf.o...   symbols sg_bpf_NAME_start, sg_bpf_NAME_end
#   embed.sh assets DIR              table sg_assets[] of { path, data, end } and a final NULL row
set -eu
mode=$1
shift
echo '	.section .note.GNU-stack,"",@progbits'
case $mode in
objects)
	echo '	.section .rodata'
	for f; do
		n=$(basename "$f" .bpf.o)
		printf '\t.balign 16\n\t.global sg_bpf_%s_start, sg_bpf_%s_end\nsg_bpf_%s_start:\n\t.incbin "%s"\nsg_bpf_%s_end:\n' \
			"$n" "$n" "$n" "$f" "$n"
	done
	;;
assets)
	dir=$1
	i=0
	table=
	echo '	.section .rodata'
	for f in $(cd "$dir" && find . -type f | sed 's|^\./||' | LC_ALL=C sort); do
		printf 'asset_name_%d:\t.asciz "/%s"\n\t.balign 16\nasset_%d:\n\t.incbin "%s/%s"\nasset_end_%d:\n' \
			$i "$f" $i "$dir" "$f" $i
		table="$table $i"
		i=$((i + 1))
	done
	printf '\t.section .data.rel.ro,"aw"\n\t.balign 8\n\t.global sg_assets\nsg_assets:\n'
	for i in $table; do
		printf '\t.quad asset_name_%d, asset_%d, asset_end_%d\n' $i $i $i
	done
	printf '\t.quad 0, 0, 0\n'
	;;
esac
