"""io_setup, io_submit, io_getevents, io_pgetevents, io_cancel, io_destroy (fs/aio.c).

A request is done when it is submitted, as on Linux that of a file without O_DIRECT: its event is there when io_submit
returns. The ring of events is the kernel's: the header in user memory has no magic number, so that libaio asks by call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_model.abi import aio
from kernel_model.abi.structs import Timespec
from kernel_model.abi.uapi import PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.call.timeout import Timeout
from kernel_model.calls import file as file_calls
from kernel_model.calls import writeback as writeback_calls
from kernel_model.calls.memory import free_range, unmap
from kernel_model.calls.poll import use_signal_mask
from kernel_model.files.eventfd import EventFd
from kernel_model.files.user_buffer import check_range
from kernel_model.mm.aio import AioContext, requested
from kernel_model.mm.vma import Vma
from kernel_model.task.sleep import PendingCall
from kernel_model.uffd.events import after_events
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.paging import pages_up
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.files.file import File

_EVENTS_PER_CORE: Final = 4
_KNOWN_FLAGS: Final = aio.IOCB_FLAG_RESFD | aio.IOCB_FLAG_IOPRIO
_VECTORS: Final = (aio.PREADV, aio.PWRITEV)


def io_setup(call: Call, count: int, address: int) -> int:
    """Make a context for `count` events; its number goes to `address`. Errors: EFAULT, EINVAL, EAGAIN, ENOMEM."""
    wanted = count & 0xFFFF_FFFF
    before = int.from_bytes(call.memory.read(address, 8), "little")
    if before or not wanted or wanted > aio.EVENTS_LIMIT:
        raise LinuxError(Errno.EINVAL)
    if wanted + requested(process.mm for process in call.kernel.processes.values()) > aio.AIO_MAX_NR:
        raise LinuxError(Errno.EAGAIN)
    events = 2 * max(wanted, _EVENTS_PER_CORE * call.kernel.scheduler.cores) + 2
    size = pages_up(aio.AIO_RING.size + events * aio.IO_EVENT.size)
    capacity = (size - aio.AIO_RING.size) // aio.IO_EVENT.size
    call.memory.parts(address, 8, WRITE)
    start = free_range(call, size)
    call.mm.map(Vma(start, start + size, PROT_READ | PROT_WRITE, "/[aio] (deleted)", stays_apart=True))
    call.mm.aio[start] = AioContext(wanted, capacity - 1)
    call.memory.write(address, start.to_bytes(8, "little"))
    return 0


def io_destroy(call: Call, number: int) -> int:
    """Errors: EINVAL."""
    context = _context(call, number)
    del call.mm.aio[number]
    context.is_gone = True
    call.kernel.scheduler.wake_all(call.cpu, context.waiters)
    size = pages_up(aio.AIO_RING.size + (context.capacity + 1) * aio.IO_EVENT.size)
    return after_events(call, unmap(call, number, number + size), 0)


def io_submit(call: Call, number: int, count: int, vector: int) -> int:
    """Do requests; returns how many, or the first one's error. Errors: EINVAL, EFAULT, EBADF, EAGAIN, EOPNOTSUPP."""
    wanted = count - (1 << 64) if count >> 63 else count
    if wanted < 0:
        raise LinuxError(Errno.EINVAL)
    context, pending = _context(call, number), call.pending
    while pending.cursor < min(wanted, context.capacity):
        try:
            octets = call.memory.read(vector + 8 * pending.cursor, 8)
            _submit(call, context, int.from_bytes(octets, "little"))
        except LinuxError:
            if not pending.cursor:
                raise
            break
        pending.inner = None
        pending.cursor += 1
    return pending.cursor


def _submit(call: Call, context: AioContext, address: int) -> None:
    """Do the request at `address`. Raises LinuxError, if it could not be begun; Blocked."""
    octets = call.memory.read(address, aio.IOCB.size)
    data, _, rwf, code, _, fd, buffer, size, offset, reserved, flags, told = aio.IOCB.unpack(octets)
    if reserved or size >> 63:
        raise LinuxError(Errno.EINVAL)
    if len(context.events) >= context.capacity:
        raise LinuxError(Errno.EAGAIN)
    file = call.file(fd)
    eventfd = _eventfd(call, told) if flags & aio.IOCB_FLAG_RESFD else None
    call.memory.parts(address, aio.IOCB.size, WRITE)
    call.memory.write_u32(address + aio.IOCB_KEY_AT, 0)
    if code == aio.POLL:
        raise call.unsupported("io_submit with IOCB_CMD_POLL", Errno.EINVAL)
    if code in (aio.FSYNC, aio.FDSYNC):
        if buffer or offset or size or rwf:
            raise LinuxError(Errno.EINVAL)
    elif code in (aio.PREAD, aio.PWRITE, *_VECTORS):
        _check(file, code, offset)
    else:
        raise LinuxError(Errno.EINVAL)
    result = _result(call, code, fd, (buffer, size, offset), rwf)
    context.events.append(aio.IO_EVENT.pack(data, address, result, 0))
    call.kernel.scheduler.wake_all(call.cpu, context.waiters)
    if eventfd is not None:
        eventfd.add_one(call.cpu)


