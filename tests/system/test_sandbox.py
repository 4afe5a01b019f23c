"""run --sandbox: guests run as without it, and the process itself can do nothing else on the host."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.cli_runs import ROOT, finish, start

EXAMPLE = str(ROOT / "examples" / "own_handler.s")
TRIES = """
import os, socket, sys, threading
from pathlib import Path
from pffemu.cli import sandbox
from pffemu.machine.options import MachineOptions
from pffemu.machine.roots import parse_root
folder = Path(sys.argv[1])
sandbox.enter(MachineOptions(roots=(parse_root(f"{folder}/root"),)), [folder / "out.json", "-", None], sys.argv[2])

def attempt(what, act):
    try:
        act()
        print(what, "done")
    except (OSError, MemoryError) as error:
        print(what, getattr(error, "errno", None) or "MemoryError")

def tries():
    attempt("program", lambda: open(sys.argv[2]).read())
    attempt("root", lambda: (folder / "root" / "f").write_text("x"))
    attempt("output", lambda: (folder / "out.json").write_text("x"))
    attempt("module", lambda: __import__("wave"))
    attempt("secret", lambda: (folder / "secret").read_text())
    attempt("passwd", lambda: open("/etc/passwd").read())
    attempt("beside", lambda: (folder / "new").write_text("x"))
    attempt("package", lambda: Path(sandbox.__file__).open("a"))
    attempt("listing", lambda: os.listdir(folder))
    attempt("exec", lambda: os.execv("/bin/true", ["true"]))
    attempt("fork", lambda: os.posix_spawn("/bin/true", ["true"], {}))
    attempt("network", lambda: socket.socket())
    attempt("parent", lambda: os.kill(os.getppid(), 0))
    attempt("memory", lambda: bytearray(100 << 30))

tries()
thread = threading.Thread(target=tries)
thread.start()
thread.join()
"""
ALLOWED = ["program done", "root done", "output done", "module done"]
DENIED = [
    "secret 13", "passwd 13", "beside 13", "package 13", "listing 13", "exec 1", "fork 1", "network 1", "parent 1",
    "memory MemoryError",
]  # fmt: skip

has_landlock = sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) > 0
needs_landlock = pytest.mark.skipif(not has_landlock, reason="this host has no Landlock")


@needs_landlock
def test_the_process_can_do_what_the_guest_needs_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "program").write_text("program")
    ran = subprocess.run(
        [sys.executable, "-c", TRIES, str(tmp_path), str(tmp_path / "program")], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=True,
    )  # fmt: skip
    assert ran.stdout.splitlines() == 2 * [*ALLOWED, *DENIED], ran.stderr


@needs_landlock
def test_a_guest_runs_as_without_it(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    ran = finish(start("run", "--sandbox", "--json", str(summary), "--trace", str(tmp_path / "t"), EXAMPLE), 60)
    assert ran.code == 42, ran.err
    plain = tmp_path / "plain"
    assert finish(start("run", "--trace", str(plain), EXAMPLE), 60).code == 42
    assert (tmp_path / "t").read_bytes() == plain.read_bytes()
    assert summary.stat().st_size > 100


def test_it_does_not_go_with_gdb() -> None:
    ran = finish(start("run", "--sandbox", "--gdb", "0", EXAMPLE))
    assert ran.code == 2
    assert "--gdb needs" in ran.err
