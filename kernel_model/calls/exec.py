"""execve: another program in the same process (fs/exec.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import AT_FDCWD
from kernel_model.abi.mman import READ_IMPLIES_EXEC
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call
from kernel_model.calls.prctl import NAME_SIZE
from kernel_model.calls.program import Executable, ProgramFiles
from kernel_model.process import exit, robust_list
from kernel_model.task import setid, usage
from kernel_model.task.signals import AltStack
from pffemu.errors import OutOfGuestMemory
from pffemu.events.fields import Label
from pffemu.events.kernel import SyscallReturned

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import SavedRegisters

_STRINGS_MAX: Final = 1 << 20  # bytes of arguments and environment
_POINTERS_MAX: Final = 1 << 16


def execve(call: Call, path: int, arguments: int, environment: int) -> int | None:
    """Errors, before anything changes: EFAULT, E2BIG, ENOENT, EACCES, ENOEXEC, ELOOP, ENOMEM, and those of paths."""
    name = call.memory.read_path(path)
    if not name:
        raise LinuxError(Errno.ENOENT)
    words = _strings(call, arguments) or [b""]
    variables = _strings(call, environment)
    if sum(map(len, words)) + sum(map(len, variables)) > _STRINGS_MAX:
        raise LinuxError(Errno.E2BIG)
    kernel, loader = call.kernel, call.kernel.program_loader
    assert loader is not None
    files = ProgramFiles(lambda path: call.walk(AT_FDCWD, path), loader, call.process)
    found = files.find(name, words)
    user, group = call.task.credentials.user, call.task.credentials.group
    found = found._replace(ids=(user.real, user.effective, group.real, group.effective))
    mm = kernel.create_mm()
    try:
        rip, rsp = loader.fill(mm, found, name, variables, kernel.random)
    except (LinuxError, OutOfGuestMemory) as error:
        kernel.release_mm(call.cpu, mm)
        raise error if isinstance(error, LinuxError) else LinuxError(Errno.ENOMEM) from None
    mm.settings = call.mm.settings.of_new_program()
    if user.real != user.effective or group.real != group.effective:
        mm.settings.dumpable = 0
    _replace(call, mm, found)
    call.task.name = name_of_program(name)
    _start(call, rip, rsp)
    call.cpu.emit(SyscallReturned, Label("execve"), 0)
    return None


def name_of_program(path: bytes) -> bytes:
    """The thread's name (comm) after execve of `path`."""
    return path.rpartition(b"/")[2][: NAME_SIZE - 1]


def _text(word: bytes) -> str:
    return word.decode(errors="surrogateescape")


def _strings(call: Call, address: int) -> list[bytes]:
    """The strings of a list of pointers that ends with a null. Raises LinuxError EFAULT, E2BIG."""
    strings: list[bytes] = []
    size = 0
    while address:
        pointer = int.from_bytes(call.memory.read(address, 8), "little")
        if not pointer:
            break
        strings.append(call.memory.read_string(pointer, _STRINGS_MAX))
        size += len(strings[-1]) + 1
        if size > _STRINGS_MAX or len(strings) > _POINTERS_MAX:
            raise LinuxError(Errno.E2BIG)
        address += 8
    return strings


def _replace(call: Call, mm: Mm, found: Executable) -> None:
    """The point of no return: end the other threads; replace memory, handlers, close-on-exec descriptors."""
    kernel, cpu, process, task = call.kernel, call.cpu, call.process, call.task
    for other in [other for other in process.tasks if other is not task]:
        exit.kill_thread(kernel, cpu, other)
    robust_list.release(kernel, cpu, task)
    exit.forget_mm(kernel, cpu, task)
    kernel.uintr.forget(task)
    exit.abandon_faults(cpu, task)
    usage.keep_peak(process)
    task.settings.start_program()
    process.posix_timers.remove_all()
    task.credentials = setid.of_new_program(task.credentials, task.settings)
    old, process.mm = process.mm, mm
    process.image, process.exe, process.name = found.image, _text(found.path), _text(found.path)
    process.arguments = [_text(word) for word in found.arguments]
    process.has_execed, process.exit_signal = True, int(Signal.SIGCHLD)
    process.personality &= ~READ_IMPLIES_EXEC
    process.signals.handlers = process.signals.handlers.copy()
    process.signals.handlers.reset()
    if any(other.files is process.files for other in kernel.processes.values() if other is not process and other.tasks):
        process.files = process.files.copy()
    process.files.close_on_exec(cpu)
    _reset(task)
    kernel.scheduler.change_program(cpu, task)
    exit.leave_mm(kernel, cpu, process, old)


def _reset(task: Task) -> None:
    task.tid, task.signals.altstack = task.process.pid, AltStack()
    task.clear_child_tid = task.robust_list = 0
    task.uintr.uif = False  # also of a thread that was not a receiver


def _start(call: Call, rip: int, rsp: int) -> None:
    engine = call.cpu.engine
    engine.load_registers(cleared(engine.save_registers()).replace(rip=rip, rsp=rsp))


def cleared(registers: SavedRegisters) -> SavedRegisters:
    """The registers that a program starts with, except for RIP and RSP."""
    names = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{n}" for n in range(8, 16)), "fs_base", "gs_base")
    return registers.with_fxsave(None).replace(**dict.fromkeys(names, 0), rflags=0x202)
