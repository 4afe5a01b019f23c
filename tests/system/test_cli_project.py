"""What a project outside this repository needs: a starter, the examples, compiler options, completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.cli_runs import ROOT, pffemu


def test_the_starter_project_is_complete_and_its_tests_pass(tmp_path: Path) -> None:
    made = pffemu("init", str(tmp_path / "p"))
    assert made.code == 0, made.err
    names = sorted(str(path.relative_to(tmp_path / "p")) for path in (tmp_path / "p").rglob("*") if path.is_file())
    assert names == [".github/workflows/test.yml", "README.md", "tests/test_first.s", "tests/test_handler.c"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_first.s"],
        cwd=tmp_path / "p", env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    again = pffemu("init", str(tmp_path))
    assert again.code == 0
    assert (tmp_path / "README.md").read_text() == "mine"
    assert "is there already" in again.out


def test_the_examples_are_those_of_the_repository(tmp_path: Path) -> None:
    assert pffemu("examples", str(tmp_path / "e")).code == 0
    ours = sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_file())
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == ours
    assert pffemu("run", str(tmp_path / "e" / "own_handler.s")).code == 42


def test_cflags_name_the_folder_of_pff_h() -> None:
    first, *_ = pffemu("cflags").out.split()
    assert (Path(first.removeprefix("-I")) / "pff.h").is_file()


COMPLETED = [
    (("pffemu", "timel"), "timeline"),
    (("pffemu", "run", "--delivery", ""), "flush drain tracked"),
    (("pffemu", "bench", "fault", "--pag"), "--pages"),
    (("pffemu", "bench", "swe"), "sweep"),
]
ASKED = {  # how each shell tells what it would complete the last of its arguments to
    "bash": 'source SCRIPT; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _pffemu; echo "${COMPREPLY[*]}"',
    "zsh": "compdef() { }; compadd() { shift; print -l -- ${(M)@:#$words[-1]*}; }; source SCRIPT; "
    'words=("$@"); CURRENT=$#; _pffemu',
    "fish": 'source SCRIPT; complete -C "$argv"',
}


@pytest.mark.parametrize("shell", ASKED)
@pytest.mark.parametrize(("words", "found"), COMPLETED)
def test_a_shell_completes(tmp_path: Path, shell: str, words: tuple[str, ...], found: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    script = tmp_path / "completion"
    script.write_text(pffemu("completion", shell).out)
    ask = ASKED[shell].replace("SCRIPT", str(script))
    arguments = words if shell == "fish" else (shell, *words)
    done = subprocess.run([shell, "-c", ask, *arguments], capture_output=True, text=True, timeout=20, check=False)
    names = [line.split("\t")[0] for line in done.stdout.splitlines()] if shell == "fish" else done.stdout.split()
    assert sorted(names) == sorted(found.split()), done.stderr


def test_without_keystone_programs_run_and_sources_are_one_error() -> None:
    script = (
        "import sys; sys.modules['keystone'] = None\n"
        "from pffemu import Machine\n"
        "from pffemu.cli.app import main\n"
        f"sys.exit(main(['run', {str(ROOT / 'examples' / 'hello.s')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 125
    assert "keystone-engine is not installed" in done.stderr
    assert "internal" not in done.stderr
