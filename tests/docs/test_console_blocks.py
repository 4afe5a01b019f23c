"""Commands of the documentation: each has the options and values that it shows, and answers what is shown below it.

The tutorial's are in test_tutorial.py. Commands that show nothing are run with PFFEMU_LONG=1 where they need no program
of the reader's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pffemu.cli.app import commands
from tests.system.cli_runs import ROOT, pffemu

PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]
OPERATORS = (";", "&&", "|", ">", "<<<")
KNOWN = dict(commands())


def blocks(language: str, pages: list[Path] = PAGES) -> Iterator[tuple[str, str]]:
    """(page, text) of each block in that language."""
    for page in pages:
        for text in re.findall(rf"^```{language}[^\n]*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            yield page.name, text


def lines() -> Iterator[tuple[str, list[str]]]:
    """Each command for a shell, without its comment, and the lines shown below it."""
    for page, text in blocks("console", [page for page in PAGES if page.name != "tutorial.md"]):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield f"{page}: {command.partition(' # ')[0].strip()}", [line for line in shown if line.strip()]


LINES = dict(lines())
INLINE = sorted(
    {
        f"{page.name}: {command}"
        for page in PAGES
        for command in re.findall(r"`(pffemu [a-z][^`\n]*)`", page.read_text())
        if page.name != "CHANGELOG.md" and not re.search(r"[A-Z]{2}|\.\.\.|\[", command)
    }
)


def invocations(line: str) -> Iterator[list[str]]:
    """The words of each pffemu in a line for a shell."""
    words: list[str] = []
    for word in [*shlex.split(line.partition(": ")[2].replace(";", " ; ").replace(")", " )")), ";"]:
        if word in OPERATORS or word == ")":
            if words and words[0] == "pffemu":
                yield words[1:]
            words = []
        else:
            words.append(word)


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that is named, and the words behind its name."""
    number = max(number for number in (0, 1, 2) if number == 0 or tuple(words[:number]) in KNOWN)
    assert number, f"no command {' '.join(words)}"
    return KNOWN[tuple(words[:number])], words[number:]


def parse(words: list[str]) -> None:
    """Raises what the command line raises of wrong options."""
    command, rest = command_of(words)
    command.make_context("pffemu", rest)


@pytest.mark.parametrize("line", LINES)
def test_a_command_is_spelled_as_pffemu_knows_it(line: str) -> None:
    for words in invocations(line):
        parse(words)


@pytest.mark.parametrize("line", INLINE)
def test_a_command_in_a_sentence_has_the_options_it_names(line: str) -> None:
    for words in invocations(line):
        command, rest = command_of(words)
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known


def test_a_misspelt_option_would_be_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(["bench", "fault", "--page", "4"])


@pytest.fixture(scope="module")
def shell_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository's programs, and a `pffemu` that is this tree's."""
    folder = tmp_path_factory.mktemp("console")
    for name in ("examples", "guest"):
        (folder / name).symlink_to(ROOT / name)
    command = folder / "bin" / "pffemu"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m pffemu "$@"\n')
    command.chmod(0o755)
    return folder


def run(line: str, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "COLUMNS": "120"}
    command = line.partition(": ")[2]
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SHOWN = [line for line in LINES if LINES[line]]


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_answers_what_is_shown(line: str, shell_folder: Path) -> None:
    if line.endswith("ping_pong 1000"):
        if shutil.which("gcc") is None:
            pytest.skip("no gcc")
        run(next(other for other in LINES if "-o ping_pong" in other), shell_folder)
    out = run(line, shell_folder)
    expected = "\n".join(LINES[line])
    if line.endswith("ping_pong 1000"):  # the compiler's instructions take a part of the cycles
        out, expected = (re.sub(r"\d+ cycles", "N cycles", text) for text in (out, expected))
    assert expected in out.replace("\n\n", "\n")


@pytest.mark.skipif("PFFEMU_LONG" not in os.environ, reason="minutes: set PFFEMU_LONG=1")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "line",
    [line for line in LINES if not LINES[line] and re.search(r": pffemu (bench|timeline|trace|timing show)", line)],
)
def test_a_command_without_a_program_of_the_reader_runs(line: str, shell_folder: Path) -> None:
    if "my-machine.toml" in line:
        (_, profile), *_ = blocks("toml", [ROOT / "docs" / "timing.md"])
        (shell_folder / "my-machine.toml").write_text(profile)
    run(line, shell_folder)


@pytest.mark.parametrize("text", [text for _, text in blocks("json")])
def test_a_block_of_json_can_be_read(text: str) -> None:
    for line in text.strip().split("\n{"):
        json.loads(line if line.startswith("{") else "{" + line)


def test_the_profile_that_is_shown_is_right(tmp_path: Path) -> None:
    """The first block is a whole profile, the others are what can be added to it."""
    texts = [text for _, text in blocks("toml", [ROOT / "docs" / "timing.md"])]
    (tmp_path / "my-machine.toml").write_text("\n".join(texts))
    checked = pffemu("timing", "check", str(tmp_path / "my-machine.toml"))
    assert checked.code == 0, checked.err


@pytest.mark.parametrize("text", [text for _, text in blocks("toml")])
def test_a_block_of_toml_can_be_read(text: str) -> None:
    assert tomllib.loads(text)
