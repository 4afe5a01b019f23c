"""socketpair, and calls of connected sockets: send, receive, shutdown, options, descriptors in messages (net/socket.c).

Only pairs exist; a socket with an address of its own is EAFNOSUPPORT, as on a Linux without networking.
"""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi.limits import NOFILE
from kernel_model.abi.socket import (
    AF_MAX,
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_PEEK,
    MSG_TRUNC,
    SCM_MAX_FD,
    SCM_RIGHTS,
    SO_ACCEPTCONN,
    SO_DOMAIN,
    SO_ERROR,
    SO_PEERCRED,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_SNDBUF,
    SO_TYPE,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_TYPE_MASK,
    SOL_SOCKET,
    SockType,
)
from kernel_model.abi.structs import Msghdr
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.fd import install_pair, new_pair
from kernel_model.calls.file import import_iovec
from kernel_model.files import File, UserBuffer
from kernel_model.files.socket_pair import Received, UnixSocket, make_socket_pair
from kernel_model.files.user_buffer import check_range
from pffemu.hw.page_walk import WRITE

_BUFFER_SIZE: Final = 212_992  # net.core.wmem_default, rmem_default
_CONTROL_MAX: Final = 131_072  # net.core.optmem_max
_CMSG: Final = struct.Struct("<Qii")  # struct cmsghdr


def socket(call: Call, family: int, kind: int, protocol: int) -> int:
    raise call.unsupported(f"socket of family {as_int(family)}", Errno.EAFNOSUPPORT)


def socketpair(call: Call, family: int, kind: int, protocol: int, address: int) -> int:
    """AF_UNIX only. Errors: EINVAL, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EFAULT, EMFILE."""
    flags = kind & 0xFFFF_FFFF & ~SOCK_TYPE_MASK
    if flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK):
        raise LinuxError(Errno.EINVAL)
    call.memory.parts(address, 8, WRITE)
    if as_int(family) != AF_UNIX:
        known = 0 <= as_int(family) < AF_MAX
        raise LinuxError(Errno.EOPNOTSUPP if as_int(family) == 2 and known else Errno.EAFNOSUPPORT)
    number = kind & SOCK_TYPE_MASK
    if number not in (*SockType,):
        raise LinuxError(Errno.ESOCKTNOSUPPORT if number < 11 else Errno.EINVAL)
    if as_int(protocol) not in (0, AF_UNIX):
        raise LinuxError(Errno.EPROTONOSUPPORT)
    made = SockType.DGRAM if number == SockType.RAW else SockType(number)
    fds = new_pair(call, address)
    ends = make_socket_pair(made, flags, call.kernel.scheduler, call.kernel.in_flight)
    return install_pair(call, fds, ends, bool(flags & SOCK_CLOEXEC))


def sendto(call: Call, fd: int, address: int, size: int, flags: int, to: int, to_size: int) -> int:
    sock = _socket(call, fd)
    check_range(address, size)
    if to and as_int(to_size):
        raise LinuxError(Errno.EISCONN if sock.kind is not SockType.STREAM else _already(sock))
    return _send(call, sock, UserBuffer(call.memory, [(address, size)]), [], flags)


def recvfrom(call: Call, fd: int, address: int, size: int, flags: int, source: int, source_size: int) -> int:
    """Receive; the source's size is 0, because a pair's ends have no names."""
    sock = _socket(call, fd)
    check_range(address, size)
    received = _receive(call, sock, UserBuffer(call.memory, [(address, size)]), flags)
    for file in received.files:
        file.drop(call.cpu)
    if source and source_size:
        call.memory.write_u32(source_size, 0)
    return received.length if flags & MSG_TRUNC and sock.kind is not SockType.STREAM else received.count


def sendmsg(call: Call, fd: int, address: int, flags: int) -> int:
    sock = _socket(call, fd)
    message = call.memory.read_struct(Msghdr, address)
    buffer = import_iovec(call, message.msg_iov, message.msg_iovlen, Errno.EMSGSIZE)
    files = _files_in_control(call, message) if message.msg_controllen else []
    return _send(call, sock, buffer, files, flags)


def recvmsg(call: Call, fd: int, address: int, flags: int) -> int:
    sock = _socket(call, fd)
    message = call.memory.read_struct(Msghdr, address)
    buffer = import_iovec(call, message.msg_iov, message.msg_iovlen, Errno.EMSGSIZE)
    call.memory.parts(address, 56, WRITE)
    call.memory.parts(message.msg_control, min(message.msg_controllen, 1 << 16), WRITE)
    received = _receive(call, sock, buffer, flags)
    message.msg_flags = MSG_TRUNC if received.length > received.count else 0
    message.msg_namelen = 0
    message.msg_controllen = _install_files(call, message, received, flags)
    call.memory.write_struct(address, message)
    return received.length if flags & MSG_TRUNC and sock.kind is not SockType.STREAM else received.count


def shutdown(call: Call, fd: int, how: int) -> int:
    sock = _socket(call, fd)
    if not 0 <= as_int(how) <= 2:
        raise LinuxError(Errno.EINVAL)
    sock.shutdown(call.cpu, as_int(how))
    return 0


