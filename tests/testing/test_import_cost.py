"""What pffemu costs the other projects of an environment: its plugin is loaded in each of their pytest runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pffemu

HEAVY = ("numpy", "unicorn", "numba", "keystone", "capstone", "elftools", "filecheck", "pffemu.machine", "kernel_model")
MOST = 15  # modules; it takes 10
NOTHING_HEAVY = f"""
import sys

def test_nothing_of_the_machine_is_there():
    assert not set({HEAVY!r}) & set(sys.modules)
    assert "pffemu.testing.plugin" in sys.modules
"""


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )


def test_a_run_without_assembly_files_imports_nothing_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(NOTHING_HEAVY)
    (tmp_path / "notes.s").write_text("# test: its name does not start with test_\n")
    done = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_machine_comes_with_the_first_assembly_file(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(NOTHING_HEAVY)
    (tmp_path / "test_ours.s").write_text("# test: x\n# expect: rax == 0\nnop\n")
    done = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_imports_few_modules(tmp_path: Path) -> None:
    counted = (
        "import sys, pytest; before = len(sys.modules); import pffemu.testing.plugin; print(len(sys.modules) - before)"
    )
    assert int(python(tmp_path, "-c", counted).stdout) <= MOST


@pytest.mark.parametrize("name", pffemu.__all__)
def test_every_public_name_is_there_when_it_is_asked_for(name: str) -> None:
    assert getattr(pffemu, name) is not None
    assert name in dir(pffemu)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Machin'"):
        _ = pffemu.Machin  # type: ignore[attr-defined]
