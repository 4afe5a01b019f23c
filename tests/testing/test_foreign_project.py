"""Another project with the installed plugin: a folder with a pyproject and two test files is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from guest.c_compiler import find_c_compiler

ROOT: Final = Path(__file__).resolve().parents[2]


def test_pytest_collects_and_runs_them_without_configuration(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "theirs"\nversion = "1"\n')
    (tmp_path / "test_numbers.s").write_text("# test: one and one\n# expect: rax == 2\nmov eax, 1\nadd eax, eax\n")
    folder = tmp_path / "deeper"
    folder.mkdir()
    (folder / "test_faults.asm").write_text(
        "; test: a null pointer\n; raises: SIGSEGV addr=0 at here\nhere: mov al, [0]\n"
    )
    (folder / "test_other.py").write_text("def test_python_too():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("test_numbers.s::one-and-one PASSED", "deeper/test_faults.asm::a-null-pointer PASSED", "3 passed"):
        assert line in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(find_spec("hatchling") is None, reason="building the wheel needs hatchling: the extra dev")
def test_the_wheel_alone_is_enough(tmp_path: Path) -> None:
    """The source tree is not used, so that files missing in the wheel are noticed."""
    run(ROOT, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist"))
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    site, project = tmp_path / "site", tmp_path / "project"
    run(tmp_path, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "theirs"\nversion = "1"\n')
    (project / "test_include.s").write_text(
        '.include "pff.inc"\n# test: it passes\n# map: buf 4K rw\n# expect: rax == -EBADF\n'
        "mov eax, SYS_close\nmov edi, 9\nsyscall\n"
    )
    (project / "test_fails.s").write_text("# test: it fails\n# cycles: block < 1\n# expect: rax == 1\nnop\n")
    (project / "test_c.c").write_text(
        '// test: in C\n// expect: eax == 1\n#include "pff.h"\nint test_c() { return 1; }\n'
    )
    (project / "test_where.py").write_text(
        f"import pffemu\ndef test_where(machine):\n    assert pffemu.__file__.startswith({str(site)!r})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = run(project, "-m", "pytest", "-p", "no:cacheprovider", environment=environment, check=False)
    compiled = "3 passed" if find_c_compiler() is not None else "2 passed, 1 skipped"
    assert f"1 failed, {compiled}" in done.stdout, done.stdout + done.stderr
    assert "FAILED test_fails.s::it-fails - it fails: expect: rax == 1: does not hold" in done.stdout


def run(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=100, check=False,
        env=environment,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
