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


def test_the_image_installs_extras_that_there_are() -> None:
    text = (ROOT / "Containerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"/source\[([\w,]+)\]", text)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(set(images)) == 1  # the environment's Python is the image's
    (version,) = re.findall(r"python:(3\.\d+)", images[0])
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


def test_the_recipe_for_conda_requires_what_the_package_requires() -> None:
    text = (ROOT / "conda/recipe.yaml").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = re.findall(r"^    - (\S+) (\S+)$", text.partition("  run:\n")[2].partition("\n\n")[0], re.MULTILINE)
    by_pip = text.partition("pip install ")[2].splitlines()[0].split()
    wanted = [each.partition(";")[0].strip() for each in project["dependencies"]]
    by_conda = [tuple(re.split(r"(?=[><])", each, maxsplit=1)) for each in wanted if each not in by_pip]
    assert run == [("python", project["requires-python"]), *by_conda]
    assert set(by_pip) <= set(wanted)
    assert f"version: {project['version']}\n" in text
    ((command, target),) = project["scripts"].items()
    assert f"- {command} = {target}\n" in text


def test_citation_and_package_agree() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"version: {project['version']}\n" in text
    assert f"license: {project['license']}\n" in text
    assert f'- name: "{project["authors"][0]["name"]}"\n' in text
