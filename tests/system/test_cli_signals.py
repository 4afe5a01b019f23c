"""Ctrl-C and SIGTERM stop at once, whatever runs, and leave the terminal as it was."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.cli_runs import ROOT, finish, source, start

READY_THEN_LOOP = """
_start:
    mov eax, 1
    mov edi, 1
    lea rsi, [rip + ready]
    mov edx, 6
    syscall
1:  jmp 1b
.data
ready: .ascii "ready\\n"
"""

READY_THEN_FAULTS = """
_start:
    mov eax, 1
    mov edi, 1
    lea rsi, [rip + ready]
    mov edx, 6
    syscall
1:  mov eax, 39
    syscall
    jmp 1b
.data
ready: .ascii "ready\\n"
"""

SOON = 2.0  # seconds


def _wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"


@pytest.mark.parametrize(
    ("signum", "code", "message"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("guest", [READY_THEN_LOOP, READY_THEN_FAULTS], ids=["loop", "system calls"])
@pytest.mark.parametrize("jit", ["1", "0"], ids=["compiled", "python"])
def test_signal_stops_a_guest_at_once(
    tmp_path: Path, guest: str, signum: signal.Signals, code: int, message: str, jit: str
) -> None:
    process = start("run", source(tmp_path, guest), environment={"PFFEMU_JIT": jit})
    _wait_until_ready(process)
    process.send_signal(signum)
    ran = finish(process, SOON)
    assert ran.code == code
    assert ran.err.splitlines()[-1] == f"pffemu: {message}"


def test_second_signal_breaks_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    process = start("run", "--trace", str(trace), source(tmp_path, READY_THEN_LOOP))
    _wait_until_ready(process)
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    ran = finish(process, SOON)
    assert (ran.code, ran.err) == (130, "pffemu: interrupted\n")
    assert trace.read_text().endswith("}\n")


def test_signal_while_a_graph_is_built() -> None:
    process = start("bench", "bfs", "--scale", "22", "--edge-factor", "16")
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    ran = finish(process, SOON)
    assert (ran.code, ran.out, ran.err) == (130, "", "pffemu: interrupted\n")


def test_progress_on_a_terminal_shows_the_cursor_again(tmp_path: Path) -> None:
    guest = source(tmp_path, "_start: jmp _start\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pffemu", "run", guest],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"virtual s" not in shown:
        shown += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # Linux: EIO when the other side has closed
    assert process.wait(SOON) == 130
    assert b"guest.s" in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0
    assert shown.endswith(b"pffemu: interrupted\r\n")
    os.close(ours)
