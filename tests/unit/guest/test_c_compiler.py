"""Which C compiler is taken, and that it can make a freestanding program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from guest import c_compiler
from guest.c_compiler import NO_C_COMPILER, find_c_compiler

ZIG = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl", "-fno-sanitize=undefined"]


def which(*there: str) -> Callable[[str], str | None]:
    return lambda name: f"/bin/{name}" if name in there else None


@pytest.mark.parametrize(
    ("named", "there", "zig", "machine", "found"),
    [
        ("", ("gcc", "clang", "cc"), True, "x86_64", ["gcc"]),
        ("", ("clang", "cc"), True, "x86_64", ["clang"]),
        ("", ("cc",), True, "x86_64", ["cc"]),
        ("", (), True, "x86_64", ZIG),
        ("", (), False, "x86_64", None),
        ("ccache gcc-12", ("gcc", "ccache"), True, "x86_64", ["ccache", "gcc-12"]),
        ("nowhere", ("gcc",), True, "x86_64", ["gcc"]),
        ("", ("gcc", "clang"), False, "aarch64", None),
        ("", ("gcc",), True, "aarch64", ZIG),
        ("", ("x86_64-linux-gnu-gcc",), True, "aarch64", ["x86_64-linux-gnu-gcc"]),
    ],
)
def test_the_systems_compiler_comes_before_zig(
    named: str,
    there: tuple[str, ...],
    zig: bool,
    machine: str,
    found: list[str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CC", named)
    monkeypatch.setattr(c_compiler.shutil, "which", which(*there))
    monkeypatch.setattr(c_compiler.platform, "machine", lambda: machine)
    spec = ModuleSpec("ziglang", None) if zig else None
    monkeypatch.setattr(c_compiler, "find_spec", lambda name: spec)
    assert find_c_compiler() == found


def test_it_makes_a_freestanding_program(tmp_path: Path) -> None:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    source = tmp_path / "start.c"
    source.write_text("void _start(void) { __builtin_trap(); }\n")
    command = [*compiler, "-ffreestanding", "-nostdlib", "-static", "-no-pie", str(source), "-o", str(tmp_path / "out")]
    subprocess.run(command, check=True, timeout=100)
    assert (tmp_path / "out").read_bytes()[:4] == b"\x7fELF"
