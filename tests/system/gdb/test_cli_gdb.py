"""pffemu gdb and run --gdb as processes of their own: the port is said, the exit code is the guest's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.cli_runs import ROOT, pffemu
from tests.system.gdb.stub_client import Client

GUEST = str(ROOT / "examples" / "own_handler.s")


@pytest.mark.parametrize(("command", "port"), [("gdb", "--port"), ("run", "--gdb")])
def test_the_guests_exit_code_is_passed_on(command: str, port: str) -> None:
    arguments = [sys.executable, "-m", "pffemu", command, port, "0", GUEST]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        match = re.fullmatch(r"pffemu: waiting for gdb: target remote 127\.0\.0\.1:(\d+)\n", said)
        assert match is not None, said
        client = Client(int(match[1]))
        assert client.ask(b"qRcmd," + b"uintr".hex().encode()) != b""
        assert client.ask(b"vCont;c") == b"W2a"
        client.close()
        assert process.wait(60) == 42


def test_a_detached_guest_runs_on() -> None:
    arguments = [sys.executable, "-m", "pffemu", "gdb", "--port", "0", GUEST]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        client = Client(int(process.stderr.readline().rpartition(":")[2]))
        assert client.ask(b"D") == b"OK"
        client.close()
        assert process.wait(60) == 42


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    ran = pffemu("run", "--gdb", "0", "--trace", str(tmp_path / "t"), GUEST)
    assert ran.code == 2
    assert "--gdb goes with neither" in ran.err
