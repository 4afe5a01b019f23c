"""The compiled part of the tree, if `make compiled` has built one: its modules take the place of their sources.

All of it is used or none: PFFEMU_JIT=0 asks for pure Python, and after any change of a source all sources count again.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parent.parent
_FOLDER: Final = _ROOT / ".compiled" / "lib"
_GROUP: Final = "pffemu__mypyc"  # the library that holds the code of all modules


class _Finder:  # no MetaPathFinder: importing that one takes longer than the rest of this file
    def __init__(self, modules: set[str]) -> None:
        self._modules = modules

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname not in self._modules:
            return None
        return spec_from_file_location(fullname, _FOLDER / (fullname.replace(".", "/") + EXTENSION_SUFFIXES[0]))


def _sources() -> list[str]:
    """The paths of the sources that were compiled; empty unless all are as they were then."""
    names = []
    try:
        for line in (_FOLDER / "sources").read_text().splitlines():
            size, mtime, name = line.split(" ", 2)
            status = os.stat(_ROOT / name)
            if (status.st_size, status.st_mtime_ns) != (int(size), int(mtime)):
                return []
            names.append(name)
    except (OSError, ValueError):
        return []
    return names


def _install() -> bool:
    if os.environ.get("PFFEMU_JIT", "1") == "0" or not (_FOLDER / (_GROUP + EXTENSION_SUFFIXES[0])).exists():
        return False
    modules = {name.removesuffix(".py").replace("/", ".") for name in _sources()}
    if modules:
        sys.meta_path.insert(0, _Finder(modules | {_GROUP}))
    return bool(modules)


IN_USE: Final = _install()


def as_python(name: str) -> Any:
    """Such a module once more, from its source: for objects that only do what those of its types do.

    Compiled functions take none but their types.
    """
    spec = spec_from_file_location(f"{name}.as_python", _ROOT / (name.replace(".", "/") + ".py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
