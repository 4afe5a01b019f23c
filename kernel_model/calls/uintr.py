"""The system calls of user interrupts, 471 to 479 (Intel's patches and their man pages), and pffemu's FORWARD_PF flag.

Where the patches' code and man pages differ, this follows the man page: EISCONN for a second connection to one uvec_fd,
ECONNRESET while its receiver has no handler.
"""

from __future__ import annotations

from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.uintr.fds import UipiFd, UvecFd
from kernel_model.uintr.receiver import Receiver, Waiting
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.msrs import IA32_UINTR_STACKADJUST
from pffemu.arch.uitt import USER_VECTORS
from pffemu.hw.msrs import wrmsr

WAIT_MAX_USEC: Final = 1_000_000_000
_WAITING: Final = uapi.UINTR_HANDLER_FLAG_WAITING_RECEIVER | uapi.UINTR_HANDLER_FLAG_WAITING_SENDER


def register_handler(call: Call, handler: int, flags: int) -> int:
    """0. UIF stays 0: the thread must execute STUI. Errors: EINVAL (flags), EFAULT (null), EBUSY."""
    flags &= 0xFFFF_FFFF
    forward = flags & uapi.UINTR_HANDLER_FLAG_FORWARD_PF or call.kernel.options.pff_uintr
    allowed = _WAITING | (uapi.UINTR_HANDLER_FLAG_FORWARD_PF if call.kernel.options.mechanism.forwarding else 0)
    if flags & ~allowed:
        raise LinuxError(Errno.EINVAL)
    if not handler:
        raise LinuxError(Errno.EFAULT)
    if call.task.handler_registered:
        raise LinuxError(Errno.EBUSY)
    waiting = Waiting.NONE
    if flags & _WAITING:
        receiver_pays = flags & uapi.UINTR_HANDLER_FLAG_WAITING_RECEIVER
        waiting = Waiting.RECEIVER if receiver_pays else Waiting.SENDER
    call.kernel.uintr.register(call.cpu, call.task, handler, waiting, bool(forward))
    return 0


def unregister_handler(call: Call, flags: int) -> int:
    """0. Errors: EINVAL (flags, or no handler is registered)."""
    _no_flags(flags)
    if not call.task.handler_registered:
        raise LinuxError(Errno.EINVAL)
    call.kernel.uintr.unregister(call.task)
    call.kernel.uintr.switch.into(call.cpu, call.task)
    return 0


def vector_fd(call: Call, vector: int, flags: int) -> int:
    """A uvec_fd, close-on-exec. Errors: EINVAL (flags, no handler), ENOSPC (vector above 63), EMFILE."""
    _no_flags(flags)
    receiver, fd = _register_vector(call, vector), call.new_fd()
    return call.process.files.install(fd, UvecFd(call.kernel.uintr.upids, receiver, vector), close_on_exec=True)


def register_sender(call: Call, fd: int, flags: int) -> int:
    """The index for SENDUIPI, valid in every thread of the process and of processes that share its table.

    Errors: EINVAL (flags), EBADF, EOPNOTSUPP (not a uvec_fd), EISCONN (this process has connected it), ECONNRESET (the
    receiver has no handler now), ESHUTDOWN (it has ended), ENOSPC.
    """
    _no_flags(flags)
    file = call.file(fd)
    if not isinstance(file, UvecFd):
        raise LinuxError(Errno.EOPNOTSUPP)
    table = call.mm.target_table
    connected = {target.pid for target in table.targets.values() if target.made_from is file} if table else set()
    if call.process.pid in connected:
        raise LinuxError(Errno.EISCONN)
    return _connect(call, file.receiver, file.user_vector, file)


def unregister_sender(call: Call, index: int, flags: int) -> int:
    """0. Errors: EINVAL (flags, or no such index)."""
    _no_flags(flags)
    table = call.mm.target_table
    if table is None or as_int(index) not in table.targets:
        raise LinuxError(Errno.EINVAL)
    call.kernel.uintr.tables.disconnect(table, as_int(index))
    return 0


def wait(call: Call, usec: int, flags: int) -> int:
    """0 when `usec` microseconds pass (at once for 0); EINTR when a user interrupt ends the sleep, which needs one
    of the WAITING flags of uintr_register_handler.

    Errors: EINVAL (flags, more than 1000 s), EOPNOTSUPP (no handler). KernelOptions.uintr_wait_forever: the form of
    the first patches, uintr_wait(flags), which sleeps without limit and needs no WAITING flag.
    """
    forever = call.kernel.options.uintr_wait_forever
    _no_flags(usec if forever else flags)
    if not forever and usec > WAIT_MAX_USEC:
        raise LinuxError(Errno.EINVAL)
    if not forever and usec == 0:
        return 0
    task = call.task
    if not task.handler_registered:
        raise LinuxError(Errno.EOPNOTSUPP)
    if call.pending.timed_out:
        return 0
    deadline = None if forever else call.pending.deadline or call.cpu.clock + call.cpu.profile.to_cycles(usec * 1000)
    raise Blocked(deadline=deadline, why="a user interrupt", sleep=Interruptible.EINTR)


def register_self(call: Call, vector: int, flags: int) -> int:
    """The index by which this process sends to the calling thread. Errors: EINVAL, ENOSPC (vector, or table full)."""
    _no_flags(flags)
    return _connect(call, _register_vector(call, vector), vector, None)


def alt_stack(call: Call, sp: int, _size: int, flags: int) -> int:
    """0. Delivery loads RSP with `sp`, the top of the stack; null: the red zone again; not canonical: no change.

    Errors: EINVAL (flags), EOPNOTSUPP (no handler). As in the patches, the size is not checked.
    """
    _no_flags(flags)
    if not call.task.handler_registered:
        raise LinuxError(Errno.EOPNOTSUPP)
    wrmsr(call.cpu, IA32_UINTR_STACKADJUST, sp | 1 if sp else uapi.UINTR_REDZONE)
    return 0


def ipi_fd(call: Call, flags: int) -> int:
    """A uipi_fd for this process's target table, close-on-exec. Errors: EINVAL (flags), EMFILE."""
    _no_flags(flags)
    fd, table = call.new_fd(), call.kernel.uintr.target_table(call.mm)
    return call.process.files.install(fd, UipiFd(call.kernel.uintr.tables, table), close_on_exec=True)


def _no_flags(flags: int) -> None:
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)


def _register_vector(call: Call, vector: int) -> Receiver:
    """Register `vector` for the calling thread; it stays registered."""
    receiver = call.task.receiver
    if not call.task.handler_registered or receiver is None:
        raise LinuxError(Errno.EINVAL)
    if vector >= USER_VECTORS:
        raise LinuxError(Errno.ENOSPC)
    receiver.vectors |= 1 << vector
    return receiver


def _connect(call: Call, receiver: Receiver, vector: int, made_from: UvecFd | None) -> int:
    if receiver.task is None:
        raise LinuxError(Errno.ESHUTDOWN)
    if not receiver.task.handler_registered:
        raise LinuxError(Errno.ECONNRESET)
    uintr = call.kernel.uintr
    index = uintr.tables.connect(uintr.target_table(call.mm), receiver, vector, call.process.pid, made_from)
    uintr.arm(call.task)
    return index
