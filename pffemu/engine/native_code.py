"""Hooks as native code, without numba where it has compiled them before.

numba takes 0.3 s and 75 MB to import. What it makes of a hook is a function that is given all it works on and calls
nothing by name: its object code only has to be placed in memory. So it is kept beside the bytecode, for one kind of
CPU, one numba and the text of the sources; when one of them has changed, or the file is damaged, it is written anew.
"""

from __future__ import annotations

import ast
import marshal
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any, Final

from pffemu.engine.object_code import NotPlaceable, place

_ROOT: Final = Path(__file__).parent.parent.parent
_CPU: Final = ("vendor_id", "cpu family", "model\t", "flags")  # lines of /proc/cpuinfo that decide about code
_FORM: Final = 1
_CRC_BYTES: Final = 4
_numbas: Final[dict[str, Mapping[str, Any]]] = {}  # by module: their code lives as long as they do


@cache
def hooks(module: str) -> Mapping[str, int]:
    """The addresses of the hooks of such a module (a name that ends in _compiled), by name: kept, or compiled now."""
    return _kept(module) or _compiled(module)


@cache
def _kept(module: str) -> Mapping[str, int]:
    """As `hooks`; empty when nothing fitting is kept."""
    key = _key()
    for file in _files(module) if key else ():
        with suppress(OSError, EOFError, ValueError, TypeError, NotPlaceable):
            whole = file.read_bytes()
            if zlib.crc32(whole[_CRC_BYTES:]) == int.from_bytes(whole[:_CRC_BYTES], "little"):
                found_key, sources, objects = marshal.loads(whole[_CRC_BYTES:])
                if found_key == key and all(_crc_of(name) == crc for name, crc in sources.items()):
                    return {name: place(octets, symbol) for name, (octets, symbol) in objects.items()}
    return {}


def are_kept(*modules: str) -> bool:
    """Whether the hooks of all these modules can be had without numba."""
    return all(_kept(module) for module in modules)


def keeps() -> bool:
    """Whether this host keeps compiled hooks: an x86-64 with Linux."""
    return bool(_key())


def version_of(module: str) -> int:
    """A number that changes with the text of the sources of the module's hooks."""
    return zlib.crc32(str([_crc_of(name) for name in _made_from(module)]).encode())


def _compiled(module: str) -> Mapping[str, int]:
    functions = _numbas[module] = import_module(module).hooks()
    try:
        objects = {name: (_object_of(function), function.native_name) for name, function in functions.items()}
        addresses = {name: place(octets, symbol) for name, (octets, symbol) in objects.items()}
    except (NotPlaceable, AttributeError):  # another kind of host, another numba
        return {name: function.address for name, function in functions.items()}
    _keep(module, objects)
    return addresses


def _object_of(function: Any) -> bytes:
    """What numba's compiler writes for a C function that it has just compiled: an ELF object file."""
    library = function._library
    octets: bytes = library.codegen._tm.emit_object(library._final_module)
    return octets


def _keep(module: str, objects: Mapping[str, tuple[bytes, str]]) -> None:
    """Write the file, whole or not at all, in the first place that allows it."""
    key = _key()
    if not key:
        return
    content = marshal.dumps((key, {name: _crc_of(name) for name in _made_from(module)}, dict(objects)))
    for file in _files(module):
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f"{file.name}.{os.getpid()}")
            new.write_bytes(zlib.crc32(content).to_bytes(_CRC_BYTES, "little") + content)
            new.replace(file)
            return


def _files(module: str) -> tuple[Path, ...]:
    """Where the module's code may be kept: with the bytecode, or in the user's cache."""
    beside = Path(cache_from_source(str(_ROOT / _path_of(module)))).with_suffix(".native")
    users = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return beside, users / "pffemu" / f"{zlib.crc32(bytes(beside)):08x}.native"


def _made_from(module: str) -> list[str]:
    """Paths of the sources that decide about the module's hooks: its own, what it imports, and what that imports."""
    found = newest = {_path_of(module)}
    for _ in range(2):
        newest = {path for source in newest for path in _imported(source)} - found
        found |= newest
    return sorted(found)


def _imported(source: str) -> Iterator[str]:
    for line in ast.walk(ast.parse((_ROOT / source).read_bytes())):
        if isinstance(line, ast.ImportFrom) and line.module:
            for name in (line.module, *(f"{line.module}.{alias.name}" for alias in line.names)):
                if (_ROOT / _path_of(name)).is_file():
                    yield _path_of(name)


def _path_of(module: str) -> str:
    return module.replace(".", "/") + ".py"


@cache
def _crc_of(source: str) -> int:
    return zlib.crc32((_ROOT / source).read_bytes())


@cache
def _key() -> str:
    """What decides about code; empty where that cannot be told: then nothing is kept."""
    numba = find_spec("numba")
    if numba is None or numba.origin is None:
        return ""
    try:
        version = os.stat(numba.origin)
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            cpu = [line for line in iter(lines.readline, "\n") if line.startswith(_CPU)]
    except OSError:
        return ""
    settings = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_"))
    return str((_FORM, sys.platform, version.st_size, version.st_mtime_ns, cpu, settings)) if cpu else ""
