"""Generated graphs and their right answers on disk, so that a large one is built once.

A cache file holds the index array, the edge array, and the levels of a BFS from the source; its name says the
parameters, its last eight bytes are a CRC-32 of the rest. A file with a wrong size or checksum is built again. Files
go to $XDG_CACHE_HOME/pffemu/graphs (~/.cache without it); PFFEMU_GRAPH_CACHE names another folder; empty: no cache.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from pffemu.errors import PffemuError

VERSION: Final = 1  # of the file's format, and of the graphs that guest.graphs generates
_PIECE: Final = 1 << 24  # bytes read or written at a time
_TAIL: Final = 8  # bytes


def folder() -> Path | None:
    """The folder of cached graphs; None when the user has turned the cache off."""
    named = os.environ.get("PFFEMU_GRAPH_CACHE")
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "pffemu" / "graphs"
    except RuntimeError:  # no home
        return None


@dataclass(frozen=True, slots=True)
class CachedData:
    """Index and edges of a graph as they lie in a cache file: `nbytes` bytes. They take no memory until copied."""

    path: Path
    nbytes: int
    check: int  # CRC-32 of them

    def copy_to(self, target: memoryview) -> None:
        """Fill `target` from the file. Raises PffemuError when the file has changed since `load`."""
        try:
            with self.path.open("rb") as file:
                check = _read(file, target, 0)
        except OSError:
            check = None
        if check != self.check:
            raise PffemuError(
                "the cached graph has changed since it was read", where=str(self.path), remedy="run the same again"
            )


def load(name: str, words: int, vertices: int) -> tuple[CachedData, NDArray[np.uint64], NDArray[np.uint16]] | None:
    """(index and edges, the index alone, levels) of the graph `name`; None when the file is missing or damaged."""
    path = _path(name)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            if path.stat().st_size != 8 * words + 2 * vertices + _TAIL:
                return None
            index, levels = np.empty(vertices + 1, np.uint64), np.empty(vertices, np.uint16)
            check = _skip(file, 8 * words - index.nbytes, _read(file, index.data.cast("B"), 0))
            data = CachedData(path, 8 * words, check)
            check = _read(file, levels.data.cast("B"), check)
            return (data, index, levels) if file.read() == check.to_bytes(_TAIL, "little") else None
    except (OSError, MemoryError):
        return None


def store(name: str, data: NDArray[np.uint64], levels: NDArray[np.uint16]) -> None:
    """Write a graph to the cache; errors are ignored, because the graph can be built again."""
    path = _path(name)
    if path is None:
        return
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            check = _write(file, levels.data.cast("B"), _write(file, data.data.cast("B"), 0))
            file.write(check.to_bytes(_TAIL, "little"))
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()


def _path(name: str) -> Path | None:
    base = folder()
    return None if base is None else base / f"{name}-v{VERSION}.csr"


def _pieces(octets: memoryview) -> list[memoryview]:
    return [octets[start : start + _PIECE] for start in range(0, octets.nbytes, _PIECE)]


def _read(file: BinaryIO, target: memoryview, check: int) -> int:
    for piece in _pieces(target):
        file.readinto(piece)  # type: ignore[attr-defined]
        check = zlib.crc32(piece, check)
    return check


def _skip(file: BinaryIO, size: int, check: int) -> int:
    """Read `size` bytes for the checksum only."""
    buffer = memoryview(bytearray(min(size, _PIECE)))
    while size:
        piece = buffer[:size]
        check = _read(file, piece, check)
        size -= piece.nbytes
    return check


def _write(file: BinaryIO, source: memoryview, check: int) -> int:
    for piece in _pieces(source):
        file.write(piece)
        check = zlib.crc32(piece, check)
    return check
