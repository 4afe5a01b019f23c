"""The tutorial, done word by word by a new user with the wheel, in an empty folder, without the repository.

Each line that it shows, in order, is somewhere in the answer. PFFEMU_LONG=1 installs from the package index.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.wheel import ROOT, NewUser, Ran, new_user

TUTORIAL = ROOT / "docs" / "tutorial.md"
PROMPT, SHELL, EXIT = "(pffemu) ", "$ ", "exit code "
BLOCK = re.compile(r"^```(\w+) ?(.*)\n((?s:.*?))^```", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the shell, or a file to write: what is typed into it, and what the tutorial shows."""

    command: str
    file: str = ""
    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


def steps() -> list[Step]:
    found: list[Step] = []
    for language, name, text in BLOCK.findall(TUTORIAL.read_text()):
        if language != "console":
            found.append(Step(text, file=name))
            continue
        for line in text.splitlines():
            if line.startswith(SHELL):
                found.append(Step(line.removeprefix(SHELL)))
            elif line.startswith(PROMPT):
                found[-1].typed.append(line.removeprefix(PROMPT))
            else:
                found[-1].shown.append(line)
    return found


def check(step: Step, ran: Ran) -> None:
    at, code = 0, 0
    for line in step.shown:
        if line.startswith(EXIT):
            code = int(line.removeprefix(EXIT))
            continue
        found = ran.out.find(line.strip(), at)
        assert found >= 0, f"{step.command}: {line!r} is not in what is left:\n{ran.out[at:]}\n{ran.err}"
        at = found + len(line.strip())
    assert (ran.code, ran.err) == (code, ""), f"{step.command}: {ran}"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> NewUser:
    return new_user(tmp_path_factory.mktemp("user"), index=bool(os.environ.get("PFFEMU_LONG")))


@pytest.mark.timeout(300)
def test_the_tutorial_with_nothing_but_the_wheel(user: NewUser) -> None:
    inside = Path(".")
    compiler = shutil.which("gcc")
    for step in steps():
        if step.file:
            (user.folder / inside / step.file).write_text(step.command)
        elif step.command.startswith("cd "):
            inside /= step.command.removeprefix("cd ")
        elif compiler or not re.search(r"gcc|uffd_pages|\.c\b", step.command):
            command = step.command.replace("pffemu debug ", "pffemu debug --commands - ", bool(step.typed))
            command = re.sub("^pytest", "python -m pytest -p no:cacheprovider", command)  # a script of the index only
            check(step, user.shell(command, str(inside), "".join(f"{line}\n" for line in step.typed)))
    pages = list(user.folder.rglob("fault.html"))
    assert len(pages) == (2 if compiler else 1)
    assert all(page.read_text().startswith("<!doctype html>") for page in pages)


def test_the_installed_package_is_not_the_repositorys(user: NewUser) -> None:
    ran = user.shell("python -c 'import pffemu, kernel_model, guest; print(pffemu.__file__, guest.__file__)'")
    assert ran.code == 0, ran.err
    assert all(Path(name).is_relative_to(user.binaries.parent) for name in ran.out.split())


def test_the_tutorial_has_steps() -> None:
    assert sum(step.command.startswith("pffemu") for step in steps()) == 8
    assert [step.file for step in steps() if step.file] == ["tests/test_pattern.c"]
