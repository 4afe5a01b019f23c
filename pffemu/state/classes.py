"""What the objects of a snapshot may be: plain data of the model's own classes, by the attributes that these have.

No row names a class: one is data if it lies in a package of the model, makes its objects as `object` does, and reaches
nothing on the host by itself. Objects are made without running code of theirs and get attributes one by one.
"""

from __future__ import annotations

import inspect
from collections import Counter, OrderedDict, defaultdict, deque
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, Final

from kernel_model.files.host_file import HostNode
from kernel_model.files.host_tree import Mount
from pffemu.errors import PffemuError
from pffemu.machine.image import Image

_PACKAGES: Final = ("kernel_model", "pffemu.hw", "pffemu.arch", "pffemu.events", "pffemu.timing")
_MODULES: Final = (
    "pffemu.machine.elf", "pffemu.machine.image", "pffemu.machine.loader", "pffemu.machine.turns",
    "pffemu.machine.stop", "pffemu.engine.saved_registers", "pffemu.engine.stop", "pffemu.state.parts",
)  # fmt: skip
FACTORIES: Final = {kind.__name__: kind for kind in (list, dict, set, tuple, int, str, bytes, bool, deque, OrderedDict,
                                                     Counter, defaultdict)}  # fmt: skip
# values that a snapshot does not decide: handles of the host, and paths that only the user names
OF_THE_HOST: Final[dict[type[Any], dict[str, Any]]] = {HostNode: {"_descriptor": -1}}
OF_THE_USER: Final[dict[type[Any], dict[str, Any]]] = {Image: {"file": ""}}


class SnapshotError(PffemuError):
    """A snapshot that cannot be taken, read or used."""


@cache
def permitted_class(module: str, name: str) -> type[Any]:
    """The class of that name, if a snapshot may hold its objects. Raises SnapshotError for others, and functions."""
    found: Any = None
    inside = module in _MODULES or any(module == each or module.startswith(f"{each}.") for each in _PACKAGES)
    if inside and name.isidentifier():
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise SnapshotError(f"the snapshot holds a {module}.{name}, which does not exist") from error
    if not isinstance(found, type) or found.__module__ != module or not _is_data(found):
        raise SnapshotError(f"the snapshot holds a {module}.{name}, which is not part of a machine")
    return found


def _is_data(kind: type[Any]) -> bool:
    if issubclass(kind, Mount | BaseException):
        return False
    maker: Any = kind.__new__
    made_plainly = maker is object.__new__ or hasattr(kind, "__mypyc_attrs__")
    return made_plainly or is_named_tuple(kind) or issubclass(kind, Enum)


def is_named_tuple(kind: type[Any]) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


@cache
def check_attribute(kind: type[Any], name: str) -> None:
    """Raises SnapshotError unless objects of the class have an attribute `name` that is data."""
    found = inspect.getattr_static(kind, name, None)
    special = name.startswith("__") or not name.isidentifier()
    if special or isinstance(found, property | classmethod | staticmethod) or inspect.isroutine(found):
        raise SnapshotError(f"the snapshot gives a {kind.__name__} a {name!r}, which is no data of it")


def fixed_attributes(kind: type[Any], table: dict[type[Any], dict[str, Any]]) -> dict[str, Any]:
    """The attributes that objects of the class have from `table`, whatever a snapshot says."""
    return {name: value for base in kind.__mro__ for name, value in table.get(base, {}).items()}
