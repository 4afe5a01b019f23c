"""Control messages of sendmsg and recvmsg (net/core/scm.c): descriptors, credentials, times, a protocol's own."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi.inet import (
    IP_PKTINFO,
    IP_TOS,
    IP_TTL,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPV6_HOPLIMIT,
    IPV6_PKTINFO,
    IPV6_TCLASS,
)
from kernel_model.abi.limits import NOFILE
from kernel_model.abi.socket import (
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    SCM_CREDENTIALS,
    SCM_MAX_FD,
    SCM_RIGHTS,
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    SOL_SOCKET,
)
from kernel_model.abi.structs import Msghdr
from kernel_model.abi.uapi import CLOCK_REALTIME, Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.call.clocks import base_of
from kernel_model.files import File
from kernel_model.files.sockets.message import Credentials, Outgoing, Received
from kernel_model.files.sockets.socket import Socket
from kernel_model.files.sockets.udp import UdpSocket
from kernel_model.files.sockets.unix import UnixSocket

_CONTROL_MAX: Final = 131_072  # net.core.optmem_max
_HEADER: Final = struct.Struct("<Qii")  # struct cmsghdr
_UCRED: Final = struct.Struct("<iII")
_INT: Final = 4
_FIELDS: Final = {  # values of header fields
    (IPPROTO_IP, IP_TTL): (1, 255), (IPPROTO_IP, IP_TOS): (0, 255), (IPPROTO_IPV6, IPV6_HOPLIMIT): (-1, 255),
    (IPPROTO_IPV6, IPV6_TCLASS): (-1, 255),
}  # fmt: skip
_ADDRESSES: Final = ((IPPROTO_IP, IP_PKTINFO), (IPPROTO_IPV6, IPV6_PKTINFO))  # of where to send from: always lo
_NS: Final = 1_000_000_000


def read_control(call: Call, sock: Socket, header: Msghdr, message: Outgoing) -> None:
    """Add what the control messages hold. Raises LinuxError EINVAL, EBADF, ENOBUFS, ETOOMANYREFS, ESRCH."""
    if header.msg_controllen > _CONTROL_MAX:
        raise LinuxError(Errno.ENOBUFS)
    control, at = call.memory.read(header.msg_control, header.msg_controllen), 0
    while at + _HEADER.size <= len(control):
        length, level, kind = _HEADER.unpack_from(control, at)
        if not _HEADER.size <= length <= len(control) - at:
            raise LinuxError(Errno.EINVAL)
        data = control[at + _HEADER.size : at + length]
        if level == SOL_SOCKET and isinstance(sock, UnixSocket):
            _read_one(call, kind, data, message)
        elif isinstance(sock, UdpSocket) and level in (IPPROTO_IP, IPPROTO_IPV6):
            _read_header_field(call, level, kind, data, message)
        elif level == SOL_SOCKET and kind not in (SCM_RIGHTS, SCM_CREDENTIALS):  # those are for AF_UNIX
            raise call.unsupported(f"control message SOL_SOCKET {kind}", Errno.EINVAL)
        at += (length + 7) // 8 * 8


def _read_one(call: Call, kind: int, data: bytes, message: Outgoing) -> None:
    if kind == SCM_RIGHTS:
        fds = struct.unpack_from(f"<{len(data) // 4}I", data)
        if len(fds) + len(message.files) > SCM_MAX_FD:
            raise LinuxError(Errno.EINVAL)
        call.kernel.network.in_flight.check(call.process.limits[NOFILE][0])
        message.files += [call.file(fd) for fd in fds]
    elif kind == SCM_CREDENTIALS:
        if len(data) != _UCRED.size:
            raise LinuxError(Errno.EINVAL)
        message.credentials = Credentials(*_UCRED.unpack(data))
        if message.credentials.pid not in call.kernel.processes:
            raise LinuxError(Errno.ESRCH)
    else:
        raise call.unsupported(f"control message SOL_SOCKET {kind}", Errno.EINVAL)


def _read_header_field(call: Call, level: int, kind: int, data: bytes, message: Outgoing) -> None:
    """A field of the IP header (ip_cmsg_send, ip6_datagram_send_ctl). -1: as without it. Raises LinuxError EINVAL."""
    if (level, kind) in _ADDRESSES:
        return
    if (level, kind) not in _FIELDS:
        raise call.unsupported(f"control message level {level} type {kind}", Errno.EINVAL)
    low, high = _FIELDS[level, kind]
    value = int.from_bytes(data[:4], "little", signed=True) if len(data) == _INT else -2
    if len(data) == 1 and level == IPPROTO_IP:
        value = data[0]
    if not low <= value <= high:
        raise LinuxError(Errno.EINVAL)
    if value >= 0:
        message.header[level, kind] = value


def write_control(call: Call, sock: Socket, header: Msghdr, received: Received, flags: int) -> int:
    """Write the control messages of a receive, as many as fit; returns their bytes. Sets MSG_CTRUNC in the header."""
    writer = _Writer(call, header)
    time = _time(sock, received)
    if time is not None:
        writer.add(SOL_SOCKET, *time)
    if received.credentials is not None:
        pid, uid, gid = received.credentials
        writer.add(SOL_SOCKET, SCM_CREDENTIALS, _UCRED.pack(pid, uid & 0xFFFF_FFFF, gid & 0xFFFF_FFFF))
    for level, kind, data in received.control:
        writer.add(level, kind, data)
    if received.files:
        writer.add_files(received.files, bool(flags & MSG_CMSG_CLOEXEC))
    return writer.used


def _time(sock: Socket, received: Received) -> tuple[int, bytes] | None:
    """SO_TIMESTAMP, SO_TIMESTAMPNS: when the message was sent."""
    if received.time is None:
        return None
    now = base_of(CLOCK_REALTIME) + received.time
    if sock.options.get((SOL_SOCKET, SO_TIMESTAMPNS)):
        return SO_TIMESTAMPNS, struct.pack("<qq", now // _NS, now % _NS)
    if sock.options.get((SOL_SOCKET, SO_TIMESTAMP)):
        return SO_TIMESTAMP, struct.pack("<qq", now // _NS, now % _NS // 1000)
    return None


class _Writer:
    """Control messages into the user's buffer, one after the other (put_cmsg, scm_detach_fds)."""

    def __init__(self, call: Call, header: Msghdr) -> None:
        self._call, self._header = call, header
        self._size = header.msg_controllen if header.msg_control else 0
        self.used = 0

    def add(self, level: int, kind: int, data: bytes) -> None:
        """A message that does not fit is cut, with MSG_CTRUNC."""
        room = self._size - self.used
        if room < _HEADER.size:
            self._header.msg_flags |= MSG_CTRUNC
            return
        length = _HEADER.size + len(data)
        if length > room:
            self._header.msg_flags |= MSG_CTRUNC
            length = room
        octets = (_HEADER.pack(length, level, kind) + data)[:length]
        self._call.memory.write(self._header.msg_control + self.used, octets)
        self.used += min((length + 7) // 8 * 8, room)

    def add_files(self, files: list[File], close_on_exec: bool) -> None:
        """Give the files descriptors, as many as fit; the others are closed."""
        call = self._call
        room = max(0, self._size - self.used - _HEADER.size) // 4
        fds: list[int] = []
        for file in files:
            try:
                if len(fds) < room:
                    fds.append(call.process.files.install(call.new_fd(), file, close_on_exec))
            except LinuxError:
                room = len(fds)
            file.drop(call.cpu)
        if len(fds) < len(files):
            self._header.msg_flags |= MSG_CTRUNC
        if fds:
            self.add(SOL_SOCKET, SCM_RIGHTS, struct.pack(f"<{len(fds)}i", *fds))
