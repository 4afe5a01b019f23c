"""The socket: one gdb at a time; Ctrl-C and a lost connection are noticed while the guest runs."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pffemu.debug.gdb.packets import PacketReader, Token, encode
from pffemu.debug.gdb.stub import Stub
from pffemu.debug.gdb.target import Target
from pffemu.errors import UsageError

LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 4096
_RESENDS: Final = 8  # times a reply is sent again that gdb rejects
_GONE: Final = object()


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0: any free one. Raises UsageError when the address or port cannot be used."""
    try:
        return socket.create_server((host, port), backlog=1)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a port number"
        raise UsageError(f"cannot listen: {why}", where=f"{host}:{port}", remedy="another --port, or 0") from error


def serve(server: socket.socket, target: Target, said: Callable[[str], None]) -> Stub:
    """Serve one gdb after another, until one kills the guest or detaches; the last one's stub.

    When a connection breaks, the guest waits as it is for the next gdb. `said` gets messages for the user.
    """
    while True:
        connection, peer = server.accept()
        said(f"gdb connected from {peer[0]}:{peer[1]}")
        stub = Stub(target)
        with connection:
            _Connection(connection, stub).run()
        target.set_points(())
        if stub.done:
            return stub
        said("gdb has gone; the guest waits for the next one")


class _Connection:
    """One gdb. A second thread reads the socket, so that an interrupt is noticed while the first runs the guest."""

    def __init__(self, connection: socket.socket, stub: Stub) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection, self._stub = connection, stub
        self._tokens: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._unanswered = 0  # packets read: while there are any, an interrupt has a run to stop, or soon will
        self._last = b""
        self._resent = 0

    def run(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        while not self._stub.done:
            token = self._tokens.get()
            if token is _GONE:
                return
            if isinstance(token, bytes):
                self._packet(token)
            elif token is Token.DAMAGED:
                self._send(b"-")
            elif token is Token.NACK and self._resent < _RESENDS:
                self._resent += 1
                self._send(self._last)

    def _packet(self, data: bytes) -> None:
        if not self._stub.no_ack:
            self._send(b"+")
        reply = self._stub.handle(data)
        self._unanswered -= 1
        if not self._unanswered:
            self._stub.target.forget_interrupt()
        for line in self._stub.said:
            self._send(encode(b"O" + f"pffemu: {line}\n".encode().hex().encode()))
        self._stub.said.clear()
        if reply is not None:
            self._last, self._resent = encode(reply), 0
            self._send(self._last)

    def _send(self, data: bytes) -> None:
        with suppress(OSError):  # the connection is broken: the reading thread notices, too
            self._connection.sendall(data)

    def _read(self) -> None:
        reader = PacketReader()
        while True:
            try:
                data = self._connection.recv(_CHUNK)
            except OSError:
                data = b""
            for token in reader.feed(data):
                if token is Token.INTERRUPT:
                    self._interrupt()
                    continue
                self._unanswered += isinstance(token, bytes)
                self._tokens.put(token)
            if not data:
                self._interrupt()
                self._tokens.put(_GONE)
                return

    def _interrupt(self) -> None:
        if self._unanswered:
            self._stub.target.interrupt()
