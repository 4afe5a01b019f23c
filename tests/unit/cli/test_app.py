"""The command line as a whole: its list of commands, made without importing them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from pffemu.cli import app

MODULES = 770  # of a run; each takes 0.2 ms of its start, and there are a few percent to spare
HEAVY = ("numpy", "unicorn", "numba", "keystone", "capstone", "iced_x86", "pffemu.machine", "kernel_model")


@pytest.mark.parametrize("name", list(app._COMMANDS))
def test_the_list_says_of_a_command_what_its_own_help_says(name: str) -> None:
    command = app._COMMANDS[name]
    documented = inspect.getdoc(getattr(import_module(f"pffemu.cli.{command.module}"), name)) or ""
    assert documented.split("\n\n")[0].replace("\n", " ") == command.summary


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_of_the_machine(option: str) -> None:
    script = (
        "import sys\nfrom pffemu.cli.app import main\n"
        f"code = main([{option!r}])\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("[]\n")


def test_a_run_imports_no_disassembler_and_not_too_many_modules() -> None:
    script = (
        "import sys, pffemu.cli.run\nassert not {'capstone', 'keystone', 'numpy', 'numba'} & set(sys.modules)\n"
        "print(len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=True, capture_output=True, text=True)
    assert int(done.stdout) <= MODULES


def test_a_command_behind_two_dashes_is_the_command() -> None:
    assert app.main(["--", "timing", "nothing"]) == 2
