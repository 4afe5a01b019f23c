"""A gdb for tests: speaks the protocol over a socket to a stub that serves in a thread, or starts a real gdb on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pffemu import Machine, Mode, Program
from pffemu.debug.gdb.packets import PacketReader, Token, encode
from pffemu.debug.gdb.server import LOOPBACK, listen, serve
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.gdb.stub import Stub
from pffemu.debug.session import Session

GDB = shutil.which(os.environ.get("PFFEMU_GDB", "gdb"))  # PFFEMU_GDB: another one to test with
needs_gdb = pytest.mark.skipif(GDB is None, reason="no gdb on this machine")
_PATIENCE = 10.0  # seconds for an answer


class Client:
    """One connection. `ask` sends a packet and waits for its reply."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=_PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as gdb
        self._reader, self._tokens = PacketReader(), list[bytes | Token]()
        self.console = ""

    def send(self, data: bytes) -> None:
        self.socket.sendall(encode(data))

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def token(self) -> bytes | Token:
        while not self._tokens:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._tokens += self._reader.feed(data)
        return self._tokens.pop(0)

    def reply(self) -> bytes:
        """The next packet's data; acknowledgements are taken and given, text for the person goes to `console`."""
        while True:
            token = self.token()
            if isinstance(token, Token):
                assert token is Token.ACK
                continue
            self.socket.sendall(b"+")
            if token[:1] != b"O" or token == b"OK":
                return token
            self.console += bytes.fromhex(token[1:].decode()).decode()

    def ask(self, data: bytes) -> bytes:
        self.send(data)
        return self.reply()

    def close(self) -> None:
        self.socket.close()


class Served:
    """`session` belongs to the serving thread while a client is connected."""

    def __init__(self, session: Session, port: int, thread: threading.Thread) -> None:
        self.session, self.port, self.thread = session, port, thread
        self.stubs: list[Stub] = []
        self.clients: list[Client] = []

    def connect(self) -> Client:
        self.clients.append(Client(self.port))
        return self.clients[-1]


@contextmanager
def served(
    program: Program | Path,
    name: str = "program.s",
    mode: Mode = Mode.PFF,
    arguments: tuple[str, ...] = (),
    output: Callable[[bytes], None] = lambda _: None,
    **options: Any,
) -> Iterator[Served]:
    """A machine with `program` loaded, behind a stub on a free port; `output` gets what the guest prints."""
    machine = Machine(mode=mode, stdout=Output(output), **options)
    machine.load(program, arguments)
    session = Session(machine)
    server = listen(LOOPBACK, 0)
    target = SessionTarget(session, Path(name), lambda line: f"monitor {line}\n")

    def run() -> None:
        with server:
            serving.stubs.append(serve(server, target, lambda _: None))

    thread = threading.Thread(target=run, daemon=True)
    serving = Served(session, server.getsockname()[1], thread)
    thread.start()
    try:
        yield serving
    finally:
        for client in serving.clients:
            client.close()
        thread.join(0.2)  # it may be about to end
        if thread.is_alive():
            last = Client(serving.port)
            last.send(b"k")
            thread.join(_PATIENCE)
            last.close()
        assert not thread.is_alive()
        session.close()


class Output:
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def write(self, data: bytes, /) -> None:
        self._take(bytes(data))


def run_gdb(port: int, program: Path | None, script: str, tmp_path: Path, before: str = "") -> str:
    """What a stock gdb prints that runs `before`, connects, and runs `script`. `program` None: the stub says which."""
    commands = tmp_path / "script.gdb"
    settings = "set pagination off\nset confirm off\nset width 0\n"
    commands.write_text(f"{settings}{before}target remote :{port}\n{script}\n")
    assert GDB is not None
    ran = subprocess.run(
        [GDB, "-batch", "-nx", "-x", str(commands), *([str(program)] if program else [])],
        capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Remote failure" not in ran.stderr
    assert "internal-error" not in ran.stderr
    return ran.stdout + ran.stderr
