"""The C guest that the tests with a real gdb stand inside of, and its lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE

SOURCE = Path(__file__).parents[1] / "guests" / "forwarded_fault.c"
LINES = SOURCE.read_text().splitlines()


def line_of(text: str) -> int:
    """Number of the first line with this text."""
    return 1 + next(i for i, line in enumerate(LINES) if text in line)


ACCESS = line_of("the access")


def forwarded_fault(directory: Path, optimization: str = "-O0") -> Path:
    """The program, with debug information; skips the test where there is no compiler."""
    return build(SOURCE, directory / "forwarded_fault", optimization)


def spinning(directory: Path) -> Path:
    """One that never ends by itself."""
    source = directory / "spinning.c"
    source.write_text("int main(void)\n{\n    for (;;)\n        ;\n}\n")
    return build(source, directory / "spinning")


def build(source: Path, program: Path, optimization: str = "-O0") -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    command = [*compiler, "-g", optimization, "-static", "-muintr", f"-I{INCLUDE}", str(source), "-o", str(program)]
    subprocess.run(command, check=True, timeout=100)
    return program
