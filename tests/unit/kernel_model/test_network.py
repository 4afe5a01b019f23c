"""The machine's network ends at lo: what a host with a network of its own could not show."""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path

import pytest

import kernel_model
import pffemu
from kernel_model.abi.uapi import Errno
from pffemu import Exited
from tests.guest_tools import plain_guest, run

LEAVE = "mov edi, eax\nneg edi\njmp leave_with_edi\n"
STREAM, DATAGRAM = 1, 2
NETWORK = re.compile(
    r"^\s*(?:import|from) (?:_?socket|socketserver|asyncio|ssl|http|urllib|ftplib|smtplib)\b", re.MULTILINE
)
IN, IN6 = ".short 2, 0x5000\n.byte {}\n.quad 0\n", ".short 10, 0x5000\n.long 0\n.byte {}\n.long 0\n"


@pytest.mark.parametrize(
    ("family", "kind", "address", "errno"),
    [
        (2, STREAM, IN.format("8, 8, 8, 8"), Errno.ENETUNREACH),
        (2, DATAGRAM, IN.format("8, 8, 8, 8"), Errno.ENETUNREACH),
        (2, DATAGRAM, IN.format("255, 255, 255, 255"), Errno.ENETUNREACH),
        (2, STREAM, IN.format("224, 0, 0, 1"), Errno.ENETUNREACH),
        (10, STREAM, IN6.format("0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1"), Errno.ENETUNREACH),
        (10, DATAGRAM, IN6.format("0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1"), Errno.ENETUNREACH),
        (10, STREAM, IN6.format("0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1"), Errno.EINVAL),
    ],
)
def test_addresses_beyond_lo_are_unreachable(family: int, kind: int, address: str, errno: Errno) -> None:
    body = (
        f"mov eax, SYS_socket\nmov edi, {family}\nmov esi, {kind}\nxor edx, edx\nsyscall\n"
        "mov edi, eax\nmov eax, SYS_connect\nlea rsi, [rip + address]\nmov edx, 28\nsyscall\n" + LEAVE
    )
    assert run(plain_guest(body, "address: " + address + ".quad 0, 0\n")).stop == Exited(errno)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX], ids=["TCP on lo", "an abstract name"])
def test_servers_of_the_host_are_out_of_reach(family: int) -> None:
    """The guest's connect is refused, and the host's server hears nothing."""
    name = ("127.0.0.1", 0) if family == socket.AF_INET else b"\0pffemu-test-of-the-network"
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind(name)
        server.listen()
        server.setblocking(False)
        if family == socket.AF_INET:
            address = struct.pack("<H", family) + struct.pack(">H4s8x", server.getsockname()[1], b"\x7f\0\0\1")
        else:
            address = struct.pack("<H", family) + bytes(server.getsockname())
        body = (
            f"mov eax, SYS_socket\nmov edi, {family}\nmov esi, {STREAM}\nxor edx, edx\nsyscall\n"
            f"mov edi, eax\nmov eax, SYS_connect\nlea rsi, [rip + address]\nmov edx, {len(address)}\nsyscall\n" + LEAVE
        )
        done = run(plain_guest(body, "address: .byte " + ", ".join(map(str, address)) + "\n"))
        assert done.stop == Exited(Errno.ECONNREFUSED)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_only_gdbs_server_imports_a_network_module() -> None:
    """So nothing that runs for a guest can make a socket of the host."""
    folders = [Path(package.__file__).parent for package in (kernel_model, pffemu)]
    importers = {
        path.relative_to(folder.parent).as_posix()
        for folder in folders
        for path in folder.rglob("*.py")
        if NETWORK.search(path.read_text(encoding="utf-8"))
    }
    assert importers == {"pffemu/debug/gdb/pipe.py", "pffemu/debug/gdb/server.py"}


def test_a_connect_that_no_backlog_has_room_for_ends_after_131_virtual_seconds() -> None:
    """One connection fills a backlog of 0; the next one's SYN is never answered."""
    connect = (
        "mov eax, SYS_socket\nmov edi, 2\nmov esi, 1\nxor edx, edx\nsyscall\n"
        "mov edi, eax\nmov eax, SYS_connect\nlea rsi, [rip + address]\nmov edx, 16\nsyscall\n"
    )
    body = (
        "mov eax, SYS_socket\nmov edi, 2\nmov esi, 1\nxor edx, edx\nsyscall\nmov ebx, eax\n"
        "mov edi, ebx\nmov eax, SYS_bind\nlea rsi, [rip + address]\nmov edx, 16\nsyscall\n"
        "mov edi, ebx\nmov eax, SYS_listen\nxor esi, esi\nsyscall\n" + connect + connect + LEAVE
    )
    done = run(plain_guest(body, "address: " + IN.format("127, 0, 0, 1")))
    assert done.stop == Exited(Errno.ETIMEDOUT)
    cpu = done.machine.cpus[0]
    assert cpu.profile.to_ns(cpu.clock) // 10**9 == 131
    network = done.machine.kernel.network
    assert (network.memory.used, network.memory.sockets, network.tcp.connections) == (0, 0, {})
