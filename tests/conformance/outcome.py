"""The outcome of a program: on the host's Linux, in pffemu, and as recorded in expected/."""

from __future__ import annotations

import ctypes
import io
import os
import platform
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from kernel_model.files.host_tree import Mount
from pffemu import Machine
from pffemu.events.kernel import Warned
from pffemu.machine.image import open_image
from tests.conformance.program import ConformanceProgram

REFERENCE: Final = (6, 18)  # the Linux whose answers are recorded
_TIMEOUT: Final = 20  # seconds, on the host
_SYS_USERFAULTFD: Final = 323
_DIRECTORY: Final = (b"tmp", b"work")  # the current directory in pffemu


@dataclass(frozen=True)
class Outcome:
    """`status` as a shell shows it; `warnings` are pffemu's own, and not compared."""

    status: int
    stdout: str
    stderr: str
    warnings: tuple[str, ...] = ()

    def text(self) -> str:
        """As recorded, and as compared."""
        parts = [f"status {self.status}\n", self.stdout]
        if self.stderr:
            parts += ["--- stderr\n", self.stderr]
        return "".join(parts)


def on_host(program: ConformanceProgram, binary: Path) -> Outcome:
    """Run it here, in an empty directory and with no environment."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [f"/{binary.parent.name}", *program.args], executable=binary, input=program.stdin, capture_output=True,
            timeout=_TIMEOUT, cwd=directory, env={},
        )  # fmt: skip
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Outcome(status, *(stream.decode(errors="backslashreplace") for stream in (done.stdout, done.stderr)))


def in_pffemu(program: ConformanceProgram, binary: Path) -> Outcome:
    """Run it in a machine of its own, in an empty directory of the host."""
    out, err = io.BytesIO(), io.BytesIO()
    warnings: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        roots = (Mount(directory, _DIRECTORY),)
        libs = program.dynamic
        machine = Machine(stdin=program.stdin, stdout=out, stderr=err, cpus=program.cpus, roots=roots, libs=libs)
        machine.events.listeners[Warned] = lambda event: warnings.append(event.what)
        machine.load(replace(open_image(binary), name=f"/{binary.parent.name}"), program.args)
        process = machine.kernel.first_process
        assert process is not None
        process.cwd = machine.kernel.tree.place_at(_DIRECTORY)
        stop = machine.run(budget=program.budget)
    if stop.exit_code in (124, 125):
        warnings.append(str(stop))
    streams = (stream.getvalue().decode(errors="backslashreplace") for stream in (out, err))
    return Outcome(stop.exit_code, *streams, tuple(warnings))


def recorded(program: ConformanceProgram) -> str | None:
    """The text of the outcome in expected/; None when there is none."""
    return program.expected.read_text() if program.expected.exists() else None


def record(program: ConformanceProgram, outcome: Outcome) -> None:
    program.expected.parent.mkdir(parents=True, exist_ok=True)
    program.expected.write_text(outcome.text())


@cache
def is_reference_host() -> bool:
    """This host's kernel is the one whose answers are recorded, or newer."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    numbers = platform.release().split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit()) >= REFERENCE


@cache
def host_offers(need: str) -> bool:
    """Whether this host can run programs that need `need`."""
    if need == "userfaultfd":
        return _has_userfaultfd()
    if need == "root":  # who may give files away, and mount
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return bool(int(status.partition("CapEff:")[2].split()[0], 16) >> 21 & 1)  # CAP_SYS_ADMIN
    if need == "intel":  # where the manuals leave to the CPU what it does first
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if need == "ext4":  # where pages are cached and dropped one by one
        kinds = subprocess.run(["stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, check=True)
        return b"ext" in kinds.stdout
    raise ValueError(f"no program can need {need!r}")


def _has_userfaultfd() -> bool:
    fd = ctypes.CDLL(None).syscall(_SYS_USERFAULTFD, os.O_CLOEXEC)
    if fd >= 0:
        os.close(fd)
    return bool(fd >= 0)
