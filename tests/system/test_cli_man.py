"""Manual pages are those of the command line: every command, every option."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pffemu.cli.app import COMMAND_NAMES
from tests.system.cli_runs import pffemu


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    ran = pffemu("man", "--folder", str(folder))
    assert ran.code == 0, ran.err
    return folder / "man1"


def test_every_command_has_a_page(pages: Path) -> None:
    names = {path.stem for path in pages.iterdir()}
    assert names >= {"pffemu", "pffemu-bench-fault", *(f"pffemu-{name}" for name in COMMAND_NAMES)}
    text = (pages / "pffemu.1").read_text()
    assert all(f".B {name}\n" in text for name in COMMAND_NAMES if "-" not in name)


@pytest.mark.parametrize("command", ["run", "bench fault", "debug", "man"])
def test_a_page_has_the_options_of_the_help(pages: Path, command: str) -> None:
    options = set(re.findall(r"^│ \*? *(--[a-z-]+)", pffemu(*command.split(), "--help").out, re.MULTILINE)) - {"--help"}
    assert options
    text = (pages / f"pffemu-{command.replace(' ', '-')}.1").read_text().replace("\\-", "-")
    assert {option for option in options if f".B {option}" not in text} == set()
    assert pffemu("man", *command.split()).out.replace("\\-", "-") == text


def test_an_unknown_command_is_one_error() -> None:
    wrong = pffemu("man", "rnu")
    assert wrong.code == 2
    assert "no command 'rnu'" in wrong.err
    assert "run" in wrong.err


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_groff_has_nothing_to_say(pages: Path) -> None:
    for path in pages.iterdir():
        done = subprocess.run(
            ["groff", "-man", "-Tascii", "-ww", "-z", str(path)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.stderr == "", path.name
