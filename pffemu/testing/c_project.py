"""The project around a test file in C: its other sources and its include folders, which a test may name.

A test file may come from elsewhere, and its compiler reads what it names: so only files of the project that holds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pffemu.testing.directives import Directive

_MARKS: Final = (".git", "pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py")


def project_folder(folder: Path) -> Path:
    """The nearest folder from `folder` upwards that looks like a project's; `folder` itself when none does."""
    folder = folder.resolve()
    for each in (folder, *folder.parents):
        if each.parent != each and any((each / mark).exists() for mark in _MARKS):
            return each
    return folder


def named_source(folder: Path, text: str, directive: Directive) -> Path:
    """The C file that a directive of a test in `folder` names. Raises TestFileError."""
    path = _inside(folder, text, directive)
    if path.suffix != ".c" or not path.is_file():
        raise directive.error(f"no C file {text!r}", "name .c files, relative to the test file")
    return path


def named_folder(folder: Path, text: str, directive: Directive) -> Path:
    """The folder that a directive names. Raises TestFileError."""
    path = _inside(folder, text, directive)
    if not path.is_dir():
        raise directive.error(f"no folder {text!r}", "name folders, relative to the test file")
    return path


def _inside(folder: Path, text: str, directive: Directive) -> Path:
    project, path = project_folder(folder), (folder / text).resolve()
    if not path.is_relative_to(project):
        marks = ", ".join(_MARKS[:3])
        raise directive.error(
            f"{text!r} is not in the project {project}", f"a project's folder has {marks} or the like"
        )
    return path
