"""Hosts other than Linux on x86-64, without keystone and O_PATH: ELF programs run, and doctor says what is missing."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys

import pytest

from tests.system.cli_runs import ROOT, Ran

# Packages look at the platform while they are imported, so they are imported before it changes.
HOST = """
import asyncio, multiprocessing, os, platform, socket, subprocess, sys, sysconfig
import capstone, iced_x86, numpy, rich.console, typer, unicorn
sysconfig.get_config_vars()
import fcntl, mmap, select, signal
LINUX = {os: '''O_PATH O_TMPFILE O_DIRECT O_NOATIME memfd_create eventfd pidfd_open sched_setaffinity sched_getaffinity
    posix_fadvise posix_fallocate copy_file_range splice getxattr listxattr setxattr pipe2 getrandom fdatasync''',
    mmap: 'MAP_NORESERVE MAP_POPULATE MADV_HUGEPAGE MADV_DONTFORK MADV_REMOVE',
    fcntl: 'F_ADD_SEALS F_SETPIPE_SZ F_OFD_SETLK', signal: 'SIGRTMIN SIGRTMAX SIGPWR SIGSTKFLT sigtimedwait',
    select: 'epoll'}
for module, names in LINUX.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform = 'darwin'
platform.system, platform.machine = lambda: 'Darwin', lambda: 'arm64'
import importlib.metadata
version = importlib.metadata.version
def without_keystone(name):
    if name == 'keystone-engine':
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = without_keystone
sys.modules['keystone'] = None
"""
CODE = bytes.fromhex("b83c000000bf070000000f05")  # mov eax, 60; mov edi, 7; syscall
COMMANDS = {
    "elf": ("run", "{elf}"),
    "debug": ("debug", "--commands", "{commands}", "{elf}"),
    "source": ("run", "examples/hello.s"),
    "root": ("run", "--root", "/tmp", "/seven"),
    "sandbox": ("run", "--sandbox", "{elf}"),
    "doctor": ("doctor",),
}
RUN_ALL = """
import contextlib, io, json, pathlib, pffemu
from pffemu.cli.app import main
machine = pffemu.Machine()
machine.load(pathlib.Path(sys.argv[1]))
print(machine.run())
for name, words in json.loads(sys.argv[2]).items():
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    texts = []
    for stream in out, err:
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    print(json.dumps([name, code, *texts]))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """What each of COMMANDS gives there, in one process."""
    folder = tmp_path_factory.mktemp("hosts")
    size = 120 + len(CODE)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 4096)
    elf, commands = folder / "seven", folder / "commands"
    elf.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + header + segment + CODE)
    commands.write_text("step\nstep\nprint rdi\n")
    words = {name: [word.format(elf=elf, commands=commands) for word in line] for name, line in COMMANDS.items()}
    done = subprocess.run(
        [sys.executable, "-c", HOST + RUN_ALL, str(elf), json.dumps(words)], capture_output=True, text=True,
        timeout=110, check=False, cwd=ROOT, stdin=subprocess.DEVNULL,
        env={**os.environ, "PFFEMU_JIT": "0", "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    found = {name: Ran(*rest) for name, *rest in map(json.loads, lines)}
    return {"python": Ran(0, first, ""), **found}


def test_the_package_is_imported_and_runs_a_program(results: dict[str, Ran]) -> None:
    assert results["python"].out == "exited with status 7"
    assert results["elf"] == Ran(7, "", "")


def test_the_debugger_stands_in_a_program(results: dict[str, Ran]) -> None:
    assert results["debug"].code == 0, results["debug"].err
    assert "0x7 = 7" in results["debug"].out


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("source", 125, "keystone-engine is not installed"),
        ("root", 2, "host directories need Linux"),
        ("sandbox", 2, "this host has no Landlock"),
    ],
)
def test_what_does_not_work_is_one_error(results: dict[str, Ran], name: str, code: int, message: str) -> None:
    ran = results[name]
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert len(ran.err.splitlines()) == 2


def test_doctor_says_what_is_missing_and_that_the_rest_works(results: dict[str, Ran]) -> None:
    ran = results["doctor"]
    assert ran.code == 0, ran.out
    cells = [line.split("│") for line in ran.out.splitlines()]
    rows = {row[1].strip(): (row[2].strip(), row[3]) for row in cells if len(row) > 3}
    assert rows["host"][0] == rows["keystone-engine"][0] == rows["TLB flush"][0] == "warn"
    assert "Darwin on arm64" in rows["host"][1]
    assert "ELF programs run" in rows["keystone-engine"][1]
    assert rows["guest RAM"][0] == "ok"
