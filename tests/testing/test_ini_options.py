"""The project's defaults from pytest's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.cli_runs import pffemu

pytest_plugins = "pytester"

FILE = """
# test: says nothing
# expect: rax == 0
    mov rax, [0]

# test: says it itself
# mode: kernel
# cpus: 1
# budget: 5
# budget-used-up
here: jmp here
"""
INI = "[pytest]\npffemu_mode = uffd pff\npffemu_cpus = 3\npffemu_budget = 20\npffemu_ram = 8M\n"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".s", test_file=FILE)
    (pytester.path / "pytest.ini").write_text(INI)
    return pytester


def test_they_are_what_a_block_does_not_say(project: pytest.Pytester) -> None:
    items = project.inline_genitems(str(project.path / "test_file.s"))[0]
    setups = {item.name: item.case.setup for item in items}
    assert list(setups) == ["says-nothing[uffd]", "says-nothing[pff]", "says-it-itself"]
    told = [(setup.mode.value, setup.cpus, setup.ram, setup.budget) for setup in setups.values()]
    assert told == [("uffd", 3, 8 << 20, 20), ("pff", 3, 8 << 20, 20), ("kernel", 1, 8 << 20, 5)]


def test_a_bad_one_is_named_with_its_file(project: pytest.Pytester) -> None:
    (project.path / "pytest.ini").write_text("[pytest]\npffemu_mode = uffdd\n")
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(["*pytest.ini: # mode: no mode 'uffdd'*"])


def test_the_debugger_is_told_of_them(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("-k", "nothing and uffd")
    (line,) = [line.strip() for line in result.outlines if "pffemu debug" in line]
    assert line.endswith(
        "--at-failure --setup 'mode: uffd pff' --setup 'cpus: 3' --setup 'ram: 8M' --setup 'budget: 20'"
    )


def test_the_debugger_uses_them(tmp_path: Path) -> None:
    script, file = tmp_path / "script", tmp_path / "test_file.s"
    script.write_text("queues\n")
    file.write_text(FILE)
    ran = pffemu(
        "debug", "--commands", str(script), "--setup", "mode: uffd pff", "--setup", "cpus: 3", "--test",
        "says-nothing[uffd]", str(file),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "core 2" in ran.out
    wrong = pffemu("debug", "--setup", "mod: x", "--test", "x", str(file))
    assert "'mod: x' sets nothing up" in wrong.err
