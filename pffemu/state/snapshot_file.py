"""Snapshots as files: a line with magic, version and checksum, then options, objects, their bytes and RAM, compressed.

A file is data: whoever made it, it makes objects of the model only (classes.py), and says nothing about the host. Host
directories, streams and the program's file come from the user who restores it.

The format's version rises with every change of a kernel or hardware object's attributes that an older file lacks; a
file of another version is refused.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pffemu
from kernel_model.files import ByteSink, ByteSource
from kernel_model.files.host_tree import Mount
from pffemu import compiled
from pffemu.arch.paging import PAGE_SIZE
from pffemu.errors import MissingFileError, PffemuError, UsageError
from pffemu.host_files import read_regular, replace_file
from pffemu.machine.image import open_image
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.machine.program_path import show_program
from pffemu.state import saved_options
from pffemu.state.classes import SnapshotError
from pffemu.state.snapshot import Snapshot, put_back, take

MAGIC: Final = b"pffemu snapshot "
VERSION: Final = 23
_HEADER_MAX: Final = 4096  # bytes
_SAVE_AGAIN: Final = "save it again, with this version of pffemu"
_FILE_MAX: Final = 1 << 38  # bytes
_OPTIONS_MAX: Final = 1 << 20  # bytes
_GRAPH_MAX: Final = 1 << 27  # bytes; the objects take some 25 times as much memory
_RATIO: Final = 1100  # by which zlib compresses at most
_LENGTH: Final = struct.Struct("<Q")
_OTHER_BUILD: Final = (  # by whether this pffemu is compiled
    ("a compiled pffemu saved it", _SAVE_AGAIN),
    ("a pffemu that was not compiled saved it", "restore it with PFFEMU_JIT=0, or save it again"),
)


def save(machine: Machine, path: Path) -> None:
    """Write the machine's state to `path`. Raises SnapshotError when it cannot be taken or written."""
    snapshot = take(machine, flat=True)
    parts = (
        saved_options.written(machine.options),
        snapshot.graph,
        snapshot.octets or b"",
        b"".join(_LENGTH.pack(frame) + data for frame, data in snapshot.pages.items()),
    )
    body = zlib.compress(b"".join(_LENGTH.pack(len(part)) + part for part in parts), 1)
    header = {
        "version": VERSION, "compiled": compiled.IN_USE, "pffemu": pffemu.__version__,
        "size": sum(map(len, parts)) + len(parts) * _LENGTH.size,
        "sha256": hashlib.sha256(body).hexdigest(), "instructions": machine.instructions,
    }  # fmt: skip
    try:
        replace_file(path, MAGIC + json.dumps(header).encode() + b"\n" + body)
    except OSError as error:
        raise SnapshotError(
            f"cannot write it: {error.strerror}", where=str(path), remedy="name another file"
        ) from error


def restore(
    path: Path,
    *,
    stdin: bytes | ByteSource = b"",
    stdout: ByteSink | None = None,
    stderr: ByteSink | None = None,
    outputs: dict[int, ByteSink] | None = None,
    roots: tuple[Mount, ...] = (),
    libs: bool = False,
    program: Path | None = None,
) -> Machine:
    """A machine in the state that `save` wrote. The guest's next input is the beginning of `stdin`.

    `outputs`: files that were given to the guest with `open_output`, in the same order. `roots`, `libs`: as in
    MachineOptions; the file has none. `program`: the file of the first process, where it is now, for its debug
    information and for guests that look at their own file.
    Raises MissingFileError, UsageError, SnapshotError.
    """
    try:
        options, snapshot = _read(path, roots, libs)
        machine = Machine(options, stdin=stdin, stdout=stdout, stderr=stderr)
        for fd, sink in (outputs or {}).items():
            machine.open_output(fd, f"fd {fd}", sink)
        put_back(machine, snapshot, foreign=True)
    except PffemuError as error:
        error.where = error.where or str(path)
        raise
    if program is not None:
        _name_program(machine, program)
    return machine


