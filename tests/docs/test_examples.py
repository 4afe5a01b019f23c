"""Every Python block in the documentation and every example runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pffemu.machine import machine
from tests.campaign import LONG, rounds

ROOT = Path(__file__).resolve().parents[2]
SHORTER = {"region_sweep.py": ["1", "100", "1000"]}  # arguments; with PFFEMU_LONG=1 none: a minute
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LIMIT = rounds(60, 110)  # seconds
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{i}")
    for page in PAGES
    if page.exists()
    for i, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_python_block_of_the_documentation_runs(block: str) -> None:
    exec(compile(block, "documentation", "exec"), {"__name__": "documentation"})


def test_the_example_in_the_machines_docstring_runs() -> None:
    _, _, code = (machine.__doc__ or "").partition("\n\n")
    assert "assert machine.run()" in code
    exec(compile(code, "docstring", "exec"), {})


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_an_example_script_runs(example: Path) -> None:
    command = [sys.executable, str(example), *([] if LONG else SHORTER.get(example.name, []))]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=LIMIT, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize(
    ("example", "exit_code", "output"), [("hello.s", 0, b"hello from ring three\n"), ("own_handler.s", 0x2A, b"")]
)
def test_an_example_program_runs(example: str, exit_code: int, output: bytes) -> None:
    command = [sys.executable, "-m", "pffemu", "run", str(ROOT / "examples" / example)]
    result = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (exit_code, output), result.stderr
