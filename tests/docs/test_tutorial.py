"""The tutorial's sessions print what it shows: each shown line, in order, is somewhere in the answers."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.system.cli_runs import ROOT, Ran, pffemu

TUTORIAL = ROOT / "docs" / "tutorial.md"
PROMPT, SHELL, EXIT = "(pffemu) ", "$ pffemu ", "exit code "


def sessions() -> list[list[str]]:
    """The lines of all console blocks, cut where a new program is started."""
    found: list[list[str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith(SHELL):
                found.append([])
            found[-1].append(line)
    return found


def run(lines: list[str], tmp_path: Path) -> Ran:
    command, *options = shlex.split(lines[0].removeprefix("$ pffemu"))
    commands = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
    if not commands:
        return pffemu(command, *options)
    script = tmp_path / "commands"
    script.write_text("\n".join(commands) + "\n")
    return pffemu(command, "--commands", str(script), *options)


@pytest.mark.parametrize("lines", sessions(), ids=lambda lines: lines[0].removeprefix(SHELL))
def test_a_session_of_the_tutorial_shows_what_it_says(
    lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    ran = run(lines, tmp_path)
    at = 0
    for line in lines[1:]:
        if line.startswith(EXIT):
            assert ran.code == int(line.removeprefix(EXIT))
        elif not line.startswith(PROMPT):
            found = ran.out.find(line.strip(), at)
            assert found >= 0, f"{line!r} is not in what is left:\n{ran.out[at:]}"
            at = found + len(line.strip())
    assert ran.err == ""


def test_the_tutorial_has_sessions() -> None:
    assert len(sessions()) == 3
