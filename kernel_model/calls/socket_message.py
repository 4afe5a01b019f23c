"""Sending and receiving through sockets: sendto, sendmsg, sendmmsg and their counterparts (net/socket.c)."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

from kernel_model.abi.files import IOV_MAX
from kernel_model.abi.socket import (
    MSG_CMSG_CLOEXEC,
    MSG_CMSG_COMPAT,
    MSG_DONTWAIT,
    MSG_TRUNC,
    MSG_WAITFORONE,
    SOCKADDR_MAX,
)
from kernel_model.abi.structs import Msghdr, Timespec
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.call.timeout import Timeout
from kernel_model.calls.file import import_iovec
from kernel_model.calls.socket_address import bring_in_address, read_address, socket_of, write_address
from kernel_model.calls.socket_control import read_control, write_control
from kernel_model.files import UserBuffer
from kernel_model.files.sockets.message import Outgoing, Received
from kernel_model.files.sockets.socket import Socket
from kernel_model.files.user_buffer import RW_MAX, check_range
from pffemu.hw.page_walk import WRITE

_HEADER_SIZE: Final = ctypes.sizeof(Msghdr)
_ENTRY_SIZE: Final = 64  # struct mmsghdr
_CONTROL_BROUGHT_IN: Final = 1 << 16  # bytes


def sendto(call: Call, fd: int, address: int, size: int, flags: int, to: int, to_size: int) -> int:
    check_range(address, min(size, RW_MAX))
    sock = socket_of(call, fd)
    target = read_address(call, to, to_size) if to else b""
    return sock.send(call, UserBuffer(call.memory, [(address, size)]), Outgoing(flags & 0xFFFF_FFFF, target))


def recvfrom(call: Call, fd: int, address: int, size: int, flags: int, source: int, source_size: int) -> int:
    check_range(address, min(size, RW_MAX))
    sock = socket_of(call, fd)
    if source:
        bring_in_address(call, source, source_size)
    received = sock.receive(call, UserBuffer(call.memory, [(address, size)]), flags & 0xFFFF_FFFF)
    for file in received.files:
        file.drop(call.cpu)
    if source:
        write_address(call, received.address, source, source_size)
    return _count(received, flags)


def sendmsg(call: Call, fd: int, address: int, flags: int) -> int:
    _check_flags(flags)
    return _send(call, socket_of(call, fd), address, flags)


def recvmsg(call: Call, fd: int, address: int, flags: int) -> int:
    _check_flags(flags)
    return _receive(call, socket_of(call, fd), address, flags)


def sendmmsg(call: Call, fd: int, vector: int, count: int, flags: int) -> int:
    """Send up to 1024 messages; returns how many were sent, or the first one's error."""
    _check_flags(flags)
    sock, pending = socket_of(call, fd), call.pending
    while pending.cursor < min(count & 0xFFFF_FFFF, IOV_MAX):
        entry = vector + _ENTRY_SIZE * pending.cursor
        try:
            call.memory.parts(entry, _ENTRY_SIZE, WRITE)
            sent = _send(call, sock, entry, flags)
        except LinuxError:
            if not pending.cursor:
                raise
            break
        call.memory.write_u32(entry + _HEADER_SIZE, sent)
        pending.progress = 0
        pending.cursor += 1
    return pending.cursor


def recvmmsg(call: Call, fd: int, vector: int, count: int, flags: int, timeout: int) -> int:
    """Receive messages until `count` have come or `timeout` is over, which is looked at after each message only."""
    _check_flags(flags)
    sock, pending = socket_of(call, fd), call.pending
    limit = Timeout.read(call, timeout, Timespec)
    error = sock.take_error()
    if error is not None and not pending.cursor:
        raise LinuxError(error)
    while pending.cursor < (count & 0xFFFF_FFFF):
        entry = vector + _ENTRY_SIZE * pending.cursor
        now = flags & ~MSG_WAITFORONE | (MSG_DONTWAIT if flags & MSG_WAITFORONE and pending.cursor else 0)
        try:
            call.memory.parts(entry, _ENTRY_SIZE, WRITE)
            received = _receive(call, sock, entry, now)
        except LinuxError as failed:
            if not pending.cursor:
                raise
            if failed.errno is not Errno.EAGAIN:
                sock.error = failed.errno
            break
        call.memory.write_u32(entry + _HEADER_SIZE, received)
        pending.progress = 0
        pending.cursor += 1
        if limit.passed(call):
            break
    limit.write_rest(call, timeout, Timespec)
    return pending.cursor


def _send(call: Call, sock: Socket, address: int, flags: int) -> int:
    header = call.memory.read_struct(Msghdr, address)
    _check_name(header)
    size = min(header.msg_namelen, SOCKADDR_MAX) if header.msg_name else 0
    message = Outgoing(flags & 0xFFFF_FFFF, read_address(call, header.msg_name, size) if size else b"")
    buffer = import_iovec(call, header.msg_iov, header.msg_iovlen, Errno.EMSGSIZE)
    if header.msg_controllen:
        read_control(call, sock, header, message)
    return sock.send(call, buffer, message)


def _receive(call: Call, sock: Socket, address: int, flags: int) -> int:
    header = call.memory.read_struct(Msghdr, address)
    _check_name(header)
    buffer = import_iovec(call, header.msg_iov, header.msg_iovlen, Errno.EMSGSIZE)
    name_size = min(header.msg_namelen, SOCKADDR_MAX) if header.msg_name else 0
    with suppress(LinuxError):  # a bad address is an error only when it is written to
        call.memory.parts(address, _HEADER_SIZE, WRITE)
        call.memory.parts(header.msg_control, min(header.msg_controllen, _CONTROL_BROUGHT_IN), WRITE)
        call.memory.parts(header.msg_name, name_size, WRITE)
    received = sock.receive(call, buffer, flags & 0xFFFF_FFFF & ~MSG_CMSG_CLOEXEC)
    header.msg_flags = received.flags | flags & MSG_CMSG_CLOEXEC
    header.msg_controllen = write_control(call, sock, header, received, flags)
    if header.msg_name:
        call.memory.write(header.msg_name, received.address[:name_size])
        header.msg_namelen = len(received.address)
    call.memory.write_struct(address, header)
    return _count(received, flags)


def _check_flags(flags: int) -> None:
    """Raises LinuxError EINVAL for what is the kernel's own."""
    if flags & MSG_CMSG_COMPAT:
        raise LinuxError(Errno.EINVAL)


def _check_name(header: Msghdr) -> None:
    """Raises LinuxError EINVAL."""
    if header.msg_name and header.msg_namelen < 0:
        raise LinuxError(Errno.EINVAL)


def _count(received: Received, flags: int) -> int:
    """With MSG_TRUNC, the length of the whole packet."""
    return received.length if flags & MSG_TRUNC else received.count
