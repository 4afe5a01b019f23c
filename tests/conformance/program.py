"""The programs of the suite, what their leading comment asks for, and how they are built."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from guest.c_compiler import find_c_compiler

HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE / "programs"
INCLUDE: Final = HERE / "include"
EXPECTED: Final = HERE / "expected"
CACHE: Final = HERE.parent.parent / ".cache" / "conformance"

_FLAGS: Final = (
    "-O1",
    "-g0",
    "-s",
    "-w",
    "-pthread",
    "-D_GNU_SOURCE",
    f"-I{INCLUDE}",
    f"-fmacro-prefix-map={PROGRAMS}/=",
)
_DIRECTIVE: Final = re.compile(r"^\s*(?://|/\*|\*)?\s*(args|stdin|flags|linked|needs|cpus|budget):\s*(.*?)\s*(?:\*/)?$")
_RUST_FLAGS: Final = ("--edition=2021", "-O", "-Cstrip=symbols", "-Ctarget-feature=+crt-static")
_SUFFIXES: Final = (".c", ".cc", ".rs")


class BuildError(Exception):
    """A program does not compile: the compiler's own words."""


@dataclass(frozen=True)
class ConformanceProgram:
    """One source file. `name` is its path below programs/ without the suffix."""

    name: str
    path: Path
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    flags: tuple[str, ...] = ()
    dynamic: bool = False  # linked with the host's shared libraries
    needs: tuple[str, ...] = ()
    cpus: int = 2
    budget: int = 50_000_000  # instructions

    @property
    def topic(self) -> str:
        return self.name.split("/")[0]

    @property
    def expected(self) -> Path:
        return EXPECTED / f"{self.name}.txt"


def programs() -> list[ConformanceProgram]:
    """All of them, by name."""
    found = sorted(path for path in PROGRAMS.rglob("*") if path.suffix in _SUFFIXES)
    return [read_program(path) for path in found]


def read_program(path: Path) -> ConformanceProgram:
    """`path` and the directives in the comment it begins with."""
    values: dict[str, str] = {}
    in_block = False
    for line in path.read_text().splitlines():
        if line and not in_block and not line.startswith(("//", "/*")):
            break
        in_block = (in_block or line.startswith("/*")) and "*/" not in line
        found = _DIRECTIVE.match(line)
        if found:
            values[found[1]] = found[2]
    return ConformanceProgram(
        name=str(path.relative_to(PROGRAMS).with_suffix("")),
        path=path,
        args=tuple(values.get("args", "").split()),
        stdin=values.get("stdin", "").encode().decode("unicode_escape").encode(),
        flags=tuple(values.get("flags", "").split()),
        dynamic=values.get("linked") == "dynamic",
        needs=tuple(values.get("needs", "").split()),
        cpus=int(values.get("cpus", 2)),
        budget=int(values.get("budget", 50_000_000)),
    )


@cache
def compiler(suffix: str) -> tuple[str, ...] | None:
    """The command for sources with `suffix`; None when this host has none."""
    if suffix == ".rs":
        return ("rustc",) if shutil.which("rustc") else None
    command = find_c_compiler()
    if command is None or suffix == ".c":
        return None if command is None else tuple(command)
    return (*command[:-1], command[-1].replace("gcc", "g++").replace("clang", "clang++"))


def build(program: ConformanceProgram) -> Path:
    """The executable, from the cache when source, headers, flags and compiler are the same. Raises BuildError."""
    command = compiler(program.path.suffix)
    if command is None:
        raise BuildError("no C compiler")
    static = () if program.dynamic or "-static-pie" in program.flags else ("-static",)
    flags = [*_FLAGS, *static, *program.flags]
    if program.path.suffix == ".rs":
        flags = [*_RUST_FLAGS, *program.flags]
    digest = hashlib.sha256(repr((command, flags)).encode())
    for source in (program.path, *sorted(INCLUDE.glob("*.h"))):
        digest.update(source.read_bytes())
    binary = CACHE / program.name / digest.hexdigest()[:20]
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        for old in binary.parent.iterdir():
            old.unlink(missing_ok=True)
        unfinished = binary.with_suffix(f".{os.getpid()}")
        built = subprocess.run([*command, *flags, "-o", unfinished, program.path], capture_output=True, text=True)
        if built.returncode:
            raise BuildError(built.stderr)
        unfinished.replace(binary)
    return binary