def getsockopt(call: Call, fd: int, level: int, option: int, address: int, size_at: int) -> int:
    """SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN, SO_SNDBUF, SO_RCVBUF, SO_PEERCRED."""
    sock = _socket(call, fd)
    if as_int(level) != SOL_SOCKET:
        raise LinuxError(Errno.EOPNOTSUPP)
    size = as_int(call.memory.read_u32(size_at))
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    values = {
        SO_TYPE: sock.kind, SO_DOMAIN: AF_UNIX, SO_PROTOCOL: 0, SO_ERROR: 0, SO_ACCEPTCONN: 0,
        SO_SNDBUF: _BUFFER_SIZE, SO_RCVBUF: _BUFFER_SIZE,
    }  # fmt: skip
    if as_int(option) == SO_PEERCRED:
        data = struct.pack("<3i", call.process.pid, 0, 0)[:size]
    elif as_int(option) in values:
        data = values[as_int(option)].to_bytes(4, "little")[:size]
    else:
        raise call.unsupported(f"getsockopt SOL_SOCKET {as_int(option)}", Errno.ENOPROTOOPT)
    call.memory.write(address, data)
    call.memory.write_u32(size_at, len(data))
    return 0


def setsockopt(call: Call, fd: int, level: int, option: int, address: int, size: int) -> int:
    """Buffer sizes are accepted and have no effect. Errors: EOPNOTSUPP, ENOPROTOOPT, EINVAL."""
    _socket(call, fd)
    if as_int(level) != SOL_SOCKET:
        raise LinuxError(Errno.EOPNOTSUPP)
    if as_int(option) not in (SO_SNDBUF, SO_RCVBUF):
        raise call.unsupported(f"setsockopt SOL_SOCKET {as_int(option)}", Errno.ENOPROTOOPT)
    if as_int(size) < 4:
        raise LinuxError(Errno.EINVAL)
    call.memory.read_u32(address)
    return 0


def getsockname(call: Call, fd: int, address: int, size_at: int) -> int:
    _socket(call, fd)
    size = as_int(call.memory.read_u32(size_at))
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    call.memory.write(address, AF_UNIX.to_bytes(2, "little")[:size])
    call.memory.write_u32(size_at, 2)
    return 0


def getpeername(call: Call, fd: int, address: int, size_at: int) -> int:
    if _socket(call, fd).peer is None:
        raise LinuxError(Errno.ENOTCONN)
    return getsockname(call, fd, address, size_at)


def _socket(call: Call, fd: int) -> UnixSocket:
    file = call.file(fd)
    if not isinstance(file, UnixSocket):
        raise LinuxError(Errno.ENOTSOCK)
    return file


def _already(sock: UnixSocket) -> Errno:
    return Errno.EISCONN if sock.peer is not None else Errno.EOPNOTSUPP


def _send(call: Call, sock: UnixSocket, buffer: UserBuffer, files: list[File], flags: int) -> int:
    nonblocking = sock.nonblocking or bool(flags & MSG_DONTWAIT)
    return sock.send(call, buffer, files, nonblocking, silent=bool(flags & MSG_NOSIGNAL))


def _receive(call: Call, sock: UnixSocket, buffer: UserBuffer, flags: int) -> Received:
    return sock.receive(call, buffer, flags & MSG_PEEK, sock.nonblocking or bool(flags & MSG_DONTWAIT))


def _files_in_control(call: Call, message: Msghdr) -> list[File]:
    """The open files named by SCM_RIGHTS. Raises LinuxError EINVAL, EBADF, ENOBUFS, ETOOMANYREFS."""
    if message.msg_controllen > _CONTROL_MAX:
        raise LinuxError(Errno.ENOBUFS)
    control, at = call.memory.read(message.msg_control, message.msg_controllen), 0
    files: list[File] = []
    while at + _CMSG.size <= len(control):
        length, level, kind = _CMSG.unpack_from(control, at)
        if not _CMSG.size <= length <= len(control) - at:
            raise LinuxError(Errno.EINVAL)
        if level == SOL_SOCKET and kind == SCM_RIGHTS:
            count = (length - _CMSG.size) // 4
            if count + len(files) > SCM_MAX_FD:
                raise LinuxError(Errno.EINVAL)
            if call.kernel.in_flight.count > call.process.limits[NOFILE][0]:
                raise LinuxError(Errno.ETOOMANYREFS)
            files += [call.file(fd) for fd in struct.unpack_from(f"<{count}I", control, at + _CMSG.size)]
        elif level == SOL_SOCKET:
            raise call.unsupported(f"control message SOL_SOCKET {kind}", Errno.EINVAL)
        at += (length + 7) // 8 * 8
    return files


def _install_files(call: Call, message: Msghdr, received: Received, flags: int) -> int:
    """Give the received files descriptors, as many as fit; returns the bytes of control data written."""
    if not received.files:
        return 0
    room = max(0, message.msg_controllen - _CMSG.size) // 4 if message.msg_controllen >= _CMSG.size else 0
    fds: list[int] = []
    for file in received.files:
        try:
            if len(fds) < room:
                fds.append(call.process.files.install(call.new_fd(), file, bool(flags & MSG_CMSG_CLOEXEC)))
        except LinuxError:
            room = len(fds)
        file.drop(call.cpu)
    if len(fds) < len(received.files):
        message.msg_flags |= MSG_CTRUNC
    if not fds:
        return 0
    length = _CMSG.size + 4 * len(fds)
    data = _CMSG.pack(length, SOL_SOCKET, SCM_RIGHTS) + struct.pack(f"<{len(fds)}i", *fds)
    call.memory.write(message.msg_control, data)
    return min((length + 7) // 8 * 8, int(message.msg_controllen))
