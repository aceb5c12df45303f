#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The live views in a terminal of their own: drawn, resized, ended, the terminal as it was.
PORT=19459
. "$(dirname "$0")/lib.sh"
need_root
unset NO_COLOR

cat >"$T/term.py" <<'PY'
"""term.py OUT KEYS_OR_SIGNAL COMMAND...: runs it in a pty, waits for two pictures, resizes, ends it."""
import fcntl, os, pty, select, signal, struct, sys, termios, time
out, how, cmd = sys.argv[1], sys.argv[2], sys.argv[3:]
parent, child = pty.openpty()
before = termios.tcgetattr(child)
fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(child, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(child, fd)
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
    os.execv(cmd[0], cmd)
data, end, resized, ended = b"", time.time() + 25, False, None
while time.time() < end:
    if select.select([parent], [], [], 0.1)[0]:
        try:
            data += os.read(parent, 65536)
        except OSError:
            break
    shots = data.count(b"\x1b[H")
    if shots >= 2 and not resized:
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        resized, at = True, len(data)
    elif resized and shots >= 4 and ended is None:
        ended = time.time()
        if how == "TERM":
            os.kill(pid, signal.SIGTERM)
        elif how == "INT":
            os.kill(pid, signal.SIGINT)
        else:
            os.write(parent, how.encode())
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        while select.select([parent], [], [], 0.2)[0]:
            data += os.read(parent, 65536)
        break
else:
    os.kill(pid, signal.SIGKILL)
    sys.exit("it did not end; %d pictures" % data.count(b"\x1b[H"))
open(out, "wb").write(data)
after = termios.tcgetattr(child)
last = data[at:].split(b"\x1b[H")[2].split(b"\x1b[?1049l")[0]
rows = last.count(b"\r\n") + 1
print("status=%d restored=%d entered=%d left=%d rows=%d" % (
    os.waitstatus_to_exitcode(status), before == after, data.startswith(b"\x1b[?1049h"),
    data.rstrip().endswith(b"\x1b[?1049l"), rows))
PY
live() { # NAME HOW ARGS...
	local name=$1 how=$2 got
	shift 2
	got=$(python3 "$T/term.py" "$T/out" "$how" "$SGPROBE" "$@" --socket "$SOCK" 2>&1)
	ok "$(echo "$got" | grep -qE '^status=0 restored=1 entered=1 left=1 rows=([1-9]|1[0-2])$'; echo $?)" "$name" "$got"
}

start
until_true 30 is_ready
ok $? "the daemon is ready" "$(cat "$LOG")"
enough() { [ "$(url /api/sg/v1/status | jq '.tick.t_ms - .store.oldest_ms')" -ge 4000 ]; }
until_true 20 enough
live "top ends with q and leaves the terminal as it was" q top
ok "$(grep -q 'Run-queue latency' "$T/out"; echo $?)" "it showed the host"
live "top ends with SIGINT" INT top
live "top ends with SIGTERM" TERM top --by cgroup
live "heat ends with q" q heat sched_runqueue
ok "$(grep -q $'\033\[48;2;' "$T/out"; echo $?)" "it is drawn in true colour where the terminal has it"
export NO_COLOR=1
live "heat without colour" q heat sched_runqueue
ok "$(grep -q $'\033\[48;' "$T/out"; [ $? = 1 ]; echo $?)" "has none"

# The daemon goes away and the view says so.
python3 "$T/term.py" "$T/out" q "$SGPROBE" top --socket "$T/none.sock" --data-dir "$T/none" >/dev/null 2>&1
ok $(($? == 0)) "without a daemon nothing is drawn"
stop
plan_end
