"""The files for a CI service and for containers name what is there: they cannot be run by tests."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_workflow_runs_the_projects_own_command_on_every_python_it_claims() -> None:
    text = (ROOT / ".github/workflows/test.yml").read_text()
    versions = re.findall(r'"(3\.\d+)"', text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    claimed = [word.rpartition(" ")[2] for word in project["classifiers"] if re.search(r":: 3\.\d+$", word)]
    assert versions == [*claimed, "3.14"]
    assert "- run: .ci/run\n" in text
    assert os.access(ROOT / ".ci/run", os.X_OK)
    makefile = (ROOT / "Makefile").read_text()
    assert "PYTHON: python${{ matrix.python }}" in text
    assert re.search(r"^PYTHON \?=", makefile, re.MULTILINE)  # the environment's counts


def test_the_container_makes_the_environment_that_the_makefile_makes() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    target = container["postCreateCommand"].rpartition("make ")[2]
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    interpreter = container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    (folder,) = re.findall(r"^VENV := (.*)$", makefile, re.MULTILINE)
    assert interpreter == f"${{containerWorkspaceFolder}}/{folder}/bin/python"
