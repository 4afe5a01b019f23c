"""gdb over a pipe: `target remote | pffemu gdb --stdio PROG`. gdb starts the command, and is its only peer."""

from __future__ import annotations

import os
import re
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pffemu.debug.gdb.server import converse
from pffemu.debug.gdb.stub import Stub
from pffemu.debug.gdb.target import Target

_CHUNK: Final = 1 << 16
_PACKET: Final = re.compile(rb"\$[^#$]*#[0-9a-fA-F]{2}")
_LAST_WORDS: Final = 5  # seconds that gdb gets to take the last reply


def take_streams() -> tuple[int, int]:
    """Descriptors of standard input and output for gdb; from now on the process's own are empty and standard error."""
    taken = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    os.close(empty)
    return taken


def serve_pipe(streams: tuple[int, int], target: Target, said: Callable[[str], None]) -> Stub:
    """Serve the gdb at the other end of the two descriptors, until it is done or gone."""
    ours, theirs = socket.socketpair()
    threading.Thread(target=_from_gdb, args=(streams[0], theirs), daemon=True).start()
    to_gdb = threading.Thread(target=_to_gdb, args=(theirs, streams[1]), daemon=True)
    to_gdb.start()
    stub = Stub(target)
    with ours:
        why = converse(ours, stub)
    to_gdb.join(_LAST_WORDS)
    if not stub.done:
        said(why or "gdb has gone")
    return stub


def _from_gdb(descriptor: int, connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(_once(_waiting(descriptor)))
        while data := os.read(descriptor, _CHUNK):
            connection.sendall(data)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


def _waiting(descriptor: int) -> bytes:
    """What gdb has sent while the program was loaded."""
    data = b""
    while len(data) < _CHUNK and select.select([descriptor], [], [], 0)[0]:
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            break
        data += chunk
    return data


def _once(data: bytes) -> bytes:
    """`data` without repetitions of a packet: gdb sends its first one again when no answer comes for two seconds."""
    packets = _PACKET.findall(data)
    return data if len(set(packets)) != 1 or not data.endswith(packets[-1]) else b"+" + packets[0]


def _to_gdb(connection: socket.socket, descriptor: int) -> None:
    with suppress(OSError):
        while data := connection.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
