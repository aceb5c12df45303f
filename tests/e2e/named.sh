#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Named probes of a running daemon: added, listed, removed, over restarts of everything, and by whom.
PORT=19611
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
work=$(readlink -f "${O:-build}/tools/work-named")
[ -x "$work" ] || skip_all "the tools are not built"
cp "$work" "$T/work" && work=$T/work
probes() { "$SGPROBE" probes --socket "$SOCK" "$@"; }
named() { probes --json | jq -c '.named'; }
state_of() { probes --json | jq -r ".named[] | select(.name == \"$1\") | .state"; }
is_on() { [ "$(state_of "$1")" = on ]; }
total() { query "sgprobe_probe_calls_total{probe=\"$1\"}"; }
reaches() { [ "$(total "$1")" = "$2" ]; }
named_bpf() { bpftool prog show | grep -c 'name named_'; }
before=$(named_bpf)
only_before() { [ "$(named_bpf)" = "$before" ]; }

cat > "$T/sgprobe.yaml" <<END
probes:
  - name: fixed
    probe: uprobe:$work:sg_step
    by_arg: 1
  - name: gone
    probe: uprobe:$T/nothing:main
END
start --config "$T/sgprobe.yaml"
check "the daemon starts" until_true 20 is_ready
check "a probe of the configuration is on" until_true 10 is_on fixed
check "one that is not possible says why" test "$(probes | grep -c '  gone: refused.*No such file')" = 1
check "root adds one" probes add more "uprobe:$work:sg_recurse" --no-latency
check "it is on" is_on more
check "a name is there once" eval '! probes add more "uprobe:$work:sg_end"'
check "what is not there is refused" eval '! probes add other "uprobe:$work:sg_stop"'
check "and is not listed" test -z "$(state_of other)"
"$work" calls 30 100
"$work" recurse 10 5
check "what was called is in the store" until_true 10 reaches fixed 30
check "of the other too" until_true 10 reaches more 50

check "who is not root is refused" eval '! su -s /bin/sh nobody -c "\"$SGPROBE\" probes add x tracepoint:sched:sched_switch --socket \"$SOCK\""'
chmod 666 "$SOCK"
check "even with access to the socket" eval "su -s /bin/sh nobody -c 'curl -sS -X POST --unix-socket $SOCK \"http://localhost/api/sg/v1/probes/remove?name=more\"' | grep -q 'only root'"
check "by the network nobody is asked" test "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$PORT/api/sg/v1/probes/remove?name=more")" = 405
check "nor by GET" test "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" 'http://localhost/api/sg/v1/probes/remove?name=more')" = 405
check "one of the configuration is removed there" eval 'probes remove fixed 2>&1 | grep -q "configuration file"'
check "the list is root's own" test "$(stat -c %u:%a "$DATA/probes.yaml")" = 0:600

old=$(child probe)
kill -KILL "$old"
"$work" recurse 10 5
check "kill -9 of the probe process: another one comes" until_true 10 eval '[ "$(child probe)" != '"$old"' ]'
check "and no call is lost" until_true 10 reaches more 100
old=$(child server)
kill -KILL "$old"
check "kill -9 of the server process: the list is there" until_true 20 is_on more
until_true 20 eval '[ "$(total more)" != none ]'
was=$(total more)
"$work" recurse 10 5
check "and it counts on" until_true 20 reaches more $((was + 50))

stop
check "nothing is left in the kernel" until_true 5 only_before
start --config "$T/sgprobe.yaml"
until_true 20 is_ready
check "after a restart what was added is there" until_true 10 is_on more
check "it is removed" probes remove more
check "and gone from the list" test -z "$(state_of more)"
stop
printf 'probe:\n  named_rate: 2000\n' > "$T/second.yaml"
chown nobody "$DATA/probes.yaml"
printf 'probes:\n  - name: evil\n    probe: tracepoint:sched:sched_switch\n' > "$DATA/probes.yaml"
start --config "$T/second.yaml"
until_true 20 is_ready
check "a list that is not root's is not believed" test "$(named)" = "[]"
check "which is said" grep -q "probes.yaml in the data folder is not root's own" "$LOG"
check "without a named probe nothing of them is loaded" only_before
rm "$DATA/probes.yaml"
check "one is added" probes add one "uprobe:$work:sg_hot" --no-latency
check "which is loaded" eval '! only_before'
check "and removed" probes remove one
check "and again nothing of them is loaded" until_true 5 only_before
check "what is no specification is refused before anyone is asked" eval 'probes add x nonsense; [ $? = 2 ]'
check "so is what does not exist" eval 'probes remove nothing; [ $? = 4 ]'
"$work" hot 20 &
hot=$!
check "one that is too hot is taken off at once" eval 'probes add hot uprobe:$work:sg_hot --no-latency 2>&1 | grep -q "taken off at once"'
check "and its state says so" test "$(state_of hot)" = "too hot"
kill $hot
wait $hot 2> /dev/null
stop
plan_end
