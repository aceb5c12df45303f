# SPDX-License-Identifier: GPL-2.0
# bash completion: commands and options are asked of the program, so that nothing is listed twice.
_sgprobe() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd=${COMP_WORDS[1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ] || { [ "$COMP_CWORD" = 2 ] && [ "$cmd" = help ]; }; then
		COMPREPLY=($(compgen -W "$(sgprobe help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" -- "$cur"))
		return
	fi
	case $prev in
	--config | -c | --output | -o | --svg | --socket | -s) COMPREPLY=($(compgen -f -- "$cur")) && return ;;
	--data-dir | -d) COMPREPLY=($(compgen -d -- "$cur")) && return ;;
	--by) [ "$cmd" = explain ] && set -- time mean quantile above || set -- comm cgroup
		COMPREPLY=($(compgen -W "$*" -- "$cur")) && return ;;
	--log-level) COMPREPLY=($(compgen -W "error warn info debug" -- "$cur")) && return ;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(sgprobe help "$cmd" 2>/dev/null | grep -o -- '--[a-z-]*' | sort -u)" -- "$cur"))
	elif [ "$cmd" = heat ] || [ "$cmd" = explain ]; then
		COMPREPLY=($(compgen -W "$(sgprobe probes 2>/dev/null | sed -n 's/^  sgprobe_\([a-z_]*\) *histogram.*/\1/p')" -- "$cur"))
	elif [ "$cmd" = probes ] && [ "$COMP_CWORD" = 2 ]; then
		COMPREPLY=($(compgen -W "add remove" -- "$cur"))
	elif [ "$cmd" = probes ] && [ "${COMP_WORDS[2]}" = remove ]; then
		COMPREPLY=($(compgen -W "$(sgprobe probes 2>/dev/null | sed -n "/^named probes\$/,/^\$/s/^  \([^:]*\):.*/\1/p")" -- "$cur"))
	elif [ "$cmd" = probes ] && [ "$COMP_CWORD" = 4 ]; then
		COMPREPLY=($(compgen -W "uprobe: usdt: tracepoint: kernel:" -- "$cur"))
	elif [ "$cmd" = replay ]; then
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -o filenames -F _sgprobe sgprobe
