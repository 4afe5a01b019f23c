"""gdb over a pipe: it starts pffemu itself, and its first packet may have been sent several times by then."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pffemu.debug.gdb.pipe import _once
from tests.system.cli_runs import ROOT
from tests.system.gdb.stub_client import needs_gdb

HELLO = b"$qSupported:multiprocess+#c6"


def run_script(commands: str, tmp_path: Path) -> str:
    """What gdb prints."""
    script = tmp_path / "script"
    script.write_text(commands)
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-x", str(script)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@needs_gdb
def test_a_stock_gdb_steps_through_a_delivery_over_a_pipe(tmp_path: Path) -> None:
    guest = ROOT / "examples" / "own_handler.s"
    command = f"{shlex.quote(sys.executable)} -m pffemu gdb --stdio {shlex.quote(str(guest))}"
    shown = run_script(
        f"set remotetimeout 60\ntarget remote | {command}\nmonitor break handler\ncontinue\ninfo registers uif\n"
        "reverse-continue\ninfo registers uif\ncontinue\ncontinue\n",
        tmp_path,
    )
    flags = [line.split()[-1] for line in shown.splitlines() if line.startswith("uif")]
    assert flags[0] == "0", shown  # in the handler
    assert "exited with code 052" in shown


@needs_gdb
def test_directives_are_there_for_gdb_and_follow_its_steps_back(tmp_path: Path) -> None:
    guest = ROOT / "guest" / "asm" / "fault_bench.s"  # three pages, two frames
    command = f"{shlex.quote(sys.executable)} -m pffemu gdb --stdio --mode hw {guest} 3 1 0 1 1 0 1 2"
    shown = run_script(
        f"set remotetimeout 60\ntarget remote | {command}\nmonitor directives\nmonitor event declined\ncontinue\n"
        "monitor directives\n" + "monitor reverse-phase\n" * 7 + "monitor directives\nkill\n",
        tmp_path,
    )
    start, declined, before = (shown.index(text) for text in ("no directives in", "0 of 2 frames", "1 of 2 frames"))
    assert start < declined < before
    assert "1  0x" in shown[start:declined]
    assert "next step: record" in shown[before:]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"+" + HELLO, b"+" + HELLO), (b"+" + HELLO * 3, b"+" + HELLO), (HELLO + b"$?#3f", HELLO + b"$?#3f"),
        (b"+", b"+"), (b"", b""), (b"+" + HELLO + b"$qS", b"+" + HELLO + b"$qS"),
    ],
)  # fmt: skip
def test_repetitions_of_the_first_packet_count_once(sent: bytes, kept: bytes) -> None:
    assert _once(sent) == kept
