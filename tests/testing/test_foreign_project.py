"""A project that is not ours: a folder with a pyproject and two files, and the installed plugin does the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


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
