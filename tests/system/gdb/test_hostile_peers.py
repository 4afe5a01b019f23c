"""What a peer on gdb's port cannot do: exhaust the host, write its files, end the server, keep others out."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pffemu import Machine, assemble
from pffemu.cli.gdb import _below
from pffemu.debug.commands import Commands
from pffemu.debug.gdb import server as gdb_server
from pffemu.debug.gdb import vfile
from pffemu.debug.gdb.packets import encode
from pffemu.debug.gdb.server import LOOPBACK
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.gdb.stub import Stub
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.errors import PffemuError, UsageError
from pffemu.state.snapshot_file import is_snapshot
from tests.system.gdb.stub_client import Client, served

PROGRAM = assemble("_start: inc qword ptr [rip + w]\njmp _start\n.data\nw: .quad 5\n")


def stub_of(tmp_path: Path, saves: Path | None = None) -> Iterator[Stub]:
    machine = Machine(ram=16 << 20)
    machine.load(PROGRAM)
    program = tmp_path / "guest"
    program.write_bytes(bytes(1 << 20))
    with closing(Session(machine)) as session:
        commands = Commands(session, Places(machine), partial(_below, saves) if saves is not None else None)

        def monitor(line: str) -> str:
            try:
                return commands.execute(line)
            except PffemuError as error:
                return f"error: {error}"

        yield Stub(SessionTarget(session, program, monitor))


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Stub]:
    yield from stub_of(tmp_path)


def ask(stub: Stub, text: str) -> str:
    return (stub.handle(text.encode()) or b"").decode()


def monitor(stub: Stub, line: str) -> str:
    return bytes.fromhex(ask(stub, f"qRcmd,{line.encode().hex()}")).decode()


@pytest.mark.parametrize("size", ["0", "7fffffffefc0", "100000000", "ffffffffffffffff"])
@pytest.mark.parametrize("kind", "234")
def test_a_watchpoint_of_a_length_that_cannot_be_watched_is_refused(stub: Stub, kind: str, size: str) -> None:
    assert ask(stub, f"Z{kind},3621,{size}").startswith("E")
    assert ask(stub, f"Z{kind},3621,8") == "OK"


def test_breakpoints_are_bounded(stub: Stub) -> None:
    replies = [stub.target.set_points(()) and ask(stub, f"Z0,{at:x},1") for at in range(2)]
    assert replies == ["OK", "OK"]
    session = stub.target._session  # type: ignore[attr-defined]
    for _ in range(4096):
        monitor(stub, "break 0x1000")
    assert len(list(session.breakpoints)) == 4096
    assert ask(stub, "Z0,5000,1").startswith("E.")


def test_gdb_removes_a_point_that_the_person_has_deleted(stub: Stub) -> None:
    assert ask(stub, "Z0,400000,1") == "OK"
    assert "no breakpoints" in monitor(stub, "delete 1")
    assert ask(stub, "z0,400000,1") == "OK"
    assert ask(stub, "Z0,400000,1") == "OK"
    assert "0x400000" in monitor(stub, "breakpoints")


def test_monitor_save_writes_nothing_unless_the_user_named_a_folder(stub: Stub, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    assert "--saves" in monitor(stub, f"save {victim}")
    assert victim.read_text() == "precious"


def test_monitor_save_stays_in_its_folder(tmp_path: Path) -> None:
    folder, victim = tmp_path / "saves", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    (folder / "link").symlink_to(victim)
    for stub in stub_of(tmp_path, folder):
        for name in ("../victim", str(victim), "..", "a/b"):
            assert "no plain file name" in monitor(stub, f"save {name}")
        assert "saved" in monitor(stub, "save link")
        assert "saved" in monitor(stub, "save state")
    assert victim.read_text() == "precious"
    assert is_snapshot(folder / "link")
    assert sorted(each.name for each in folder.iterdir()) == ["link", "state"]


def test_open_files_are_bounded_in_number_and_bytes(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stub.target.exec_file(1).encode().hex()
    monkeypatch.setattr(vfile, "MOST_BYTES", 5 << 20)
    replies = [ask(stub, f"vFile:open:{path},0,0") for _ in range(7)]
    assert replies == ["F3", "F4", "F5", "F6", "F7", "F-1,17", "F-1,17"]
    assert ask(stub, "vFile:close:3") == "F0"
    maps = b"/proc/1/maps".hex()
    replies = [ask(stub, f"vFile:open:{maps},0,0") for _ in range(vfile._MOST_FILES)]
    assert replies[-1] == "F-1,18"


def test_a_file_that_became_a_fifo_is_not_waited_for(stub: Stub) -> None:
    program = Path(stub.target.exec_file(1))
    program.unlink()
    os.mkfifo(program)
    assert ask(stub, f"vFile:open:{str(program).encode().hex()},0,0") == "F-1,2"


def closed_by_server(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def test_a_browser_cannot_speak_to_the_stub() -> None:
    with served(PROGRAM) as serving:
        with socket.create_connection((LOOPBACK, serving.port), timeout=10) as browser:
            browser.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n" + encode(b"k"))
            assert closed_by_server(browser)
        assert serving.connect().ask(b"qC") == b"QC1"


def test_a_peer_that_says_nothing_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdb_server, "_HELLO", 1)
    with served(PROGRAM) as serving:
        silent = socket.create_connection((LOOPBACK, serving.port), timeout=10)
        assert serving.connect().ask(b"qC") == b"QC1"
        assert closed_by_server(silent)
        silent.close()


def test_a_peer_that_takes_no_replies_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdb_server, "_SEND", 1)
    with served(PROGRAM) as serving:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((LOOPBACK, serving.port))
        deaf.settimeout(10)
        for _ in range(600):
            deaf.sendall(encode(b"qXfer:features:read:target.xml:0,3fff"))
        assert serving.connect().ask(b"qC") == b"QC1"
        deaf.close()


def flood(client: Client) -> None:
    for _ in range(100_000):
        client.raw(encode(b"qC") * 100)


def test_a_peer_that_floods_gives_way() -> None:
    with served(PROGRAM) as serving:
        client: Client = serving.connect()
        client.send(b"vCont;c")
        with pytest.raises(ConnectionError):
            flood(client)
        client.close()
        assert serving.connect().ask(b"?").startswith(b"T")


def test_a_snapshot_is_written_only_as_a_file_of_its_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        _below(tmp_path, "a\0b")
    assert _below(tmp_path, "a b") == tmp_path / "a b"
