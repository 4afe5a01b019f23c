"""The socket: one gdb at a time; Ctrl-C and a lost connection are noticed while the guest runs.

A peer is not trusted to follow the protocol: one that begins otherwise (a browser), says nothing, takes no replies,
sends without waiting for them, or vanishes without a word is disconnected, and the next one served.
"""

from __future__ import annotations

import queue
import socket
import struct
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
_FIRST_BYTES: Final = b"+-$\x03"
_HELLO: Final = 10  # seconds to the first byte
_SEND: Final = 30  # seconds until a reply must have been taken
_IDLE, _PROBE, _PROBES = 30, 10, 3  # seconds, seconds, count: after them a host that is gone is noticed
_UNANSWERED_MAX: Final = 1 << 20  # bytes that may be waiting for their replies


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0: any free one. Raises UsageError when the address or port cannot be used."""
    try:
        return socket.create_server((host, port), backlog=1)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a port number"
        raise UsageError(f"cannot listen: {why}", where=f"{host}:{port}", remedy="another --port, or 0") from error


def serve(server: socket.socket, target: Target, said: Callable[[str], None]) -> Stub:
    """Serve one gdb after another, until one kills the guest or detaches; the last one's stub. A second one waits.

    When a connection breaks, the guest waits as it is for the next gdb. `said` gets messages for the user.
    """
    while True:
        connection, peer = server.accept()
        said(f"gdb connected from {peer[0]}:{peer[1]}")
        stub = Stub(target)
        with connection:
            why = converse(connection, stub)
        target.set_points(())
        if stub.done:
            return stub
        said(f"{why or 'gdb has gone'}; the guest waits for the next one")


def converse(connection: socket.socket, stub: Stub) -> str:
    """Serve one gdb until it is done or gone; why it was disconnected, if it was."""
    return _Connection(connection, stub).run()


class _Connection:
    """One gdb. A second thread reads the socket, so that an interrupt is noticed while the first runs the guest."""

    def __init__(self, connection: socket.socket, stub: Stub) -> None:
        _set_up(connection)
        self._connection, self._stub = connection, stub
        self._tokens: queue.SimpleQueue[object] = queue.SimpleQueue()
        # Each is written by one thread. While packets are unanswered, an interrupt has a run to stop, or soon will.
        self._asked = self._answered = 0  # packets
        self._received = self._handled = 0  # bytes of tokens, by `_weight`
        self._last = b""
        self._resent = 0
        self._why = ""

    def run(self) -> str:
        """Serve until gdb is done or gone; why it was disconnected, if it was."""
        threading.Thread(target=self._read, daemon=True).start()
        while not self._stub.done:
            token = self._tokens.get()
            if token is _GONE:
                break
            if isinstance(token, bytes):
                self._packet(token)
            elif token is Token.DAMAGED:
                self._send(b"-")
            elif token is Token.NACK and self._resent < _RESENDS:
                self._resent += 1
                self._send(self._last)
            self._handled += _weight(token)
        return self._why

    def _packet(self, data: bytes) -> None:
        if not self._stub.no_ack:
            self._send(b"+")
        reply = self._stub.handle(data)
        self._answered += 1
        if self._asked == self._answered:
            self._stub.target.forget_interrupt()
        for line in self._stub.said:
            self._send(encode(b"O" + f"pffemu: {line}\n".encode().hex().encode()))
        self._stub.said.clear()
        if reply is not None:
            self._last, self._resent = encode(reply), 0
            self._send(self._last)

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except BlockingIOError:
            self._drop("gdb takes no replies")
        except OSError:
            self._drop("")  # the connection is broken

    def _drop(self, why: str) -> None:
        """End the connection; the reading thread notices."""
        self._why = self._why or why
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _receive(self, first: bool) -> bytes:
        """What has come; nothing at the connection's end."""
        try:
            data = self._connection.recv(_CHUNK)
            if first:
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(0))
        except BlockingIOError:
            self._drop("the peer said nothing")
            return b""
        except OSError:
            return b""
        if first and data and data[0] not in _FIRST_BYTES:
            self._drop("the peer was no gdb")
            return b""
        return data

    def _read(self) -> None:
        reader, first = PacketReader(), True
        while True:
            data = self._receive(first)
            first = False
            for token in reader.feed(data):
                if token is Token.INTERRUPT:
                    self._interrupt()
                    continue
                if token is Token.ACK:
                    continue
                self._asked += isinstance(token, bytes)
                self._received += _weight(token)
                self._tokens.put(token)
            if self._received - self._handled > _UNANSWERED_MAX:
                self._drop("gdb does not wait for replies")
                data = b""
            if not data:
                self._interrupt()
                self._tokens.put(_GONE)
                return

    def _interrupt(self) -> None:
        if self._asked != self._answered:
            self._stub.target.interrupt()


def _weight(token: object) -> int:
    """Bytes, at most, by which `token` counts while it waits."""
    return 64 + (len(token) if isinstance(token, bytes) else 0)


def _set_up(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(_SEND))
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(_HELLO))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", _IDLE), ("TCP_KEEPINTVL", _PROBE), ("TCP_KEEPCNT", _PROBES)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _timeval(seconds: int) -> bytes:
    return struct.pack("@ll", seconds, 0)