def _name_program(machine: Machine, program: Path) -> None:
    """Say that `program` is the file of the first process. Raises UsageError, and what `open_image` raises."""
    image = machine.process.image
    if open_image(program).segments != image.segments:
        raise UsageError("it is not the program in the snapshot", where=str(program), remedy="name the same file")
    machine.process.image = replace(image, file=str(program.absolute()))
    show_program(machine.process.image, machine.kernel.tree)


def is_snapshot(path: Path) -> bool:
    """Whether the file begins as a snapshot does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _read(path: Path, roots: tuple[Mount, ...], libs: bool) -> tuple[MachineOptions, Snapshot]:
    try:
        data = read_regular(path, _FILE_MAX)
    except OSError as error:
        raise MissingFileError(f"cannot read it: {error.strerror}", where=str(path), remedy="check the name") from error
    header, body = _header(data)
    try:
        told, graph, octets, pages = _parts(_inflated(header, body))
        if len(told) > _OPTIONS_MAX or len(graph) > _GRAPH_MAX:
            raise ValueError(f"{len(told):,} bytes of options, {len(graph):,} of objects")
        options = saved_options.read(bytes(told), roots, libs)
        return options, Snapshot(bytes(graph), _pages(pages, options.ram // PAGE_SIZE), octets)
    except PffemuError:
        raise
    except Exception as error:
        raise SnapshotError(f"it is damaged: {error}", remedy=_SAVE_AGAIN) from error


def _header(data: bytes) -> tuple[dict[str, Any], bytes]:
    line, newline, body = data[: len(MAGIC) + _HEADER_MAX].partition(b"\n")
    if not line.startswith(MAGIC) or not newline:
        raise SnapshotError("not a snapshot", remedy="give a file that `save` of `pffemu debug` wrote")
    try:
        header = json.loads(line[len(MAGIC) :])
        version, digest = header["version"], header["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError("its first line is damaged", remedy=_SAVE_AGAIN) from error
    if version != VERSION:
        raise SnapshotError(f"it has version {version}, this pffemu reads {VERSION}", remedy=_SAVE_AGAIN)
    if header.get("compiled", False) is not compiled.IN_USE:
        what, remedy = _OTHER_BUILD[compiled.IN_USE]
        raise SnapshotError(what, remedy=remedy)
    body = data[len(line) + 1 :]
    if hashlib.sha256(body).hexdigest() != digest:
        raise SnapshotError("it is damaged or was cut off", remedy=_SAVE_AGAIN)
    return header, body


def _inflated(header: dict[str, Any], body: bytes) -> bytes:
    """`body` decompressed, at most to the header's size, so that a small file cannot fill the host's memory."""
    size = int(header["size"])
    if size > _RATIO * len(body):
        raise ValueError(f"{len(body):,} bytes cannot be {size:,}")
    inflated = zlib.decompressobj().decompress(body, size + 1)
    if len(inflated) != size:
        raise ValueError(f"{len(inflated)} bytes instead of {size}")
    return inflated


def _parts(data: bytes) -> list[memoryview]:
    parts, at, view = [], 0, memoryview(data)
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        parts.append(view[at + _LENGTH.size : at + _LENGTH.size + length])
        if len(parts[-1]) != length:
            raise ValueError("a part is cut off")
        at += _LENGTH.size + length
    return parts


def _pages(data: memoryview, end: int) -> dict[int, bytes]:
    pages = {}
    for at in range(0, len(data), _LENGTH.size + PAGE_SIZE):
        (frame,) = _LENGTH.unpack_from(data, at)
        if frame >= end:
            raise ValueError(f"page {frame:#x} lies behind the end of RAM")
        pages[frame] = bytes(data[at + _LENGTH.size : at + _LENGTH.size + PAGE_SIZE])
    if any(len(page) != PAGE_SIZE for page in pages.values()):
        raise ValueError("a page is cut off")
    return pages
