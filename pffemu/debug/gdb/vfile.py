"""vFile: the files gdb may read: the program, the guest's own files (its libraries), /proc/PID (`info proc`)."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import Final

from pffemu.debug.gdb.arguments import hex_number, hex_text
from pffemu.debug.gdb.packets import PACKET_SIZE
from pffemu.debug.gdb.target import Target

MOST_BYTES: Final = 1 << 28  # that all open files together may hold in memory
_MOST_FILES: Final = 64
_ENOENT, _EBADF, _EACCES, _ENFILE, _EMFILE, _ENOSYS = 2, 9, 13, 23, 24, 88
_REGULAR_FILE: Final = 0o100444


@dataclass(slots=True)
class OpenFiles:
    """Contents of the open files, by descriptor."""

    contents: dict[int, bytes] = field(default_factory=dict)


def handle(files: OpenFiles, target: Target, text: str) -> bytes:
    """The reply to `vFile:` + text: `F result` (hex; -1 and an errno when it failed), then `;data`."""
    name, _, rest = text.partition(":")
    match name:
        case "setfs":
            return b"F0"
        case "open":
            path, flags = rest.split(",")[:2] if rest.count(",") >= 2 else (rest, "0")
            return _open(files, target, hex_text(path), hex_number(flags))
        case "readlink":
            led = target.read_link(hex_text(rest))
            return _failed(_ENOENT) if led is None else b"F%x;" % len(os.fsencode(led)) + os.fsencode(led)
        case "pread":
            return _pread(files, [hex_number(number) for number in rest.split(",")])
        case "fstat":
            return _fstat(files, hex_number(rest))
        case "close":
            return b"F0" if files.contents.pop(hex_number(rest), None) is not None else _failed(_EBADF)
    return _failed(_ENOSYS)


def _open(files: OpenFiles, target: Target, path: str, flags: int) -> bytes:
    if flags & 3:
        return _failed(_EACCES)
    if len(files.contents) >= _MOST_FILES:
        return _failed(_EMFILE)
    data = target.read_file(path)
    if data is None:
        return _failed(_ENOENT)
    if len(data) + sum(map(len, files.contents.values())) > MOST_BYTES:
        return _failed(_ENFILE)
    descriptor = next(number for number in range(3, 4 + len(files.contents)) if number not in files.contents)
    files.contents[descriptor] = data
    return b"F%x" % descriptor


def _pread(files: OpenFiles, numbers: list[int]) -> bytes:
    if len(numbers) != 3 or numbers[0] not in files.contents:
        return _failed(_EBADF)
    descriptor, count, offset = numbers
    data = files.contents[descriptor][offset : offset + min(count, PACKET_SIZE - 32)]
    return b"F%x;" % len(data) + data


def _fstat(files: OpenFiles, descriptor: int) -> bytes:
    """The protocol's own struct stat, big-endian: a regular file that can be read, of this size."""
    if descriptor not in files.contents:
        return _failed(_EBADF)
    size = len(files.contents[descriptor])
    stat = struct.pack(">7IQQQ3I", 0, 0, _REGULAR_FILE, 1, 0, 0, 0, size, 4096, -(-size // 512), 0, 0, 0)
    return b"F%x;" % len(stat) + stat


def _failed(errno: int) -> bytes:
    return b"F-1,%x" % errno
