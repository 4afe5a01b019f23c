"""The identity of a process and its machine: thread numbers, personality, sysinfo, getrandom.

The machine is always the same.
"""

from __future__ import annotations

from typing import Final

from kernel_model.abi.structs import Sysinfo
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.rights import check_trace
from kernel_model.files import UserBuffer
from kernel_model.files.file import faulted
from kernel_model.files.proc.memory import memory
from kernel_model.signal.traps import TASK_SIZE_MAX

_ARCH_SET_GS, _ARCH_SET_FS, _ARCH_GET_FS, _ARCH_GET_GS = 0x1001, 0x1002, 0x1003, 0x1004
_GRND_NONBLOCK, _GRND_RANDOM, _GRND_INSECURE = 1, 2, 4
_AT_ONCE: Final = 1 << 20  # bytes
_ROBUST_LIST_SIZE: Final = 24  # bytes of struct robust_list_head
_RANDOM_MAX: Final = (1 << 25) - 1  # most bytes of a call, as of a read of /dev/urandom


def personality(call: Call, persona: int) -> int:
    """Set the personality of all threads (Linux: of one); returns the old one.

    READ_IMPLIES_EXEC, STICKY_TIMEOUTS and UNAME26 have an effect; addresses are never random.
    """
    old, new = call.process.personality, persona & 0xFFFF_FFFF
    if new == 0xFFFF_FFFF:
        return old
    call.process.personality = new
    return old


def sysinfo(call: Call, address: int) -> int:
    """What /proc/meminfo, uptime and loadavg say; loads are 0."""
    used = memory(call)
    info = Sysinfo(
        uptime=call.cpu.profile.to_ns(call.cpu.clock) // 1_000_000_000,
        totalram=used.total,
        freeram=used.free,
        sharedram=used.shmem,
        procs=sum(len(process.tasks) for process in call.kernel.processes.values()),
        mem_unit=1,
    )
    call.memory.write_struct(address, info)
    return 0


def getrandom(call: Call, address: int, size: int, flags: int) -> int:
    """Bytes of the machine's seeded generator; never blocks."""
    flags &= 0xFFFF_FFFF
    if flags & ~(_GRND_NONBLOCK | _GRND_RANDOM | _GRND_INSECURE) or flags & 6 == 6:
        raise LinuxError(Errno.EINVAL)
    size = min(size, _RANDOM_MAX)
    buffer = UserBuffer(call.memory, [(address, size)])
    left = done = buffer.room(size)  # may sleep: it must come before the generator's first take
    while left:
        piece = min(left, _AT_ONCE)
        buffer.scatter(call.kernel.random.take(piece))
        buffer.skip(piece)
        left -= piece
    return done if done or not size else faulted(0)


def set_tid_address(call: Call, address: int) -> int:
    call.task.clear_child_tid = address
    return call.task.tid


def set_robust_list(call: Call, head: int, length: int) -> int:
    """Register the thread's robust list. Errors: EINVAL (not the size of struct robust_list_head)."""
    if length != _ROBUST_LIST_SIZE:
        raise LinuxError(Errno.EINVAL)
    call.task.robust_list = head
    return 0


def get_robust_list(call: Call, tid: int, head: int, length: int) -> int:
    """Write the list of a thread (0: the caller), also of another process; 0 if it has ended. Errors: ESRCH."""
    number = as_int(tid)
    task = call.task if number == 0 else call.kernel.find_task(number)
    if task is None and number not in call.kernel.processes:
        raise LinuxError(Errno.ESRCH)
    if task is not None:
        check_trace(call.task, task.process, real=True)
    registered = task.robust_list if task is not None and number in (0, task.tid) else 0
    call.memory.write(length, _ROBUST_LIST_SIZE.to_bytes(8, "little"))
    call.memory.write(head, registered.to_bytes(8, "little"))
    return 0


def rseq(call: Call, area: int, length: int, flags: int, signature: int) -> int:
    """ENOSYS, as of a kernel without CONFIG_RSEQ: libc then reads the CPU number with getcpu."""
    raise LinuxError(Errno.ENOSYS)


def arch_prctl(call: Call, code: int, address: int) -> int:
    """ARCH_SET_FS, GET_FS, SET_GS, GET_GS (arch/x86/kernel/process_64.c). Errors: EINVAL, EPERM, EFAULT."""
    base = {_ARCH_SET_FS: "fs_base", _ARCH_GET_FS: "fs_base", _ARCH_SET_GS: "gs_base", _ARCH_GET_GS: "gs_base"}
    name = base.get(as_int(code))
    if name is None:
        raise LinuxError(Errno.EINVAL)
    if as_int(code) in (_ARCH_GET_FS, _ARCH_GET_GS):
        call.memory.write(address, call.cpu.registers[name].to_bytes(8, "little"))
        return 0
    if address >= TASK_SIZE_MAX:
        raise LinuxError(Errno.EPERM)
    call.cpu.registers[name] = address
    return 0
