"""Socket addresses in user memory (net/socket.c: move_addr_to_kernel, move_addr_to_user)."""

from __future__ import annotations

from kernel_model.abi.socket import SOCKADDR_MAX
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files.sockets.socket import Socket
from pffemu.hw.page_walk import WRITE


def socket_of(call: Call, fd: int) -> Socket:
    """The socket of a descriptor. Raises LinuxError EBADF, ENOTSOCK."""
    file = call.file(fd)
    if not isinstance(file, Socket):
        raise LinuxError(Errno.ENOTSOCK)
    return file


def read_address(call: Call, address: int, size: int) -> bytes:
    """The struct sockaddr at `address`. Raises LinuxError EINVAL, EFAULT."""
    if not 0 <= as_int(size) <= SOCKADDR_MAX:
        raise LinuxError(Errno.EINVAL)
    return call.memory.read(address, as_int(size))


def room_for_address(call: Call, address: int, size_at: int) -> int:
    """The size of the buffer at `address`, which is brought in. Raises LinuxError EINVAL, EFAULT."""
    size = as_int(call.memory.read_u32(size_at))
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    call.memory.parts(address, min(size, SOCKADDR_MAX), WRITE)
    call.memory.parts(size_at, 4, WRITE)
    return size


def bring_in_address(call: Call, address: int, size_at: int) -> None:
    """Bring in the buffer of an address that is written later. A bad one is an error only then."""
    try:
        room_for_address(call, address, size_at)
    except LinuxError:
        return


def write_address(call: Call, value: bytes, address: int, size_at: int) -> None:
    """Write as much of `value` as fits, and its whole size. Raises LinuxError EINVAL, EFAULT."""
    size = as_int(call.memory.read_u32(size_at))
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    call.memory.parts(size_at, 4, WRITE)
    if size and value:
        call.memory.write(address, value[:size])
    call.memory.write_u32(size_at, len(value))