def _check(file: File, code: int, offset: int) -> None:
    """What Linux refuses before it begins. Raises LinuxError EBADF, EINVAL."""
    reads = code in (aio.PREAD, aio.PREADV)
    if not (file.readable if reads else file.writable):
        raise LinuxError(Errno.EBADF)
    if offset < 0 and file.can_seek:
        raise LinuxError(Errno.EINVAL)


def _result(call: Call, code: int, fd: int, request: tuple[int, int, int], rwf: int) -> int:
    """Bytes done, or -errno. Raises LinuxError for a bad buffer or flag; Blocked."""
    buffer, size, offset = request
    call.pending.inner = call.pending.inner or PendingCall(call.pending.number)
    inner = Call(call.kernel, call.cpu, call.task, call.pending.inner)
    if code in (aio.FSYNC, aio.FDSYNC):
        return _done(inner, writeback_calls.fsync, fd)
    file = call.file(fd)
    if code in _VECTORS:
        file_calls.import_iovec(inner, buffer, size)
    else:
        check_range(buffer, size)
    with file_calls.with_rwf(file, rwf):
        if file.can_seek:
            return _done(inner, _AT_OFFSET[code], fd, buffer, size, offset)
        return _done(inner, _AT_POSITION[code], fd, buffer, size)


def _done(call: Call, operation: Callable[..., int], *arguments: int) -> int:
    """The result for the event."""
    try:
        return operation(call, *arguments)
    except LinuxError as error:
        return -error.errno


def _eventfd(call: Call, fd: int) -> EventFd:
    """Raises LinuxError EBADF, EINVAL."""
    file = call.file(fd)
    if not isinstance(file, EventFd):
        raise LinuxError(Errno.EINVAL)
    return file


def io_getevents(call: Call, number: int, least: int, most: int, address: int, timeout: int) -> int:
    """Take up to `most` events, when there are `least` or the time is over. Errors: EINVAL, EFAULT, EINTR."""
    limit = Timeout.read(call, timeout, Timespec)
    return _take(call, number, least, most, address, limit)


def io_pgetevents(call: Call, number: int, least: int, most: int, address: int, timeout: int, mask: int) -> int:
    """io_getevents with a signal mask: `mask` points to its address and size."""
    limit = Timeout.read(call, timeout, Timespec)
    if mask:
        words = call.memory.read(mask, 16)
        use_signal_mask(call, int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little"))
    return _take(call, number, least, most, address, limit)


def _take(call: Call, number: int, least: int, most: int, address: int, limit: Timeout) -> int:
    context = _context(call, number)
    if most >> 63 or least > most:
        raise LinuxError(Errno.EINVAL)
    if len(context.events) < least and not limit.passed(call):
        why = "events of asynchronous requests"
        raise Blocked(context.waiters, deadline=limit.deadline, why=why, sleep=Interruptible.EINTR)
    found = context.events[:most]
    call.memory.write(address, b"".join(found))
    del context.events[: len(found)]
    return len(found)


def io_cancel(call: Call, number: int, address: int, _result: int) -> int:
    """Nothing is ever in progress: EINVAL. Errors: EFAULT."""
    call.memory.read_u32(address + aio.IOCB_KEY_AT)
    _context(call, number)
    raise LinuxError(Errno.EINVAL)


def _context(call: Call, number: int) -> AioContext:
    """Raises LinuxError EINVAL."""
    context = call.mm.aio.get(number)
    if context is None:
        raise LinuxError(Errno.EINVAL)
    return context


_AT_OFFSET: Final = {
    aio.PREAD: file_calls.pread64, aio.PWRITE: file_calls.pwrite64, aio.PREADV: file_calls.preadv,
    aio.PWRITEV: file_calls.pwritev,
}  # fmt: skip
_AT_POSITION: Final = {
    aio.PREAD: file_calls.read, aio.PWRITE: file_calls.write, aio.PREADV: file_calls.readv,
    aio.PWRITEV: file_calls.writev,
}  # fmt: skip
