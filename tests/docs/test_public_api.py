"""The public API: docs/api.md uses nothing else, every name is there, and other projects see types."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pffemu

ROOT = Path(__file__).parents[2]
FOREIGN = """
import pffemu
from pffemu import FaultWorkload, Machine, Mode, Stop, assemble, guest_program

machine = Machine(mode=Mode.PFF, cpus=1)
machine.load(assemble("_start: nop"))
stop: Stop = machine.run(budget=10)
reveal_type(machine.cpus[0].clock)
reveal_type(pffemu.assemble("nop").entry)
workload = FaultWorkload(pages=4)
machine.load(guest_program("fault_bench"), workload.arguments)
wrong: str = machine.instructions
"""


def test_docs_and_examples_import_from_the_package_alone() -> None:
    texts = [ROOT / "docs/api.md", *(ROOT / "examples").glob("*.py")]
    for path in texts:
        for line in re.findall(r"^(?:from|import) (?:pffemu|kernel_model|guest)\b.*", path.read_text(), re.MULTILINE):
            assert re.match(r"from pffemu import |import pffemu$", line), f"{path.name}: {line}"


@pytest.mark.parametrize("name", pffemu.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(pffemu, name) is not None


@pytest.mark.slow
def test_another_projects_type_checker_sees_the_types(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(FOREIGN)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "theirs.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith("theirs.py")]
    assert [line.split(": ", 1)[1].replace("builtins.", "") for line in found] == [
        'note: Revealed type is "int"',
        'note: Revealed type is "int"',
        'error: Incompatible types in assignment (expression has type "int", variable has type "str")  [assignment]',
    ], done.stdout
